"""Accuracies that somebody gives of their own networks: a CSV file of model and top1, and perhaps image_px, top5, images, tag, licence."""

import csv
import functools
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import RequestError
from .fact import Fact

ENDING = ".csv"
NEEDED, OPTIONAL = ("model", "top1"), ("image_px", "top5", "images", "tag", "licence")
ANY_SIZE = 0
"""The size of an accuracy whose file names none: it is that of the model at whatever size it was timed."""


def read(path: str) -> tuple[Fact, ...]:
    """The accuracies of a file, each with the file's name as its source: percent, of `images` images (none: without an interval). Raises
    RequestError for a file of other columns, or a value that can be none."""
    try:
        return _read(path, Path(path).stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} is no readable CSV file ({error}); give a table of accuracies as UTF-8") from error


@functools.lru_cache(maxsize=16)
def _read(path: str, _changed: int) -> tuple[Fact, ...]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        there = list(reader.fieldnames or ())
        if not {*NEEDED} <= {*there}:
            has = ", ".join(there[:12]) or "none"
            expected = f"{', '.join(NEEDED)} and perhaps {', '.join(OPTIONAL)}"
            raise RequestError(f"{path}: found columns {has}; expected {expected}; rename them")
        return tuple(_fact(path, reader.line_num, row) for row in reader)


def _fact(path: str, line: int, row: Mapping[str, str | None]) -> Fact:
    cell = {name: (row.get(name) or "").strip() for name in (*NEEDED, *OPTIONAL)}
    if not cell["model"]:
        raise RequestError(f"{path}, line {line}: found no model, expected its name; mend the table")
    top1, top5 = (_percent(path, line, name, cell[name]) for name in ("top1", "top5"))
    if top1 is None:
        raise RequestError(f"{path}, line {line}: found no top1, expected percent; leave the line out")
    return Fact(
        architecture=cell["model"],
        tag=cell["tag"] or Path(path).stem,
        eval_px=_count(path, line, "image_px", cell["image_px"]),
        crop=None,
        value=top1,
        images=_count(path, line, "images", cell["images"]),
        source=Path(path).name,
        top5=top5,
        licence=cell["licence"],
    )


def _percent(path: str, line: int, name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 1 < value <= 100:
        raise RequestError(
            f"{path}, line {line}: found {name} {text!r}, expected percent from 1 to 100; mend the table"
        )
    return value


def _count(path: str, line: int, name: str, text: str) -> int:
    """0 where nothing is told."""
    if text and not (text.isdecimal() and int(text) > 0):
        raise RequestError(
            f"{path}, line {line}: found {name} {text!r}, expected a whole number above 0; mend the table"
        )
    return int(text or 0)
