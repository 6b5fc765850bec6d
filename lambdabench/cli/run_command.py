"""`lambdabench run`: its flags, and what is printed of it."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ..core import fields, flags
from ..core.errors import RequestError
from . import completion, terminal
from .options import JsonOption, OpenOption, ReportsOption, ResultsOption, WeightsOption

EPILOG = "Examples: lambdabench run --suite quickstart --models 'lambda*,resnet50'; lambdabench run --find-front --max-latency 25ms"
LIMITS = ("--candidates", "--max-latency", "--min-top1", "--max-params", "--max-macs", "--weights")
"""Flags that go with --find-front."""


def run(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: Annotated[
        str | None,
        typer.Option(
            help="A suite's name (lambdabench list suites) or a path to a .toml file.", autocompletion=completion.suites
        ),
    ] = None,
    find_front: Annotated[
        bool,
        typer.Option(
            "--find-front",
            help="Instead: find the front of speed and accuracy among published networks by measuring few of them.",
        ),
    ] = False,
    candidates: Annotated[
        str | None,
        typer.Option(help="With --find-front: only architectures that match these globs, comma-separated."),
    ] = None,
    max_latency: Annotated[
        str | None,
        typer.Option(
            help="With --find-front: only the part of the front where a step takes no longer: 25ms, 1.5s, 800us."
        ),
    ] = None,
    min_top1: Annotated[
        str | None, typer.Option(help="With --find-front: only networks of so much published top-1, in percent: 80.")
    ] = None,
    max_params: Annotated[
        str | None, typer.Option(help="With --find-front: only networks of at most so many parameters: 30M.")
    ] = None,
    max_macs: Annotated[
        str | None,
        typer.Option(
            help="With --find-front: only networks of at most so many multiply-accumulates an image: 3G, 600M."
        ),
    ] = None,
    weights: WeightsOption = None,
    device: Annotated[str | None, typer.Option(help=fields.NAMED["device"].help)] = None,
    devices: Annotated[str | None, typer.Option(help=fields.NAMED["devices"].help)] = None,
    backend: Annotated[
        str | None, typer.Option(help=fields.NAMED["backend"].help, autocompletion=completion.backends)
    ] = None,
    models: Annotated[str | None, typer.Option(help="Only models that match these globs, comma-separated.")] = None,
    model: Annotated[str | None, typer.Option(help=fields.NAMED["model"].help)] = None,
    batch_size: Annotated[str | None, typer.Option(help=fields.NAMED["batch_size"].help)] = None,
    image_px: Annotated[str | None, typer.Option(help=fields.NAMED["image_px"].help)] = None,
    input_shape: Annotated[
        str | None, typer.Option("--input", help="Instead: channels x height x width, 1x96x160; comma-separated.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help=fields.NAMED["dtype"].help, autocompletion=completion.dtypes)
    ] = None,
    layout: Annotated[str | None, typer.Option(help=fields.NAMED["layout"].help)] = None,
    threads: Annotated[int | None, typer.Option(min=1, help=fields.NAMED["threads"].help)] = None,
    mode: Annotated[str | None, typer.Option(help=fields.NAMED["mode"].help, autocompletion=completion.modes)] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="An option of the networks or of the runtime, in place of the suite's: kernel=einsum,auto; quantize=dynamic. Repeat it "
            "for more.",
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="A folder of images, from which the ranges of a network in 8-bit integers are taken: asks for quantize=static."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="A quantile of latency, p95 or p99.9, that is to have an upper bound: as many visits as that takes calls (p95 59, "
            "p99 299), in 2 minutes a case."
        ),
    ] = None,
    load: Annotated[
        str | None,
        typer.Option(
            help="Loads, comma-separated, under which requests arrive at random at one process: shares of its service rate, 0.5,0.9, "
            "or requests a second, 30/s. Asks for the metric latency_under_load."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Most time, estimating included: 90s, 10m, 1h30m. What does not fit is named."),
    ] = None,
    patience: Annotated[
        str | None,
        typer.Option(
            help="Most time in which more rounds are made, of kept cases too, until the run can rank its cases, and as precisely as "
            "--precision asks."
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="To how much ratios to the reference are to be known: 2%. If they are not: exit 3."),
    ] = None,
    claim: Annotated[
        str | None,
        typer.Option(
            help="Only what the headlines of these claims of the paper (lambdabench claims) are told from, comma-separated, or all; "
            "with --patience in further processes until each has a verdict."
        ),
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(
            help="Only this part of the suite, 2/5, with the reference and the control pair in each: one of five equal machines, say."
        ),
    ] = None,
    results: ResultsOption = Path("results"),
    reports: ReportsOption = Path("reports"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what is already there.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print cases, order, estimated time and memory; measure nothing. A --model is loaded."
        ),
    ] = False,
    target: Annotated[
        str | None,
        typer.Option(
            "--for",
            help="With --dry-run: plan for a machine that is not here (v5e-8, v4-8), with what its compiler said of each case.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 for unsupported, noisy and skipped cells as well.")
    ] = False,
    as_json: JsonOption = False,
    is_opened: OpenOption = False,
) -> None:
    """Measure a suite, or find the front. What is already measured on this machine is kept; an interrupted run goes on where it
    stopped."""
    given = {
        **locals(),
        "input": input_shape,
        "option": option or None,
    }  # each flag by its name: `overrides_of` takes those that change a suite
    from .. import commands
    from . import live_view, run_view

    limits = {flag: given[flag.removeprefix("--").replace("-", "_")] for flag in LIMITS}
    _refuse_both(suite, find_front, {"--share": share, "--claim": claim}, limits)
    overrides, budget_s = commands.overrides_of(given, flags.dashed), flags.duration(budget, "--budget")
    request = commands.RunRequest(
        suite=suite or "",
        overrides=overrides,
        results=results,
        reports=reports,
        budget_s=budget_s,
        patience_s=flags.duration(patience, "--patience"),
        precision=flags.share(precision, "--precision"),
        fresh=fresh,
        dry_run=dry_run,
        share=commands.parse_share(share, "--share"),
        claims=tuple(flags.words(claim, "--claim")),
        race=commands.race_request(limits) if find_front else None,
        target=target or "",
    )
    if idle := commands.idle(request):
        terminal.say(idle)
        return
    prepared = commands.prepare(request, say_waiting)
    console = terminal.console()
    if dry_run:
        run_view.print_plan(console, prepared, as_json)
        return
    with live_view.progress(prepared, quiet=as_json or not prepared.hosts.speaks) as on_progress:
        result = commands.execute(prepared, request, on_progress, say_waiting)
    code = result.exit_code(strict)
    if not prepared.hosts.speaks:
        terminal.say(f"process {prepared.hosts.process} of {prepared.hosts.count} is done; process 0 stores and prints")
    elif as_json:
        typer.echo(json.dumps(run_view.as_json(result, code)))
    else:
        run_view.print_result(console, result, code, repeat=sys.argv[1:], results=results)
    if is_opened and prepared.hosts.speaks:
        terminal.open_page(result.page)
    raise typer.Exit(code)


def _refuse_both(
    suite: str | None, find_front: bool, parts: Mapping[str, object], limits: Mapping[str, object]
) -> None:
    """Raises RequestError unless one of a suite and the front is asked for, with flags that go with it."""
    if find_front == (suite is not None):
        name = "both" if find_front else "neither"
        raise RequestError(f"--suite, --find-front: found {name}, expected one, such as --suite quickstart")
    flags.refuse_alone(limits, "--find-front", is_given=find_front)
    flags.refuse_alone(parts, "--suite", is_given=suite is not None)


def say_waiting(text: str) -> None:
    """A line on standard error, of what a run waits for."""
    terminal.say(text, stderr=True)
