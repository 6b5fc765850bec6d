"""`lambdabench compare`: two sides beside each other, or two families at equal accuracy."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..core import flags
from ..core.errors import RequestError
from .options import (
    BackendOption,
    BatchOption,
    DeviceOption,
    JsonOption,
    ModelsOption,
    ModeOption,
    ResultsOption,
    SuiteOption,
    WeightsOption,
    filters,
)
from .terminal import console, warn

EXAMPLES = (
    "Examples: lambdabench compare previous latest; lambdabench compare xeon epyc l4; "
    "lambdabench compare --at-accuracy 'lambda_*' 'tf_efficientnet*'"
)
METRIC = "What is compared: a metric of which it is known which way is better (lambdabench list metrics). Default: throughput or latency."
SIDE = (
    "A folder or file of results, a .csv table of speeds (timm's, or columns model, image_px, throughput and perhaps batch_size), a run's "
    "id (lambdabench list runs), latest, previous, or a machine's name. With --at-accuracy: globs of models, comma-separated."
)


def compare(  # noqa: PLR0917 (a flag is a parameter in Typer)
    a: Annotated[str, typer.Argument(metavar="A", help=SIDE, show_default=False)],
    b: Annotated[
        list[str],
        typer.Argument(
            metavar="B", help="The other side, as A; several: a table with a column a side.", show_default=False
        ),
    ],
    at_accuracy: Annotated[
        bool,
        typer.Option(
            "--at-accuracy",
            help="How many times as fast the models A are as the models B at equal accuracy, along the curve of each.",
        ),
    ] = False,
    top1: Annotated[
        str | None,
        typer.Option(
            help="With --at-accuracy: accuracies in percent, comma-separated. Default: those of B's curve, else of A's."
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help=METRIC),
    ] = None,
    results: ResultsOption = Path("results"),
    suite: SuiteOption = None,
    models: ModelsOption = None,
    device: DeviceOption = None,
    dtype: Annotated[
        str | None, typer.Option(help="Only these dtypes, comma-separated: one of each side, where they differ.")
    ] = None,
    mode: ModeOption = None,
    backend: BackendOption = None,
    batch_size: BatchOption = None,
    weights: WeightsOption = None,
    show: Annotated[str | None, typer.Option(help="all: a line for every pair, not only for what moved.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what moved between two runs, folders, machines or published tables, and in what they differ. Exit codes: 0 compared, 2 bad
    request, 3 nothing measured, 4 nothing comparable."""
    from .. import commands
    from . import compare_view

    flags.choices(show, "--show", ("all",)) if show is not None else ()
    of_curves = {"--top1": top1 is not None, "--weights": weights is not None}
    flags.refuse_alone(of_curves, "--at-accuracy", is_given=at_accuracy)
    kept = filters(device=device, dtype=None, mode=mode, backend=backend, batch_size=batch_size, models=models)
    kept["dtype"] = flags.words(dtype, "--dtype") or None
    name = flags.text(suite, "--suite")
    if at_accuracy:
        if len(b) > 1:
            raise RequestError(f"--at-accuracy holds A against one B; found {len(b)}: {' '.join(b)}")
        mine, theirs = flags.words(a, "A"), flags.words(b[0], "B")
        at_accuracies = commands.compare_at_accuracy(
            mine,
            theirs,
            results,
            name,
            filters=kept,
            weights=flags.words(weights, "--weights"),
            metric=metric,
            at=flags.percents(top1, "--top1"),
        )
        if as_json:
            typer.echo(json.dumps(compare_view.curves_as_json(at_accuracies)))
        else:
            words = [
                "lambdabench",
                "plot",
                "pareto",
                "--models",
                ",".join((*mine, *theirs)),
                *(["--suite", name] if name else []),
            ]
            figure = shlex.join([*words, *commands.results_words(results)])
            compare_view.print_curves(console(), at_accuracies, ", ".join(mine), ", ".join(theirs), figure)
    else:
        several = commands.compare_several(a, b, results, name, filters=kept, metric=metric)
        if as_json:
            objects = [compare_view.as_json(moved) for moved in several]
            typer.echo(json.dumps(objects[0] if len(objects) == 1 else {"sides": objects}))
        elif len(several) == 1:
            compare_view.print_compared(console(), several[0], show_all=show == "all")
        else:
            compare_view.print_several(console(), several)
    if results.exists():
        warn(commands.ahead(results))
