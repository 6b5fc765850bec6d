"""`lambdabench plot`: a command a figure."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import flags
from .options import (
    BatchOption,
    DeviceOption,
    DtypeOption,
    ModelsOption,
    OutOption,
    ResultsOption,
    SuiteOption,
    WeightsOption,
)

AXES = (
    "throughput, throughput_per_device, latency, first_call, first_run, compile, extra_memory, peak_memory, interaction_memory, "
    "parameters, flops or top1."
)
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
    batch_size: BatchOption = None,
    weights: WeightsOption = None,
    out: OutOption = None,
) -> None:
    """Draw accuracy against speed with the Pareto front, from any results folder."""
    from .. import commands

    suite, filters = flags.text(suite, "--suite"), _filters(device, dtype, batch_size, models)
    asked = flags.words(weights, "--weights")
    for path in commands.plot_pareto(results, suite, x=x, y=y, filters=filters, out=out, weights=asked):
        typer.echo(f"saved {path}")


@plot_app.command("scaling", epilog="Example: lambdabench plot scaling --suite quickstart --models 'resnet*'")
def plot_scaling(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchOption = None,
    out: OutOption = None,
) -> None:
    """Draw throughput and latency against batch size and image size, from any results folder."""
    _plot_curves("scaling", results, suite, _filters(device, dtype, batch_size, models), out)


@plot_app.command("memory", epilog="Example: lambdabench plot memory --results results/quickstart --batch-size 1,8")
def plot_memory(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchOption = None,
    out: OutOption = None,
) -> None:
    """Draw extra and peak memory against batch size and image size, from any results folder."""
    _plot_curves("memory", results, suite, _filters(device, dtype, batch_size, models), out)


@plot_app.command("roofline", epilog="Example: lambdabench plot roofline --suite kernels --batch-size 8")
def plot_roofline(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: SuiteOption = None,
    results: ResultsOption = Path("results"),
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchOption = None,
    out: OutOption = None,
) -> None:
    """Draw layers under the product and copy rates measured with them, from any results folder."""
    _plot_curves("roofline", results, suite, _filters(device, dtype, batch_size, models), out)


def _plot_curves(kind: str, results: Path, suite: str | None, filters: dict[str, Any], out: Path | None) -> None:
    from .. import commands

    for path in commands.plot_curves(kind, results, flags.text(suite, "--suite"), filters=filters, out=out):
        typer.echo(f"saved {path}")


def _filters(device: str | None, dtype: str | None, batch_size: str | None, models: str | None) -> dict[str, Any]:
    return {
        "device": flags.text(device, "--device"),
        "dtype": flags.text(dtype, "--dtype"),
        "batch_size": flags.numbers(batch_size, "--batch-size") or None,
        "model": flags.words(models, "--models") or None,
    }
