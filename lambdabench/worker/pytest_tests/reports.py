"""What pytest's reports say of tests and files: why they failed, or were skipped."""

import fnmatch
from pathlib import Path
from typing import Any


def failure_of(report: Any) -> str:
    """Why a test or a file of tests failed: the first line of what was raised, or the last one of what pytest has to say of a file."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message if crash is not None else report.longrepr).strip()
    lines = text.splitlines() or ["no message"]
    return lines[0] if crash is not None else lines[-1].removeprefix("E ").strip()


def skip_reason_of(report: Any) -> str:
    """Why a test or a file was skipped, or was expected to fail and did; empty where neither is so."""
    if not report.skipped:
        return ""
    if (expected := getattr(report, "wasxfail", None)) is not None:
        why = str(expected).removeprefix("reason: ").strip()
        return f"expected to fail: {why}" if why else "expected to fail"
    item = report.longrepr
    text = str(item[2] if isinstance(item, tuple) else item).strip().removeprefix("Skipped:").strip()
    return (text.splitlines() or ["no reason given"])[0]


def always_skipped(item: Any) -> bool:
    """Whether a mark skips this test on any side: both have the same files of tests."""
    return item.get_closest_marker("skip") is not None


def may_time(nodeid: str, place: Path, only: str) -> bool:
    """Whether a file that was skipped as a whole may hold a benchmark that is asked for."""
    wanted, apart, _ = only.partition("::")
    asked = not apart or nodeid == wanted or fnmatch.fnmatchcase(nodeid, wanted)
    return asked and (not place.is_file() or "benchmark" in place.read_text(errors="replace"))
