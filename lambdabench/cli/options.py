"""Flags that several commands share, and how their texts are read."""

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import LambdabenchError
from ..core.units import parse_duration

ResultsOption = Annotated[Path, typer.Option("--results", help="Folder of result files.")]
SuiteOption = Annotated[str | None, typer.Option(help="Only this suite's results.")]
ModelsOption = Annotated[str, typer.Option(help="Only models that match these globs, comma-separated.")]
DeviceOption = Annotated[str | None, typer.Option(help="Only this device: cpu, cuda, cuda:0.")]
DtypeOption = Annotated[str | None, typer.Option(help="Only this dtype.")]
BatchOption = Annotated[str, typer.Option(help="Only these batch sizes, comma-separated.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder to write to. Default: reports/<suite>.")]
WeightsOption = Annotated[
    str,
    typer.Option(
        help="Whose published accuracy: imagenet-1k (the best trained on it alone), best (on any data), all, or timm's tags, "
        "comma-separated: the first that a model has. Default: the suite's, else imagenet-1k."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def words(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def number(text: str, flag: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise LambdabenchError(f"{flag}: found {text!r}, expected a whole number of at least 1, or several with commas")
    return int(text)


def numbers(text: str, flag: str) -> tuple[int, ...]:
    return tuple(number(one, flag) for one in words(text))


def choices(text: str, known: tuple[str, ...], flag: str) -> tuple[str, ...]:
    for one in words(text):
        if one not in known:
            raise LambdabenchError(f"{flag}: found {one!r}, expected one of {', '.join(known)}")
    return words(text)


def duration(text: str | None) -> float | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise LambdabenchError(f"--budget: {error}") from error
