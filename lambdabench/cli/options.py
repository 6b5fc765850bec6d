"""Flags that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ResultsOption = Annotated[Path, typer.Option("--results", help="Folder of result files.")]
ReportsOption = Annotated[Path, typer.Option(help="Folder of figures and pages; those of a suite go to its <suite>/.")]
SuiteOption = Annotated[str | None, typer.Option(help="Only this suite's results: its name, or its .toml file's path.")]
ModelsOption = Annotated[str | None, typer.Option(help="Only models that match these globs, comma-separated.")]
DeviceOption = Annotated[str | None, typer.Option(help="Only this device: cpu, cuda, cuda:0.")]
DtypeOption = Annotated[str | None, typer.Option(help="Only this dtype.")]
BatchOption = Annotated[str | None, typer.Option(help="Only these batch sizes, comma-separated.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder to write to. Default: reports/<suite>.")]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        help="Whose published accuracy: imagenet-1k (the best trained on it alone), best (on any data), all, or timm's tags, "
        "comma-separated: the first that a model has. Default: the suite's, else imagenet-1k."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
