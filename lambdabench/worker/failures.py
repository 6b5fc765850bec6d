"""Why a test or a file of tests failed, in a line."""

from typing import Any


def said(report: Any) -> str:
    """The first line of what was raised, or the last one of what pytest has to say of a file."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message if crash is not None else report.longrepr).strip()
    lines = text.splitlines() or ["no message"]
    return lines[0] if crash is not None else lines[-1].removeprefix("E ").strip()
