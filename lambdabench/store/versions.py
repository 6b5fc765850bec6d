"""Versions of libraries: in a file one column of canonical JSON, in a frame a column each. Files of versions 1 to 7 had a column each."""

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.identity import canonical
from ..core.spec import FORMER_FIELDS, LIBRARY_NAME, Environment
from .columns import PREFIXES
from .file_rows import coded, encoded

PREFIX = PREFIXES["environment"]
COLUMN = f"{PREFIX}versions"
SINCE = 8
"""The version of the schema that has `COLUMN`."""
FORMER = tuple(f"{PREFIX}{name}" for name in FORMER_FIELDS)
"""The columns of older files."""


def is_library(column: str) -> bool:
    """Whether a column of a frame is a library's: no column of a file is called so."""
    return column.startswith(PREFIX) and column.removeprefix(PREFIX) not in Environment.__slots__


def is_versions(text: str) -> bool:
    """Whether a cell of `COLUMN` is what a run writes."""
    try:
        item = json.loads(text)
    except ValueError:
        return False
    return isinstance(item, dict) and all(
        isinstance(version, str) and LIBRARY_NAME.fullmatch(name) and is_library(PREFIX + name)
        for name, version in item.items()
    )


def joined(table: pa.Table) -> pa.ChunkedArray:
    """`COLUMN` of an older file from a column each: what it tells, "" too; null where it has none of them."""
    text = {name: texts_of(table[name]) for name in FORMER if name in table.column_names}
    group = np.zeros(table.num_rows, np.int64)
    for texts, codes in text.values():
        if len(texts) > 1 or (codes() < 0).any():  # a file is of one environment mostly
            group = np.unique(group * (len(texts) + 1) + codes() + 1, return_inverse=True)[1]
    firsts, group = np.unique(group, return_index=True, return_inverse=True)[1:]
    cells = {name: [(*texts, None)[place] for place in codes()[firsts]] for name, (texts, codes) in text.items()}
    names = [
        canonical({name.removeprefix(PREFIX): item[row] for name, item in cells.items() if item[row] is not None})
        for row in range(len(firsts))
    ]
    places = pa.array(group.astype(np.int32), mask=np.full(len(group), not text))
    return pa.chunked_array([pa.DictionaryArray.from_arrays(places, pa.array(names, pa.string()))])


def spread(table: pa.Table, only: Collection[str] = ()) -> pa.Table:
    """With a column for each library in place of `COLUMN`: for `FORMER` and all that a row names, or for `only` these. A library that a row
    does not name is "", in rows of an older version null, as in rows that name none."""
    if COLUMN not in table.column_names:
        return table
    texts, places_of = texts_of(table[COLUMN])
    places = places_of()
    known: list[dict[str, str]] = [json.loads(text) if is_versions(text) else {} for text in texts]
    names = sorted(only or {*FORMER, *(PREFIX + name for item in known for name in item)})
    is_old = (table["schema_version"].to_numpy() < SINCE) if len(table) else np.zeros(0, bool)
    places = np.where(places < 0, len(texts), places)
    row = places + (len(texts) + 1) * is_old  # of each text: as newer rows mean it, and as older ones do
    columns = {name: _column([item.get(name.removeprefix(PREFIX)) for item in known], row) for name in names}
    result = {name: table[name] for name in table.column_names}
    order = [text for name in table.column_names for text in (names if name == COLUMN else [name])]
    return pa.table({name: columns[name] if name in columns else result[name] for name in order})


def _column(cells: Sequence[str | None], row: np.ndarray) -> pa.Array:
    """A column by each row's place among the cells, as newer rows mean these and then as older ones do, each with none at the end."""
    versions = sorted({"", *(cell for cell in cells if cell is not None)})
    code = {name: place for place, name in enumerate(versions)}
    newer = [code[cell or ""] for cell in cells]
    older = [-1 if cell is None else code[cell] for cell in cells]
    codes = np.array([*newer, -1, *older, -1], np.int32)
    return coded(codes[row], pa.array(versions, pa.string()))


def texts_of(column: pa.ChunkedArray) -> tuple[list[str], Callable[[], np.ndarray[Any, np.dtype[np.int64]]]]:
    """(The texts of a column, what gives each row's place among them; -1 where it has none)."""
    whole = encoded(column)
    places = whole.indices.fill_null(-1)
    return whole.dictionary.to_pylist(), lambda: places.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
