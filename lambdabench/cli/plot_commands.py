"""`lambdabench plot`: a command a figure."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import fields, flags
from .options import (
    BackendOption,
    BatchOption,
    DeviceOption,
    DtypeOption,
    LimitOption,
    ModelsOption,
    ModeOption,
    OutOption,
    ResultsOption,
    SuiteOption,
    WeightsOption,
    filters,
)
from .terminal import say, warn

AXES = "A metric of which it is known which way is better (lambdabench list metrics): latency, peak_memory, flops, top1, ..."
ACROSS = [field.name.removeprefix(fields.OPTION) for field in fields.JOINING]
plot_app = typer.Typer(no_args_is_help=True, help="Draw figures from results (SVG, PNG, and the numbers as CSV).")


@plot_app.command("pareto", epilog="Example: lambdabench plot pareto --suite quickstart --x latency --batch-size 1")
def plot_pareto(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    x: Annotated[str, typer.Option(help=AXES)] = "throughput",
    y: Annotated[str, typer.Option(help="As --x.")] = "top1",
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    mode: ModeOption = None,
    backend: BackendOption = None,
    batch_size: BatchOption = None,
    weights: WeightsOption = None,
    across: Annotated[
        str | None,
        typer.Option(
            help=f"One front over these, comma-separated: {', '.join(ACROSS)}. none: a front for each, "
            "since they are other programs. Default: as the suite has it."
        ),
    ] = None,
    out: OutOption = None,
) -> None:
    """Draw accuracy against speed with the Pareto front, from any results folder."""
    from .. import commands

    kept = filters(device=device, dtype=dtype, mode=mode, backend=backend, batch_size=batch_size, models=models)
    for path in commands.plot_pareto(
        results,
        flags.text(suite, "--suite"),
        x=x,
        y=y,
        filters=kept,
        out=out,
        weights=flags.words(weights, "--weights"),
        across=flags.words(across, "--across") or None,
    ):
        say(f"saved {path}")
    warn(commands.ahead(results))


@plot_app.command("scaling", epilog="Example: lambdabench plot scaling --suite quickstart --models 'resnet*'")
def plot_scaling(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    mode: ModeOption = None,
    backend: BackendOption = None,
    batch_size: BatchOption = None,
    out: OutOption = None,
) -> None:
    """Draw throughput and latency against batch size and image size, from any results folder."""
    kept = filters(device=device, dtype=dtype, mode=mode, backend=backend, batch_size=batch_size, models=models)
    _plot_curves("scaling", results, suite, kept, out)


@plot_app.command("memory", epilog="Example: lambdabench plot memory --results results/quickstart --batch-size 1,8")
def plot_memory(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    mode: ModeOption = None,
    backend: BackendOption = None,
    batch_size: BatchOption = None,
    out: OutOption = None,
) -> None:
    """Draw extra and peak memory against batch size and image size, from any results folder."""
    kept = filters(device=device, dtype=dtype, mode=mode, backend=backend, batch_size=batch_size, models=models)
    _plot_curves("memory", results, suite, kept, out)


@plot_app.command("roofline", epilog="Example: lambdabench plot roofline --suite kernels --batch-size 8")
def plot_roofline(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    mode: ModeOption = None,
    backend: BackendOption = None,
    batch_size: BatchOption = None,
    out: OutOption = None,
) -> None:
    """Draw layers under the product and copy rates measured with them, from any results folder."""
    kept = filters(device=device, dtype=dtype, mode=mode, backend=backend, batch_size=batch_size, models=models)
    _plot_curves("roofline", results, suite, kept, out)


@plot_app.command("latency", epilog="Example: lambdabench plot latency --suite quickstart --batch-size 1 --limit 25ms")
def plot_latency(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    mode: ModeOption = None,
    backend: BackendOption = None,
    batch_size: BatchOption = None,
    limit: LimitOption = None,
    out: OutOption = None,
) -> None:
    """Draw the median, p95 and p99 of each model's latency with their bounds, from any results folder."""
    from .. import commands

    kept = filters(device=device, dtype=dtype, mode=mode, backend=backend, batch_size=batch_size, models=models)
    name, limit_s = flags.text(suite, "--suite"), flags.limit(limit, "--limit")
    for path in commands.plot_latency(results, name, filters=kept, out=out, limit_s=limit_s):
        say(f"saved {path}")
    warn(commands.ahead(results))


@plot_app.command("load", epilog="Example: lambdabench plot load --suite service --models 'resnet*'")
def plot_load(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    mode: ModeOption = None,
    backend: BackendOption = None,
    batch_size: BatchOption = None,
    out: OutOption = None,
) -> None:
    """Draw what requests wait that arrive at random, against how many arrive, from any results folder."""
    from .. import commands

    kept = filters(device=device, dtype=dtype, mode=mode, backend=backend, batch_size=batch_size, models=models)
    for path in commands.plot_load(results, flags.text(suite, "--suite"), filters=kept, out=out):
        say(f"saved {path}")
    warn(commands.ahead(results))


@plot_app.command("claims", epilog="Example: lambdabench plot claims --claim speedup,layer")
def plot_claims(
    results: ResultsOption = Path("results"),
    machine: Annotated[str | None, typer.Option(help="Whose results, as lambdabench claims takes it.")] = None,
    claim: Annotated[
        str | None, typer.Option(help="Only these claims, comma-separated: ids, or how they begin.")
    ] = None,
    out: OutOption = None,
) -> None:
    """Draw the paper's claims under every condition, a figure each and one of all, with a page of their tables."""
    from .. import commands

    for path in commands.plot_claims(results, machine=machine, ids=flags.words(claim, "--claim"), out=out):
        say(f"saved {path}")
    if results.exists():
        warn(commands.ahead(results))


def _plot_curves(kind: str, results: Path, suite: str | None, kept: dict[str, Any], out: Path | None) -> None:
    from .. import commands

    for path in commands.plot_curves(kind, results, flags.text(suite, "--suite"), filters=kept, out=out):
        say(f"saved {path}")
    warn(commands.ahead(results))


@plot_app.command("trend", epilog="Example: lambdabench plot trend --suite kernels-quick")
def plot_trend(
    suite: SuiteOption = None,
    results: Annotated[
        Path, typer.Option(help="Folder of result files, or a .jsonl file of stored sessions of check --baseline.")
    ] = Path("results"),
    out: OutOption = None,
) -> None:
    """Draw ratios to the reference over stored runs, with each change of level and what changed with it."""
    from .. import commands

    for path in commands.plot_trend(results, flags.text(suite, "--suite"), out=out):
        say(f"saved {path}")
