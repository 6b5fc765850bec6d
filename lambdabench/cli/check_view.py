"""What `check` prints: that it ran, what became slower, how to repeat it; as a table, as Markdown, as JSON."""

import math
import os
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..core.codec import encode
from ..core.units import format_duration, format_significant
from ..gate import Check, Event, SelfTest, Verdict

QUIET = ("same", "new")
"""Findings that are counted, and shown with --show all."""
ORDER = ("slower", "failed", "different", "unclear", "waived", "faster", "new", "same")
MARKS = {0: "🟢", 1: "🔴", 3: "⚪"}


def print_event(console: Console, event: Event) -> None:
    """A line a process, on standard error."""
    counts = Counter(one.finding for one in event.verdicts)
    said = ", ".join(f"{count} {finding}" for finding, count in counts.items())
    console.print(f"{event.what}: {said}" if said else event.what)


def print_check(console: Console, done: Check, *, show_all: bool, seconds: float, repeat: Sequence[str]) -> None:
    """The first line proves that it ran; the last ones say what to do."""
    console.print(headline(done), soft_wrap=True)
    console.print(f"controls  {controls(done)}", soft_wrap=True)
    shown = _shown(done, show_all)
    if shown:
        table = Table(box=None, pad_edge=False)
        for title in ("kernel", "base", "head", "change", "interval, 99 %", "verdict", "evidence"):
            table.add_column(title, justify="right" if title in ("base", "head", "change") else "left")
        for one in shown:
            finding = one.finding.upper() if one.finding in ("slower", "failed", "different") else one.finding
            table.add_row(*row(one)[:5], finding, row(one)[5])
        console.print()
        console.print(table)
    console.print()
    console.print(f"{tally(done)}   {format_duration(seconds)}   exit {done.exit_code}{_why(done)}", soft_wrap=True)
    slower = [one.name for one in done.verdicts if one.finding == "slower"]
    if slower:
        words = ["lambdabench", *repeat, "--only", slower[0]]
        console.print(f"repeat  {shlex.join(words)}", soft_wrap=True)


def write_markdown(done: Check, repeat: Sequence[str], path: Path | None, *, github: bool) -> None:
    """The Markdown where it is asked for; on GitHub the step's summary, and annotations on standard output."""
    text = markdown(done, repeat)
    if path is not None:
        path.write_text(text, encoding="utf-8")
    if not github:
        return
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    for line in annotations(done):
        print(line)


def markdown(done: Check, repeat: Sequence[str]) -> str:
    """The same for a pull request."""
    lines = [f"### {MARKS[done.exit_code]} {tally(done)}", "", headline(done), ""]
    loud, calm = _shown(done, show_all=False), [one for one in done.verdicts if one.finding in QUIET]
    if loud:
        lines += ["| kernel | change | base → head | verdict | evidence |", "|---|---|---|---|---|"]
        for one in loud:
            name, base, head, change, interval, evidence = row(one)
            lines.append(f"| {name} | **{change}** {interval} | {base} → {head} | {one.finding} | {evidence} |")
    lines += ["", f"<details><summary>{len(calm)} same or new</summary>", ""]
    lines += [f"- {one.name}: {one.finding} {row(one)[3]} {row(one)[4]}" for one in calm]
    lines += ["", "</details>", "", f"Controls: {controls(done)}. Reproduce: `{shlex.join(['lambdabench', *repeat])}`"]
    return "\n".join(lines) + "\n"


def as_json(done: Check, seconds: float) -> dict[str, Any]:
    """All facts as one JSON object; raw log ratios left out."""
    cases = [
        {
            "case": one.name,
            "finding": one.finding,
            "reason": one.reason,
            "change": encode(one.change) if one.change and math.isfinite(one.change.low) else None,
            "p_value": one.p_value,
            "processes": [
                {key: value for key, value in encode(outcome).items() if key not in ("logs", "walls")}
                for outcome in one.outcomes
            ],
        }
        for one in done.verdicts
    ]
    return {
        "base": done.sides.base_commit,
        "head": done.sides.head_commit,
        "declared": done.declared,
        "controls": controls(done),
        "controls_hold": done.controls.hold,
        "seconds": seconds,
        "exit_code": done.exit_code,
        "cases": cases,
    }


