"""What `check --baseline`, `check --self-test` and `import --against` print."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..commands import FileChange
from ..core import codec, foreign
from ..core.units import format_time

LARGE_SHARED = 1.2
"""Twice the standard deviation of what two runs of a machine share."""


def print_baseline(console: Console, found: Any, path: Path, code: int, *, as_json: bool) -> None:
    """Each case against its stored sessions, and that this is the weaker way."""
    found = foreign.cleaned(found)
    if as_json:
        console.print_json(
            json.dumps({"cases": codec.encode(found.standings), "today": found.today, "exit_code": code})
        )
        return
    slower = sum(one.status == "slower" for one in found.standings)
    console.print(f"check {path}   {len(found.standings)} cases over the anchor · {slower} slower")
    console.print(
        "the weaker way: stored sessions see no change under a few percent; check --base REF does", soft_wrap=True
    )
    console.print()
    table = Table(box=None, pad_edge=False)
    for title in ("kernel", "change", "expected", "sessions", "finding", "why"):
        table.add_column(title, justify="right" if title in ("change", "sessions") else "left")
    for one in found.standings:
        expected = "" if one.expected is None else f"[{_percent(one.expected[0])}, {_percent(one.expected[1])}]"
        change = "–" if one.change is None else f"{_percent(one.change)} %"
        finding = one.status.upper() if one.status in ("slower", "failed") else one.status
        table.add_row(one.label, change, expected, str(one.sessions), finding, one.reason)
    console.print(table)
    failed, few = (sum(one.status == status for one in found.standings) for status in ("failed", "too few"))
    said = [
        f"{count} {what}"
        for count, what in ((failed, "failed"), (slower, "slower"), (few, "too few sessions"))
        if count
    ]
    reports = ["it reports; --strict makes slower cases 1"] if not code else []
    console.print(f"exit {code}: {', '.join([*(said if code else []), *reports]) or 'nothing slower'}")


def print_rates(console: Console, found: Any, *, as_json: bool) -> None:
    """False alarms and catches of stage one."""
    found = foreign.cleaned(found)
    if as_json:
        console.print_json(json.dumps({"rates": codec.encode(found.rates), "exit_code": found.exit_code}))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("difference", "trials", "called slower", "95 % interval", "same", "faster", "unclear"):
        table.add_column(title, justify="left" if title == "difference" else "right")
    for one in found.rates:
        low, high = one.interval
        share = 100 * one.slower / max(one.trials, 1)
        counts = (str(one.same), str(one.faster), str(one.unclear))
        table.add_row(one.kind, str(one.trials), f"{share:.0f} %", f"[{100 * low:.0f}, {100 * high:.0f}]", *counts)
    console.print(table)
    said = (
        "fit to gate"
        if not found.exit_code
        else "not fit to gate now: wait for a quieter machine, see lambdabench doctor"
    )
    console.print(f"one process each; a red build needs fresh ones · exit {found.exit_code}: {said}", soft_wrap=True)


def print_changes(console: Console, changes: Sequence[FileChange]) -> None:
    """Benchmarks of two files, and how little two processes can tell."""
    changes = foreign.cleaned(changes)
    table = Table(box=None, pad_edge=False)
    for title in ("benchmark", "before", "after", "change", "of its own", "interval", "finding"):
        table.add_column(title, justify="left" if title in ("benchmark", "finding") else "right")
    for one in changes:
        times = ["–" if value is None else format_time(value) for value in (one.before_s, one.after_s)]
        change, own = ("–" if value is None else f"{_percent(value)} %" for value in (one.ratio, one.own))
        interval = "" if one.low is None or one.high is None else f"[{_percent(one.low)}, {_percent(one.high)}]"
        table.add_row(one.name, *times, change, own, interval, one.finding)
    console.print(table)
    for line in _limits(changes):
        console.print(line, soft_wrap=True)


def _limits(changes: Sequence[FileChange]) -> list[str]:
    """What all benchmarks share, and the least that this pair of files can tell."""
    known = [(one.ratio / one.own, one.high / one.own) for one in changes if one.ratio and one.own and one.high]
    if not known:
        return []
    shared, least = known[0][0], min(margin for _, margin in known)
    said = f"{len(known)} benchmarks share {_percent(shared)} %, which is no change of each"
    if max(shared, 1 / shared) > LARGE_SHARED:
        said += ": more than runs of one machine usually differ by; look at what all of them run, and at the machine"
    return [
        said,
        f"a stored pair cannot tell less than its two processes differ: nothing under {100 * (least - 1):.0f} % here; "
        "check --base REF tells far less apart",
    ]


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}".replace("-", "−")
