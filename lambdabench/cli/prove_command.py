"""`lambdabench prove`: the first minutes on a device."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import folders
from . import INTERRUPTED, terminal
from .options import JsonOption
from .run_command import say_waiting

if TYPE_CHECKING:
    from ..analysis.page import Column


def prove(
    device: Annotated[str, typer.Option(help="The device or its kind: cpu, cuda, cuda:1, tpu, fake.")],
    out: Annotated[Path, typer.Option(help="Folder of the JSON file.")] = Path("reports/prove"),
    as_json: JsonOption = False,
) -> None:
    """Ask a device what was predicted of it: identity, ceilings, right answers, warm-up, caches, clock, kernels, networks, failure. Writes
    JSON beside the table, and keeps the times of kernels for auto. Exit codes: 0 as predicted, 1 off by a factor of two, 3 something was
    not asked."""
    from .. import prove as proving
    from ..conduct import Stop
    from . import tables

    folders.refuse_unwritable(out, "give another --out")
    stop = Stop()
    proof = proving.prove(device, stop, say_waiting)
    code = INTERRUPTED if proof.interrupted else proving.exit_code(proof.findings)
    data: dict[str, Any] = {
        "device": proof.device,
        "title": proof.title,
        "exit_code": code,
        "findings": [dataclasses.asdict(finding) for finding in proof.findings],
    }
    path = out / f"{proof.device.replace(':', '-')}.json"
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(data))
        raise typer.Exit(code)
    rows = [
        (finding.topic, finding.question, finding.predicted, finding.found, finding.verdict, finding.basis)
        for finding in proof.findings
    ]
    console = terminal.console()
    console.print(f"{proof.title} ({proof.device})", soft_wrap=True)
    tables.show(console, _columns(), rows)
    counts = {verdict: sum(row[4] == verdict for row in rows) for verdict in dict.fromkeys(row[4] for row in rows)}
    terminal.say(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + f"; saved {path}")
    raise typer.Exit(code)


def _columns() -> "tuple[Column, ...]":
    """The table's."""
    from ..analysis.page import Column

    return (
        Column(title=""),
        Column(title="question"),
        Column(title="predicted"),
        Column(title="found"),
        Column(title="verdict"),
        Column(title="predicted from, or why not asked", drop=1),
    )
