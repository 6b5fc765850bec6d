"""What `check` prints: progress, the table of verdicts with its controls, Markdown for a pull request, JSON, annotations."""

import contextlib
import datetime
import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..commands import CheckResult
from ..core import codec, folders, foreign
from ..core.gate_protocol import PairOutcome, Verdict
from ..core.units import format_duration, format_time
from ..gate.result import ALWAYS, COUNTED, DESCRIBED, MARKS, RED
from . import terminal

BUSY = 0.05
MOST_WAIVERS = 3
WAIVED = datetime.timedelta(days=90)
"""The day that is proposed as a waiver's last."""
OF_EXIT = {0: "🟢", 1: "🔴", 3: "⚪"}


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, PairOutcome], None]]:
    """A line a case on standard error."""
    console = terminal.console(stderr=True)

    def say(stage: str, pair_outcome: PairOutcome) -> None:
        finding = pair_outcome.trouble or (pair_outcome.verdict.finding if pair_outcome.verdict else "")
        change = f" {_change(pair_outcome.verdict)}" if pair_outcome.verdict else ""
        console.print(
            f"{stage} {foreign.plain(pair_outcome.label)}: {finding}{change}, {pair_outcome.seconds:.1f} s",
            soft_wrap=True,
        )

    yield (lambda stage, pair_outcome: None) if quiet else say


def print_result(console: Console, result: CheckResult, *, show_all: bool) -> None:
    """The table, counts, and what to do next."""
    told_as_is, result = result, foreign.cleaned(result)
    for line in (headline(result), controls(result), *result.notes, *result.expired):
        console.print(line, soft_wrap=True)
    console.print()
    lines = _ordered(result, show_all)
    if lines:
        console.print(_table(lines))
    for item in lines:
        for text in item.explanation:
            console.print(f"why  {item.label}: {text}", soft_wrap=True)
    hidden = result.count("same") if not show_all else 0
    if hidden:
        console.print(f"{hidden} same (within {_bound(result)})   --show all")
    console.print(
        f"{counts(result)}   {format_duration(result.seconds)}   exit {result.exit_code}: {result.exit_reason}",
        soft_wrap=True,
    )
    for line in _advice(told_as_is):
        console.print(line, soft_wrap=True)


def headline(result: CheckResult) -> str:
    """What was compared, and how much of it."""
    return (
        f"check {result.title}   {len(result.lines)} declared · {result.compared} compared · {result.decided} decided"
    )


def controls(result: CheckResult) -> str:
    """What the run says of cases whose answer is known, and in what condition the machine was."""
    if result.controls is None:
        said = "controls  none ran"
    else:
        same, canary = result.controls.same, result.controls.canary
        caught = "caught" if canary.finding == "slower" else f"NOT caught ({_change(canary)} {canary.finding})"
        alike = "same" if same.finding == "same" else f"{same.finding} {_change(same)} {_interval(same)}"
        said = f"controls  A/A {alike} · canary +10 % {caught}"
    busy = result.pressure is not None and result.pressure > BUSY
    state = f"machine loaded (pressure {100 * (result.pressure or 0):.0f} %)" if busy else "machine quiet"
    clocks = sorted({line.outcomes[0].clock for line in result.lines if line.compared})
    return f"{said} · {state}: {', '.join(clocks)} time judged" if clocks else f"{said} · {state}"


def counts(result: CheckResult) -> str:
    """ "1 slower · 1 faster · 33 same · 1 unclear · 0 waived"."""
    return " · ".join(f"{count} {status}" for status in COUNTED if (count := result.count(status)) or status in ALWAYS)


def as_json(result: CheckResult) -> dict[str, Any]:
    """The same facts as one JSON object."""
    result = foreign.cleaned(result)
    return {
        "title": result.title,
        "declared": len(result.lines),
        "compared": result.compared,
        "decided": result.decided,
        "exit_code": result.exit_code,
        "exit_reason": result.exit_reason,
        "seconds": result.seconds,
        "pressure": result.pressure,
        "notes": list(result.notes),
        "expired": list(result.expired),
        "controls": codec.encode(result.controls),
        "cases": [codec.encode(line) for line in result.lines],
    }


def to_markdown(result: CheckResult) -> str:
    """A pull request's comment."""
    result, text = foreign.cleaned(result), foreign.markdown
    why = text(result.exit_reason)
    name = f"void: {why}" if result.exit_code == 3 else f"{result.count('slower')} slower"
    if result.exit_code in (1, 2):
        name = why
    elif alone := result.skipped_on_one_side:
        name += f", {alone} skipped on one side"
    head = f"### {OF_EXIT.get(result.exit_code, '🔴')} {name} · {result.compared}/{len(result.lines)} compared · {result.decided} decided"
    loud = [item for item in _ordered(result, False) if item.status in (*RED, "waived", "reported")]
    quiet = [item for item in _ordered(result, True) if item not in loud]
    parts = [head, ""]
    if loud:
        parts += [
            *_markdown_rows(loud),
            "",
            *(f"- {foreign.code(item.label)}: {text(message)}" for item in loud for message in item.explanation),
            "",
        ]
    if quiet:
        shown = {item.status for item in quiet}
        name = ", ".join(f"{result.count(status)} {status}" for status in COUNTED if status in shown)
        parts += [f"<details><summary>{name}</summary>", "", *_markdown_rows(quiet), "", "</details>", ""]
    parts += [
        *(f"> {text(note)}\n" for note in (*result.notes, *result.expired)),
        f"{controls(result)}. {text(result.title)}. Reproduce: {foreign.code(repeat(result))}",
    ]
    return "\n".join(parts) + "\n"


