"""Flags that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import flags
from ..core.spec import MODES
from . import completion


def _place(text: str | Path) -> Path:
    """The folder of results that is meant; one that stands for an address is brought up to what is there."""
    if ":/" not in str(text):
        return Path(text)
    from .. import store

    return store.place(text)


ResultsOption = Annotated[
    Path,
    typer.Option(
        "--results",
        parser=_place,
        metavar="FOLDER",
        help="Folder of result files, or s3://bucket/prefix (gs://, abfs://, hdfs://).",
    ),
]
ReportsOption = Annotated[Path, typer.Option(help="Folder of figures and pages; those of a suite go to its <suite>/.")]
SuiteOption = Annotated[
    str | None,
    typer.Option(
        help="Only this suite's results: its name, or its .toml file's path.", autocompletion=completion.suites
    ),
]
ModelsOption = Annotated[str | None, typer.Option(help="Only models that match these globs, comma-separated.")]
DeviceOption = Annotated[str | None, typer.Option(help="Only this device: cpu, cuda, cuda:0.")]
DtypeOption = Annotated[str | None, typer.Option(help="Only this dtype.", autocompletion=completion.dtypes)]
ModeOption = Annotated[
    str | None,
    typer.Option(help=f"Only these modes, comma-separated: {', '.join(MODES)}.", autocompletion=completion.modes),
]
BackendOption = Annotated[
    str | None, typer.Option(help="Only these runtimes, comma-separated.", autocompletion=completion.backends)
]
BatchOption = Annotated[str | None, typer.Option(help="Only these batch sizes, comma-separated.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder to write to. Default: reports/<suite>.")]
LimitOption = Annotated[str | None, typer.Option(help="Also the share of calls that took longer: 25ms, 1.5s, 800us.")]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        help="Whose accuracy: published, imagenet-1k (the best trained on it alone), best (on any data), all, or timm's tags; measured, by "
        "lambdabench evaluate; or your own FILE.csv (model, top1). Comma-separated: the first that a model has (mine.csv,imagenet-1k). "
        "Default: the suite's, else imagenet-1k, else measured."
    ),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page in the browser when it is written.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def filters(
    *,
    device: str | None,
    dtype: str | None,
    mode: str | None,
    backend: str | None,
    batch_size: str | None,
    models: str | None = None,
) -> dict[str, Any]:
    """Columns and the values that cases must have there, of the flags that `plot` and `show` take; None is no filter."""
    return {
        "device": flags.text(device, "--device"),
        "dtype": flags.text(dtype, "--dtype"),
        "mode": flags.choices(mode, "--mode", MODES) or None,
        "backend": flags.words(backend, "--backend") or None,
        "batch_size": flags.numbers(batch_size, "--batch-size") or None,
        "model": flags.words(models, "--models") or None,
    }