def headline(done: Check) -> str:
    """What was declared, compared and decided."""
    compared = [one for one in done.verdicts if one.change is not None]
    decided = [one for one in compared if one.finding != "unclear"]
    commits = f"check {done.sides.base_commit} (merge base) → {done.sides.head_commit}"
    return f"{commits}   {done.declared} declared · {len(compared)} compared · {len(decided)} decided"


def controls(done: Check) -> str:
    """What equal code and code with extra work were called."""
    same, canary = done.controls.same, done.controls.canary
    if same is None or canary is None:
        return "did not run: no case gave numbers"
    clocks = Counter(one.outcomes[0].clock for one in done.verdicts if one.change and one.outcomes)
    judged = ", ".join(f"{count} judged on {clock} time" for clock, count in clocks.most_common())
    caught = "caught" if canary.finding == "slower" else f"called {canary.finding}"
    return f"A/A {same.finding} {_interval(same)} · canary +10 % {caught} {_interval(canary)} · {judged}"


def tally(done: Check) -> str:
    """How many of each finding."""
    counts = Counter(one.finding for one in done.verdicts)
    return " · ".join(f"{counts[one]} {one}" for one in ORDER if counts[one])


def row(one: Verdict) -> tuple[str, str, str, str, str, str]:
    """Kernel, base, head, change, interval, evidence."""
    if one.change is None:
        return one.name, "–", "–", "–", "", one.reason
    first = one.outcomes[0]
    evidence = [one.reason] if one.reason else []
    if abs(first.head_faults - first.base_faults) > 1:
        evidence.append(f"faults/call {first.base_faults:.0f}→{first.head_faults:.0f}")
    if first.base_kernel != first.head_kernel:
        evidence.append(f"kernel {first.base_kernel}→{first.head_kernel}")
    if one.finding == "unclear" and not one.reason:
        evidence.append(f"{first.seconds:.0f} s, {one.change.rounds} rounds")
    change = f"{100 * one.change.value:+.1f} %"
    return one.name, _time(first.base_s), _time(first.head_s), change, _interval(one), "; ".join(evidence)


def print_self_test(console: Console, done: SelfTest) -> None:
    """The rates with their intervals, and what they mean."""
    for one in done.rates:
        low, high = one.interval
        console.print(
            f"{one.what}: {one.count} of {one.trials} [{100 * low:.1f} %, {100 * high:.1f} %], {one.unclear} unclear"
        )
    meant = "the gate may be required here" if not done.exit_code else "do not require the gate on this machine"
    console.print(f"in the first process, without confirmation; exit {done.exit_code}: {meant}")


def annotations(done: Check) -> list[str]:
    """Workflow commands of GitHub: an error for what fails, a warning for what is void."""
    loud = [one for one in done.verdicts if one.finding in ("slower", "failed", "different")]
    lines = [f"::error title={one.name} is {one.finding}::{row(one)[3]} {_interval(one)} {one.reason}" for one in loud]
    return (
        [*lines, "::warning title=lambdabench check is void::too little was decided"] if done.exit_code == 3 else lines
    )


def _shown(done: Check, show_all: bool) -> list[Verdict]:
    shown = [one for one in done.verdicts if show_all or one.finding not in QUIET]
    return sorted(shown, key=lambda one: (ORDER.index(one.finding), -(one.change.value if one.change else 0.0)))


def _interval(one: Verdict) -> str:
    if one.change is None or not math.isfinite(one.change.low):
        return ""
    return f"[{100 * one.change.low:+.1f}, {100 * one.change.high:+.1f}]"


def _time(seconds: float) -> str:
    return f"{format_significant(1e3 * seconds)} ms" if seconds >= 1e-3 else f"{format_significant(1e6 * seconds)} µs"


def _why(done: Check) -> str:
    if not done.gated:
        return ": reports only (gated = false)"
    if done.exit_code == 3:
        return ": void, " + ("the controls failed" if not done.controls.hold else "too much is unclear")
    return ""
