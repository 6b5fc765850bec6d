"""`lambdabench recommend`: which model to take."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..core import flags
from .options import BackendOption, DeviceOption, DtypeOption, JsonOption, ModelsOption, SuiteOption, filters
from .terminal import console, say, warn

For = Literal["latency", "throughput", "accuracy"]


def recommend(  # noqa: PLR0917 (a flag is a parameter in Typer)
    max_latency: Annotated[str | None, typer.Option(help="Of one step at the smallest batch: 25ms, 800us.")] = None,
    min_top1: Annotated[str | None, typer.Option(help="ImageNet-1k top-1 in percent: 80.")] = None,
    min_throughput: Annotated[str | None, typer.Option(help="Images a second at the largest batch: 500.")] = None,
    max_memory: Annotated[str | None, typer.Option(help="At the peak, at the largest batch: 2GiB, 500MB.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Only this batch size, for all numbers.")] = None,
    license: Annotated[
        str | None,
        typer.Option(help="Of the weights: permissive, or licences as the facts have them, comma-separated."),
    ] = None,
    train_data: Annotated[
        str | None, typer.Option(help="imagenet-1k: weights that saw no other data. Default: any.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(help="Of the machine, 0.80/h: also the price of a million images.")
    ] = None,
    wanted: Annotated[
        For | None,
        typer.Option("--for", help="What to be best in. Default: accuracy under limits on cost, else speed."),
    ] = None,
    device: DeviceOption = None,
    backend: BackendOption = None,
    dtype: DtypeOption = None,
    models: ModelsOption = None,
    suite: SuiteOption = None,
    source: Annotated[
        Path, typer.Option("--from", help="Folder of result files, or a .csv table of published speeds.")
    ] = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Say which measured model meets every limit and is best, what cannot be told from it, and what would change that; of several
    machines an answer each, and which of these agree."""
    from .. import commands
    from . import recommend_view

    asked = commands.wanted_of(
        {
            "max_latency": max_latency,
            "min_top1": min_top1,
            "min_throughput": min_throughput,
            "max_memory": max_memory,
            "batch_size": batch_size,
            "license": license,
            "train_data": train_data,
            "price": price,
            "objective": wanted,
        },
        flags.dashed,
    )
    kept = filters(device=device, dtype=dtype, mode="inference", backend=backend, batch_size=None, models=models)
    advice = commands.advise(source, asked, kept, suite)
    code = 0 if any(each.found.picks for each in advice.each) else 3
    if as_json:
        console().print_json(data=recommend_view.as_json(advice, code))
        raise typer.Exit(code)
    if code:
        say("nothing measured meets every limit")
    recommend_view.print_advice(console(), advice)
    warn(commands.ahead(source))
    raise typer.Exit(code)
