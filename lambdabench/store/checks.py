"""Whether the rows of files can be what lambdabench wrote: known words, numbers in their ranges, none missing.

What is refused here would be a wrong number, or a crash, in every reader. Columns are looked at as a whole: a word once, however
many rows have it.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from ..core import fields
from ..core.errors import StoreError
from ..core.metric import metrics
from ..core.record import ORIGINS, TRAINED
from ..core.spec import LARGEST
from ..core.statuses import STATUSES
from ..core.units import SCALES
from .columns import FIRST, nullable
from .versions import COLUMN, is_versions, texts_of

pc: Any = compute
"""Whose functions are made as it is imported."""
OF_METRIC = ("unit", "origin", "source")
"""What every row of a metric has."""
NAMES = ("run_id", "suite", "case_id", "fingerprint", *(field.name for field in fields.OF_CASE if field.is_name))
"""What is never empty."""
WORDS: dict[str, Sequence[str]] = {
    "status": STATUSES,
    **{field.name: field.choices for field in fields.OF_CASE if field.choices},
    "origin": ORIGINS,
}
LONGEST_MS = 253_402_300_800_000
"""Milliseconds from 1970 to the year 10000."""
COUNTS = {
    "schema_version": (1, LARGEST),
    "run_order": (0, LONGEST_MS + LARGEST),
    "replicate": (TRAINED, LARGEST),
    **{field.name: (field.least, LARGEST) for field in fields.columns() if field.is_number},
    "loops_per_sample": (1, 2**62),
}
LARGEST_VALUE = 1e30
"""Of whatever is measured."""
METRIC = re.compile(r"[a-z][a-z0-9_]*")
MEND = "the file is not as it was written: restore it, or move it out of the results"

Fault = tuple[int, str, Any, str]
"""Row, column, what was found, what was expected."""


def refuse_impossible(table: pa.Table, files: Sequence[tuple[Path, int]]) -> None:
    """Raises StoreError that names file, row and column of the first value that no run writes. `files`: each with its rows."""
    for find in (
        _absent,
        _unknown_word,
        _no_name,
        _out_of_range,
        _no_time,
        _no_options,
        _no_versions,
        _no_metric,
        _no_number,
        _no_sample,
    ):
        fault = find(table)
        if fault is None:
            continue
        row, column, item, expected = fault
        for path, rows in files:
            if row < rows:
                raise StoreError(f"{path} row {row + 1}: found {column} {item}, expected {expected}; {MEND}")
            row -= rows


def _absent(table: pa.Table) -> Fault | None:
    for name in _known(table, FIRST):  # all that follow them may be null
        if name not in nullable() and table[name].null_count:
            allowed = f"one of {', '.join(WORDS[name])}" if name in WORDS else "a value"
            return _first(pc.is_null(table[name])), name, None, allowed
    return None


def _unknown_word(table: pa.Table) -> Fault | None:
    for name in _known(table, WORDS):
        allowed = set(WORDS[name])
        if fault := _bad_text(
            table, name, lambda text, allowed=allowed: text in allowed, f"one of {', '.join(WORDS[name])}"
        ):
            return fault
    return None


def _no_name(table: pa.Table) -> Fault | None:
    faults = (_bad_text(table, name, bool, "a name") for name in _known(table, NAMES))
    return next((fault for fault in faults if fault), None)


def _out_of_range(table: pa.Table) -> Fault | None:
    for name in _known(table, COUNTS):
        least, most = COUNTS[name]
        bounds = pc.min_max(table[name]).as_py()
        if bounds["min"] is not None and (bounds["min"] < least or bounds["max"] > most):
            wrong = pc.or_(pc.less(table[name], least), pc.greater(table[name], most))
            return _at(table, name, _first(wrong), f"a whole number from {least} to {most}")
    return None


def _no_time(table: pa.Table) -> Fault | None:
    if "started_at" not in table.column_names:
        return None
    texts, codes = texts_of(table["started_at"])
    times = pd.to_datetime(pd.Series(texts, dtype="str"), format="ISO8601", utc=True, errors="coerce")
    wrong = times.isna().to_numpy() & np.array([text != "" for text in texts], dtype=bool)
    return _of_code(table, "started_at", codes, wrong, "a time as 2026-01-31T12:00:00.000+00:00")


def _no_options(table: pa.Table) -> Fault | None:
    return _bad_text(table, "options", _is_options, "a JSON object of texts, finite numbers, true and false")


def _no_versions(table: pa.Table) -> Fault | None:
    return _bad_text(table, COLUMN, is_versions, "a JSON object of libraries' names and versions")


def _is_options(text: str) -> bool:
    try:
        item = json.loads(text)
    except ValueError:
        return False
    if not isinstance(item, dict):
        return False
    return all(
        isinstance(entry, str | bool | int) or (isinstance(entry, float) and math.isfinite(entry))
        for entry in item.values()
    )


def _no_metric(table: pa.Table) -> Fault | None:
    taken = set(table.schema.names) | set(FIRST)

    def named(text: str) -> bool:
        return bool(METRIC.fullmatch(text)) and text not in taken and (text == "top1" or not text.startswith("top1"))

    if fault := _bad_text(table, "metric", named, "a metric (lambdabench list metrics)"):
        return fault
    for name in _known(table, OF_METRIC) if "metric" in table.column_names else ():
        missing = table["metric"].is_valid().to_numpy() & table[name].is_null().to_numpy()
        if missing.any():
            return _at(table, name, int(missing.argmax()), "a value beside its metric")
    if not {"metric", "unit"} <= set(table.column_names):
        return None
    ours = _is_in(table["metric"], [known.name for known in metrics()])
    units = list(dict.fromkeys((*SCALES, *(known.unit for known in metrics()))))
    wrong = ours & ~_is_in(table["unit"], units)
    return _at(table, "unit", int(wrong.argmax()), f"one of {', '.join(units)}") if wrong.any() else None


def _no_number(table: pa.Table) -> Fault | None:
    names = [name for name, kind in zip(table.schema.names, table.schema.types, strict=True) if kind == pa.float64()]
    floats = {name: _floats(table[name]) for name in names}
    for name, values in floats.items():
        null = (
            table[name].is_null().to_numpy(zero_copy_only=False)
            if table[name].null_count
            else np.zeros(len(values), bool)
        )
        wrong = ~(np.abs(values) <= LARGEST_VALUE) & ~null
        if wrong.any():
            return _at(table, name, int(wrong.argmax()), f"nothing, or a number up to {LARGEST_VALUE:g}")
    if not {"metric", "value", "low", "high"} <= set(table.column_names):
        return None
    low, value, high = (floats[name] for name in ("low", "value", "high"))
    free, positive = (_is_in(table["metric"], _with(values)) for values in ("any", "positive"))
    for wrong, column, expected in (
        (~free & (value < 0), "value", "a number that is not negative"),
        (positive & (value <= 0), "value", "a number above zero"),
        (~free & (low < 0), "low", "a number that is not negative"),
        (np.isnan(low) != np.isnan(high), "high", "low and high, or neither"),
        ((low > value) | (low > high), "low", "low <= value <= high"),
        (value > high, "high", "low <= value <= high"),
    ):
        if wrong.any():
            return _at(table, column, int(wrong.argmax()), expected)
    return None


def _no_sample(table: pa.Table) -> Fault | None:
    if "samples" not in table.column_names:
        return None
    samples = table["samples"].combine_chunks()
    flat = pc.list_flatten(samples)
    wrong = ~np.isfinite(_floats(flat))
    if wrong.any():
        rows = pc.list_parent_indices(samples).to_numpy()[wrong]
        if "metric" in table.column_names:
            rows = rows[~_is_in(table["metric"], _with("any"))[rows]]
        if len(rows):
            return int(rows[0]), "samples", "one that is no number", "finite numbers"
    return None


def _with(values: str) -> list[str]:
    """The metrics that may have such values."""
    return [known.name for known in metrics() if known.values == values]


def _known(table: pa.Table, names: Sequence[str] | dict[str, Any]) -> list[str]:
    return [name for name in names if name in table.column_names]


def _bad_text(table: pa.Table, column: str, is_good: Callable[[str], bool], expected: str) -> Fault | None:
    """The first row of a column whose text is not good; each text is looked at once."""
    if column not in table.column_names:
        return None
    texts, codes = texts_of(table[column])
    return _of_code(table, column, codes, np.array([not is_good(text) for text in texts], dtype=bool), expected)


def _of_code(
    table: pa.Table, column: str, codes: Callable[[], np.ndarray], wrong: np.ndarray, expected: str
) -> Fault | None:
    """The first row that has one of the texts that are wrong."""
    if not wrong.any():
        return None
    rows = np.append(wrong, False)[codes()]
    return _at(table, column, int(rows.argmax()), expected) if rows.any() else None


def _is_in(column: pa.ChunkedArray, names: Any) -> np.ndarray:
    texts, codes = texts_of(column)
    return np.array([*(text in set(names) for text in texts), False], dtype=bool)[codes()]


def _floats(column: Any) -> np.ndarray:
    """Numbers, NaN where there is none."""
    return column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()


def _first(wrong: Any) -> int:
    return int(pc.index(wrong, True).as_py())


def _at(table: pa.Table, column: str, row: int, expected: str) -> Fault:
    py = table[column][row].as_py()
    return row, column, py if py != "" else "''", expected