def repeat(result: CheckResult) -> str:
    """The command that does this again, for one case where one is slower."""
    first = next((line.label for line in result.lines if line.status in ("slower", "failed")), None)
    only = f" --only {shlex.quote(first)}" if first else ""
    return f"lambdabench check {result.request}{only}"


def publish(result: CheckResult, *, markdown: Path | None, save: Path | None, github: bool) -> None:
    """Writes files where they are asked for; on GitHub appends to the step's summary and prints annotations."""
    if save is not None:
        with folders.writing(save / "check.json", "give another --save"):
            (save / "check.json").write_text(json.dumps(as_json(result)), encoding="utf-8")
            (save / "check.md").write_text(to_markdown(result), encoding="utf-8")
    if markdown is not None:
        with folders.writing(markdown, "give another --markdown"):
            markdown.write_text(to_markdown(result), encoding="utf-8")
    if not github:
        return
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(to_markdown(result))
    for line in annotations(result):
        sys.stderr.write(f"{line}\n")  # standard output may be the JSON


def annotations(result: CheckResult) -> list[str]:
    """GitHub's workflow commands: an error for each case that makes the run red, a warning for a void run."""
    result = foreign.cleaned(result)
    names = [
        f"::error title={_escaped(line.label)}::"
        + _escaped(f"{line.status} {_change(line.verdict)} {_interval(line.verdict)} {line.evidence}")
        for line in result.lines
        if line.status in RED
    ]
    if result.exit_code == 3:
        names.append(f"::warning title=lambdabench check is void::{_escaped(result.exit_reason)}")
    return names


def _escaped(text: str) -> str:
    """Of a workflow command's message and title."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")


def _table(lines: Sequence[Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("kernel", "base", "head", "change", "95 % interval", "verdict", "evidence"):
        table.add_column(
            title, justify="right" if title in ("base", "head", "change") else "left", no_wrap=title != "evidence"
        )
    for line in lines:
        table.add_row(
            line.label,
            *_times(line),
            _change(line.verdict),
            _interval(line.verdict),
            line.status.upper() if line.status in RED else line.status,
            line.evidence,
        )
    return table


def _markdown_rows(lines: Sequence[Any]) -> list[str]:
    rows = ["| | kernel | change (interval) | base → head | evidence |", "|---|---|---|---|---|"]
    for line in lines:
        base, head = _times(line)
        change = f"**{_change(line.verdict)}** {_interval(line.verdict)}" if line.verdict else "–"
        label, evidence = foreign.markdown(line.label), foreign.markdown(line.evidence)
        rows.append(f"| {MARKS[line.status]} {line.status} | {label} | {change} | {base} → {head} | {evidence} |")
    return rows


def _ordered(result: CheckResult, show_all: bool) -> list[Any]:
    statuses = [description.name for description in DESCRIBED if show_all or description.name != "same"]
    return [line for status in statuses for line in result.lines if line.status == status]


def _times(line: Any) -> tuple[str, str]:
    if not line.compared:
        return "–", "–"
    first = line.outcomes[0]
    return format_time(first.base.call_s), format_time(first.head.call_s)


def _change(verdict: Verdict | None) -> str:
    return "–" if verdict is None else _percent(verdict.ratio - 1) + " %"


def _interval(verdict: Verdict | None) -> str:
    return "" if verdict is None else f"[{_percent(verdict.low - 1)}, {_percent(verdict.high - 1)}]"


def _percent(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _bound(result: CheckResult) -> str:
    shares = {line.verdict.tolerance for line in result.lines if line.verdict is not None}
    return f"±{125 * max(shares):.1f} %" if shares else ""


def waivers(result: CheckResult, today: datetime.date) -> str:
    """TOML for pyproject.toml that accepts what makes a run red, as far as a waiver can: of the first few cases."""
    names = [name for name in map(_accepted, _ordered(result, False)) if name]
    more = f"# and {len(names) - MOST_WAIVERS} more" if len(names) > MOST_WAIVERS else ""
    until = f"until = {today + WAIVED}"
    reason = 'reason = "why this is accepted"'
    return "\n".join([*(f"{name}\n{until}\n{reason}" for name in names[:MOST_WAIVERS]), *([more] if more else [])])


def _accepted(line: Any) -> str:
    """The lines of a waiver that say of which case it is, and what it accepts; empty where none would do."""
    head = f"[[tool.lambdabench.check.waiver]]\ncase = {_toml(line.label)}\n"
    if line.status == "slower" and line.verdict is not None:
        edge = line.verdict.high if line.verdict.high < 2 * line.verdict.ratio else line.verdict.ratio
        return f'{head}ceiling = "{math.ceil(100 * (edge - 1))} %"'
    changed = any(outcome.trouble == "outputs" for outcome in line.outcomes)
    accept = "gone" if line.status == "gone" else "outputs" if line.status == "failed" and changed else ""
    return f'{head}accept = "{accept}"' if accept else ""


def _toml(text: str) -> str:
    """A string of TOML, which JSON's are but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _advice(result: CheckResult, today: datetime.date | None = None) -> list[str]:
    said: list[str] = []
    if result.exit_code in (1, 3):
        said.append(f"repeat  {repeat(foreign.cleaned(result))}")
    accepted = waivers(result, today or datetime.date.today())
    if accepted:
        said += ["accept  in pyproject.toml, with your reason:", *accepted.splitlines()]
    return said
