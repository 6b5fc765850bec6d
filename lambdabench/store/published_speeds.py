"""Speeds that somebody else published, or wrote down: CSV files as cases of a wide table, as far as they tell them."""

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from ..core.errors import NothingMeasuredError, RequestError

ENDING = ".csv"
TIMMS: Mapping[str, str] = {
    "model": "model",
    "image_px": "infer_img_size",
    "batch_size": "infer_batch_size",
    "throughput": "infer_samples_per_sec",
}
"""Ours -> a column of timm's results, https://github.com/huggingface/pytorch-image-models/tree/main/results."""
OWN = ("model", "image_px", "throughput")
OPTIONAL = ("batch_size", "throughput_low", "throughput_high")
COUNTS = ("image_px", "batch_size")


def read_speeds(path: Path) -> pd.DataFrame:
    """The cases of a table of speeds, a row each: `kind`, `model`, `mode`, `image_px`, `batch_size` (null where the table has none),
    `throughput` in images a second with its `_low` and `_high` where they are told, `status`, `reason`, `options`.

    A table is one of timm's of inference, or has columns model, image_px, throughput and perhaps batch_size, throughput_low and
    throughput_high; others may stand beside them. Of a network that stands there more than once at one size and batch the first
    counts. A row without a speed is a case without a number. Raises LambdabenchError that names what is there and what is expected;
    NothingMeasuredError for a table without rows.
    """
    rows = list(_lines(path))
    frame = pd.DataFrame(
        rows, columns=["model", "image_px", "batch_size", "throughput", "throughput_low", "throughput_high"]
    )
    if frame.empty:
        raise NothingMeasuredError(f"{path} has no rows under its head; give a table of speeds")
    frame = frame.drop_duplicates(["model", "image_px", "batch_size"], ignore_index=True)
    lacks = frame["throughput"].isna()
    return frame.assign(
        kind="model",
        mode="inference",
        options="{}",
        status=["unsupported" if lack else "ok" for lack in lacks],
        reason=["the table has no speed of it" if lack else "" for lack in lacks],
    )


def _lines(path: Path) -> Iterator[dict[str, str | float | None]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = _names(path, list(reader.fieldnames or ()))
            for row in reader:
                yield {ours: _cell(path, reader.line_num, ours, row.get(theirs)) for ours, theirs in names.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} is no readable CSV file ({error}); give a table of speeds as UTF-8") from error


def _names(path: Path, there: list[str]) -> dict[str, str]:
    """Ours -> the table's own, of the columns that are read. Raises LambdabenchError for another schema."""
    if set(TIMMS.values()) <= {*there}:
        return dict(TIMMS)
    if {*OWN} <= {*there}:
        return {name: name for name in (*OWN, *OPTIONAL) if name in there}
    has = ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")
    raise RequestError(
        f"{path}: found columns {has or 'none'}; expected timm's {', '.join(TIMMS.values())}, or {', '.join(OWN)} and perhaps "
        f"{OPTIONAL[0]}; rename them"
    )


def _cell(path: Path, line: int, name: str, text: str | None) -> str | float | None:
    """A cell's value, None where it is empty. Raises LambdabenchError for what is no number above 0."""
    word = (text or "").strip()
    if name == "model":
        if not word:
            raise RequestError(f"{path}, line {line}: found no model, expected its name; mend the table")
        return _architecture(word)
    if not word and name != "image_px":
        return None
    try:
        value = float(word.replace(",", ""))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf or (name in COUNTS and value != int(value)):
        expected = "a whole number above 0" if name in COUNTS else "a number above 0"
        raise RequestError(f"{path}, line {line}: found {name} {word!r}, expected {expected}; mend the table")
    return int(value) if name in COUNTS else value


def _architecture(name: str) -> str:
    """A name without the tag of its weights, which says nothing of its speed: resnet50 of resnet50.a1_in1k."""
    return name if set(name) & set(":/") else name.partition(".")[0]
