"""timm.csv: the accuracies that timm publishes of its weights, one a row, as facts/generate.py writes them and `accuracies` reads them."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .fact import VALIDATION_IMAGES, Fact

PATH = Path(__file__).parent / "timm.csv"
SOURCE = "timm results-imagenet.csv"
URL = "https://github.com/huggingface/pytorch-image-models/blob/{commit}/results/results-imagenet.csv"
COLUMNS = (
    "architecture", "tag", "eval_px", "crop", "interpolation", "top1", "top5", "parameters", "licence", "data", "taught_by",
)  # fmt: skip
"""Accuracies in percent, parameters in millions."""
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What timm says of weights: how their images are made, and under which licence they are."""

    crops: tuple[tuple[int, float], ...]
    """(Image size in pixels, share of a side that is seen): of the size of their training, and of the one they are tested at."""
    interpolation: str
    licence: str


def written(facts: Iterable[Fact], head: Sequence[str]) -> str:
    """The file of some facts, in the order of their names and sizes, below lines that say where they are from."""
    file = io.StringIO()
    file.writelines(f"# {line}\n" for line in head)
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(_row(fact) for fact in sorted(facts, key=lambda fact: (fact.architecture, fact.tag, fact.eval_px)))
    return file.getvalue()


def head(path: Path = PATH) -> tuple[str, ...]:
    """The lines that say where a file's facts are from."""
    with path.open(encoding="utf-8") as file:
        return tuple(line[2:].rstrip("\n") for line in file if line.startswith("# "))


def read(path: Path = PATH) -> tuple[Fact, ...]:
    """Every row of a file that `written` made."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        next(rows)
        return tuple(_fact(row) for row in rows)


def _row(fact: Fact) -> tuple[str, ...]:
    return (
        fact.architecture,
        fact.tag,
        str(fact.eval_px),
        _text(fact.crop, 4),
        fact.interpolation,
        _text(fact.value, 3),
        _text(fact.top5, 3),
        _text(None if fact.parameters is None else fact.parameters / MILLION, 2),
        fact.licence,
        fact.data,
        fact.taught_by,
    )


def _text(number: float | None, decimals: int) -> str:
    """Without zeros at the end."""
    return "" if number is None else f"{number:.{decimals}f}".rstrip("0").rstrip(".")


def _fact(row: Sequence[str]) -> Fact:
    architecture, tag, px, crop, interpolation, top1, top5, parameters, licence, data, taught_by = row
    return Fact(
        architecture=architecture,
        tag=tag,
        eval_px=int(px),
        crop=float(crop),
        value=float(top1),
        images=VALIDATION_IMAGES,
        source=SOURCE,
        top5=float(top5),
        parameters=round(float(parameters) * MILLION),
        interpolation=interpolation,
        licence=licence,
        data=data,
        taught_by=taught_by,
    )
