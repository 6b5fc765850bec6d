"""What `fleet` prints: nodes and shares, where attempts ran, and what is known of each kind of node."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer
from rich.console import Console

from ..analysis.equal_nodes import KindFinding, finding_lines, kind_line
from ..analysis.page import Column
from ..commands import FleetStatus
from ..conduct.fleet import ShareState
from ..core import codec
from ..core.fleet import Fleet, by_kind
from ..core.units import format_duration, format_value
from . import terminal
from .tables import fitted

NAMED = 8
"""Nodes, or attempts of a share, that are named in a line."""


def teller(*, quiet: bool) -> Callable[[str], None]:
    """Prints what happens to shares, on standard error where standard output is JSON."""
    return lambda text: terminal.say(text, stderr=quiet)


def print_plan(console: Console, fleet: Fleet, texts: Mapping[str, str]) -> None:
    """Nodes by kind, and what each share holds or is started by."""
    for kind, nodes in by_kind(fleet.nodes).items():
        console.print(f"{kind}: {_named([node.name for node in nodes])}", soft_wrap=True)
    for share in fleet.shares:
        console.print(f"\n{share.name}", soft_wrap=True)
        console.print(texts[share.name].rstrip(), soft_wrap=True)


def print_status(console: Console, status: FleetStatus, *, as_json: bool) -> None:
    """The table of shares, nodes that differ, and a table of cases a kind."""
    if as_json:
        typer.echo(json.dumps(_as_json(status)))
        return
    fleet, done = status.fleet, sum(state.standing == "done" for state in status.states)
    head = f"fleet {fleet.fleet_id}   {fleet.suite} on {fleet.on}   {done} of {len(status.states)} shares done"
    console.print(head, soft_wrap=True)
    columns = [
        Column(title="share"),
        Column(title="is"),
        Column(title="took", is_number=True),
        Column(title="attempts"),
    ]
    console.print(fitted(columns, [_row(state) for state in status.states], console.width))
    for finding in status.findings:
        _print_kind(console, finding, status)


def _row(state: ShareState) -> Sequence[str]:
    took = "" if state.seconds is None else format_duration(state.seconds)
    return state.share.name, state.standing, took, "; ".join(_attempt_words(state)[-NAMED:])


def _attempt_words(state: ShareState) -> list[str]:
    words: list[str] = []
    for attempt in state.attempts:
        where = attempt.node or "in the queue"
        if attempt.lost is not None:
            words.append(f"{where}: {attempt.lost.reason}")
        elif attempt.ended is None:
            words.append(f"{where}: {'runs' if attempt.began else 'not begun'} ({attempt.submitted.ticket})")
        else:
            words.append(
                f"{where}: exit {attempt.ended.code}{f' ({attempt.ended.words})' if attempt.ended.words else ''}"
            )
    return words


def _print_kind(console: Console, finding: KindFinding, status: FleetStatus) -> None:
    console.print(f"\n{kind_line(finding)}", soft_wrap=True)
    for line in finding_lines(finding):
        console.print(f"! {line}", soft_wrap=True)
    if not finding.estimates:
        return
    columns = [
        Column(title="case"), Column(title="px", is_number=True), Column(title=status.metric, is_number=True),
        Column(title="measured on", is_number=True),
    ]  # fmt: skip
    rows: list[Sequence[str]] = []
    cases = [(json.loads(case), estimate, nodes) for case, (estimate, nodes) in finding.estimates.items()]
    for known, estimate, nodes in sorted(
        cases, key=lambda case: (case[0]["model"], case[0]["batch_size"], str(case[0]))
    ):
        value = format_value(estimate.value, status.unit, estimate.low, estimate.high)
        name = f"{known['model']} b={known['batch_size']} {known['mode']} {known['backend']}"
        rows.append((name, str(known["image_px"]), value, f"{nodes} of {len(finding.pooled)}"))
    console.print(fitted(columns, rows, console.width))


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} node{'' if len(names) == 1 else 's'}: {', '.join(names[:NAMED])}{more}"


def _as_json(status: FleetStatus) -> dict[str, Any]:
    return {
        "fleet": status.fleet.fleet_id,
        "suite": status.fleet.suite,
        "on": status.fleet.on,
        "exit_code": status.exit_code(),
        "shares": [
            {
                "share": state.share.name,
                "kind": state.share.kind,
                "standing": state.standing,
                "seconds": state.seconds,
                "attempts": codec.encode(state.attempts),
            }
            for state in status.states
        ],
        "metric": status.metric,
        "unit": status.unit,
        "kinds": codec.encode(status.findings),
    }
