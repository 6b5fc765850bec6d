"""`lambdabench evaluate`: its flags."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..core import flags
from ..core.spec import DTYPES
from . import INTERRUPTED, terminal
from .options import JsonOption, ResultsOption


def evaluate(  # noqa: PLR0917 (a flag is a parameter in Typer)
    model: Annotated[
        str,
        typer.Argument(
            help="A model's name (lambdabench list models), with timm's tag where not its default weights are meant: "
            "resnet50.a1_in1k.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(
            help="A folder with one for each class, with images in it. Their sorted names are the order of the network's outputs, as "
            "with ImageNet's wnids, or the lines of a classes.txt in it."
        ),
    ],
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="A file of weights, .safetensors or torch.save's, torch's names or JAX's. Default: timm's, downloaded where they are "
            "not in the hub's cache. Tensors alone are read: what would run code is refused."
        ),
    ] = None,
    backend: Annotated[
        str, typer.Option(help="torch_eager, torch_compile, jax_jit, onnxruntime or openvino.")
    ] = "torch_eager",
    dtype: Annotated[str, typer.Option(help=f"{', '.join(DTYPES)}.")] = "float32",
    batch_size: Annotated[int, typer.Option(min=1, help="Images at once.")] = 64,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many images, the same every time, of all classes mixed.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps, xpu. Default: the best here.")] = None,
    image_px: Annotated[
        int | None,
        typer.Option(min=1, help="Pixels a side. Default: the model's own, at which its speed is timed."),
    ] = None,
    num_classes: Annotated[
        int | None, typer.Option(min=1, help="Classes of a checkpoint. Default: the model's own.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="key=value, an option of the model, or of the backend such as fold=true; repeatable."),
    ] = None,
    results: ResultsOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Measure top-1 and top-5 on your images, with the preprocessing of the model's weights, and agreement with float32.

    Predictions are kept as they are made: the same command goes on where it was stopped. Speeds of the model at this size then stand
    beside the measured accuracy where none is quoted, or with --weights measured of plot pareto and report.
    """
    from .. import commands
    from . import evaluate_view

    (known,) = flags.choices(dtype, "--dtype", DTYPES)[:1]
    request = commands.EvaluateRequest(
        model=model,
        data=data,
        checkpoint=checkpoint,
        backend=flags.text(backend, "--backend") or "",
        dtype=known,
        device=flags.text(device, "--device"),
        batch_size=batch_size,
        limit=limit,
        image_px=image_px,
        options=commands.options_of(option or (), num_classes=num_classes),
        results=results,
    )
    with evaluate_view.progress(model, quiet=as_json) as on_progress:
        result = commands.evaluate(request, on_progress, lambda text: terminal.say(text, stderr=True))
    if as_json:
        typer.echo(json.dumps(evaluate_view.as_json(result)))
    else:
        evaluate_view.print_result(terminal.console(), result)
    raise typer.Exit(INTERRUPTED if result.interrupted else 0)
