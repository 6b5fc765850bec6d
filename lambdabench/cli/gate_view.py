"""What `check --baseline`, `check --history`, `check --self-test` and `import --against` print."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..analysis.trend import FEWEST, History, words
from ..commands import FileChange
from ..core import codec, foreign
from ..core.units import format_time

LARGE_SHARED = 1.2
"""Twice the standard deviation of what two runs of a machine share."""


def print_baseline(console: Console, item: Any, path: Path, code: int, *, as_json: bool) -> None:
    """Each case against its stored sessions, and that this is the weaker way."""
    item = foreign.cleaned(item)
    if as_json:
        console.print_json(json.dumps({"cases": codec.encode(item.standings), "today": item.today, "exit_code": code}))
        return
    slower = sum(entry.status == "slower" for entry in item.standings)
    console.print(f"check {path}   {len(item.standings)} cases over the anchor · {slower} slower")
    console.print(
        "the weaker way: stored sessions see no change under a few percent; check --base REF does", soft_wrap=True
    )
    console.print()
    table = Table(box=None, pad_edge=False)
    for title in ("kernel", "change", "expected", "sessions", "finding", "why"):
        table.add_column(title, justify="right" if title in ("change", "sessions") else "left")
    for standing in item.standings:
        expected = (
            "" if standing.expected is None else f"[{_percent(standing.expected[0])}, {_percent(standing.expected[1])}]"
        )
        change = "–" if standing.change is None else f"{_percent(standing.change)} %"
        finding = standing.status.upper() if standing.status in ("slower", "failed") else standing.status
        table.add_row(standing.label, change, expected, str(standing.sessions), finding, standing.reason)
    console.print(table)
    failed, few = (sum(entry.status == status for entry in item.standings) for status in ("failed", "too few"))
    said = [
        f"{count} {what}"
        for count, what in ((failed, "failed"), (slower, "slower"), (few, "too few sessions"))
        if count
    ]
    reports = ["it reports; --strict makes slower cases 1"] if not code else []
    console.print(f"exit {code}: {', '.join([*(said if code else []), *reports]) or 'nothing slower'}")


def print_rates(console: Console, item: Any, *, as_json: bool) -> None:
    """False alarms and catches of stage one."""
    item = foreign.cleaned(item)
    if as_json:
        console.print_json(json.dumps({"rates": codec.encode(item.rates), "exit_code": item.exit_code}))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("difference", "trials", "called slower", "95 % interval", "same", "faster", "unclear"):
        table.add_column(title, justify="left" if title == "difference" else "right")
    for rate in item.rates:
        low, high = rate.interval
        share = 100 * rate.slower / max(rate.trials, 1)
        counts = (str(rate.same), str(rate.faster), str(rate.unclear))
        table.add_row(rate.kind, str(rate.trials), f"{share:.0f} %", f"[{100 * low:.0f}, {100 * high:.0f}]", *counts)
    console.print(table)
    said = (
        "fit to gate"
        if not item.exit_code
        else "not fit to gate now: wait for a quieter machine, see lambdabench doctor"
    )
    console.print(f"one process each; a red build needs fresh ones · exit {item.exit_code}: {said}", soft_wrap=True)


def print_changes(console: Console, changes: Sequence[FileChange]) -> None:
    """Benchmarks of two files, and how little two processes can tell."""
    changes = foreign.cleaned(changes)
    table = Table(box=None, pad_edge=False)
    for title in ("benchmark", "before", "after", "change", "of its own", "interval", "finding"):
        table.add_column(title, justify="left" if title in ("benchmark", "finding") else "right")
    for file_change in changes:
        times = ["–" if value is None else format_time(value) for value in (file_change.before_s, file_change.after_s)]
        change, own = (
            "–" if value is None else f"{_percent(value)} %" for value in (file_change.ratio, file_change.own)
        )
        interval = (
            ""
            if file_change.low is None or file_change.high is None
            else f"[{_percent(file_change.low)}, {_percent(file_change.high)}]"
        )
        table.add_row(file_change.name, *times, change, own, interval, file_change.finding)
    console.print(table)
    for line in _limits(changes):
        console.print(line, soft_wrap=True)


def _limits(changes: Sequence[FileChange]) -> list[str]:
    """What all benchmarks share, and the least that this pair of files can tell."""
    known = [
        (change.ratio / change.own, change.high / change.own)
        for change in changes
        if change.ratio and change.own and change.high
    ]
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


def print_history(console: Console, histories: Sequence[History], *, as_json: bool) -> int:
    """Each case that moved over stored runs, its changes of level in turn; returns the exit code: 1 where one is slower now."""
    histories = foreign.cleaned(histories)
    moved = [history for history in histories if history.moves()]
    slower = sum(history.moves()[-1].is_slower for history in moved)
    code = 1 if slower else 0
    if as_json:
        moves = {history.label: [codec.encode(move) for move in history.moves()] for history in moved}
        console.print_json(json.dumps({"cases": len(histories), "moved": moves, "exit_code": code}))
        return code
    few = sum(len(history.sessions) < FEWEST for history in histories)
    short = f" · {few} with fewer than the {FEWEST} runs that a change of level takes" if few else ""
    console.print(f"check --history   {len(histories)} cases · {len(moved)} moved · {slower} slower now{short}")
    for history in moved:
        console.print(f"{history.label}, over {history.anchor}, {len(history.sessions)} runs:", soft_wrap=True)
        for move in history.moves():
            console.print(f"  {words(move)}", soft_wrap=True)
    console.print(f"exit {code}: {f'{slower} slower' if slower else 'nothing is slower than before'}")
    return code
