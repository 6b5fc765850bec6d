"""`lambdabench claims`: the paper's claims, re-tested on the results that are there."""

from pathlib import Path
from typing import Annotated

import typer

from ..core import flags
from .options import JsonOption, ResultsOption
from .terminal import console, say, warn

EXAMPLES = "Examples: lambdabench claims; lambdabench claims --claim speedup-b7; lambdabench claims --bundle claims.zip"


def claims(  # noqa: PLR0917 (a flag is a parameter in Typer)
    results: ResultsOption = Path("results"),
    machine: Annotated[
        str | None,
        typer.Option(help="Whose results: a device's name, or a part of it. Default: that of the newest case."),
    ] = None,
    claim: Annotated[
        str | None, typer.Option(help="Only these claims, comma-separated: ids, or how they begin (hybrid).")
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(
            help="Published tables of speed (.csv), a file or a folder of timm's. Default: those of the package."
        ),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Also write rows, rules, environment and hashes to this .zip, for a reviewer.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A bundle in place of results: everything is derived again, and what does not fit is named."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what each claim lacks for a verdict, with the command and its time on this machine."
        ),
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="With --dry-run: of all conditions only what fits in it, 30m.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say of each claim of the LambdaNetworks paper what was measured here: the ratio under every condition, a verdict by fixed rules, and
    what may be concluded. Exit codes: 0 told, 1 a bundle does not fit, 2 bad request, 3 no claim of speed was measured."""
    from .. import commands
    from . import claims_view

    flags.refuse_alone({"--budget": budget is not None}, "--dry-run", is_given=dry_run)
    budget_s = flags.duration(budget, "--budget") if budget is not None else None
    ids = flags.words(claim, "--claim")
    if source is not None:
        others = {"--bundle": bundle is not None, "--dry-run": dry_run, "--tables": tables is not None}
        flags.refuse_beside(others, "--from")
        derived = commands.read_bundle(source, machine=machine, ids=ids)
        claims_view.print_derived(console(), derived, as_json=as_json)
        raise typer.Exit(1 if derived.problems else 0)
    result = commands.judge_claims(results, machine=machine, ids=ids, tables=tables)
    if dry_run:
        plan = commands.planned_claims(result, results, budget_s)
        claims_view.print_missing(console(), result, plan, results, as_json=as_json)
        raise typer.Exit(0)
    if bundle is not None:
        written = commands.write_bundle(result, results, bundle)
        say(
            f"saved {bundle}: {written.files} files of results, {written.rows:,} rows, sha256 {written.sha256[:16]}",
            stderr=as_json,
        )
    claims_view.print_claims(console(), result, results, as_json=as_json)
    if results.exists():
        warn(commands.ahead(results))
    raise typer.Exit(0 if result.has_verdict else 3)
