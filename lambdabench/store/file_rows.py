"""The rows of files one under the other, as one table whose texts are dictionaries in the order in which they appear.

Most columns of a file have one value in all of its rows, for a run has one machine: the footer tells it, and a thousand files are put
together without decoding those columns a thousand times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WIDTHS = (np.int8, np.int16, np.int32)
"""Of the places of a column's texts: the least that holds them, as categories of pandas have it."""
Value = str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """What was read of one file: `same`, the columns that have one value in all rows, and a table of the others."""

    rows: int
    same: Mapping[str, Value]
    table: pa.Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rows of one of several tables."""

    table: int
    start: int
    rows: int


def one_valued(metadata: pq.FileMetaData, wanted: pa.Schema) -> dict[str, Value]:
    """The columns of texts and whole numbers, and those without any number, that have one value in all rows, as the footer tells it.

    Only of a footer that can be trusted. Lists are never among them: the footer does not tell an empty one from none.
    """
    if metadata.num_row_groups != 1 or not metadata.num_rows:
        return {}
    group, places = metadata.row_group(0), {name: place for place, name in enumerate(metadata.schema.names)}
    result: dict[str, Value] = {}
    for field in wanted:
        if pa.types.is_list(field.type):
            continue
        if field.name not in places:  # of another version: it is read as a whole
            return {}
        known = group.column(places[field.name]).statistics
        if known is None or not known.has_null_count:
            continue
        if known.null_count == metadata.num_rows:
            result[field.name] = None
        elif known.null_count == 0 and known.has_min_max:
            least, most = known.min, known.max
            if least == most and _is_exact(field.type, least):
                result[field.name] = least
    return result


def _is_exact(kind: pa.DataType, value: Any) -> bool:
    """Whether least and greatest say all: those of floating-point numbers pass over what is no number, and over the sign of a zero."""
    return isinstance(value, str) if pa.types.is_dictionary(kind) else kind == pa.int64() and type(value) is int


def stacked(files: Sequence[FileRows], wanted: pa.Schema) -> pa.Table:
    """The rows of files as one table, each column in one piece."""
    rows = np.array([item.rows for item in files], np.int64)
    columns = {field.name: _stacked_column(files, rows, field) for field in wanted}
    return pa.table(columns) if files else wanted.empty_table()


def joined(tables: Sequence[pa.Table], spans: Sequence[Span]) -> pa.Table:
    """Rows of tables of the same columns, one under the other."""
    merged: list[Span] = []
    for span in (item for item in spans if item.rows):
        last = merged[-1] if merged else None
        if last is not None and last.table == span.table and last.start + last.rows == span.start:
            merged[-1] = Span(table=last.table, start=last.start, rows=last.rows + span.rows)
        else:
            merged.append(span)
    if len(merged) == 1 and merged[0].rows == tables[merged[0].table].num_rows:
        return tables[merged[0].table]
    wide = [pa.table([_widened(column) for column in table.columns], names=table.column_names) for table in tables]
    whole = pa.concat_tables([wide[0].slice(0, 0), *(wide[item.table].slice(item.start, item.rows) for item in merged)])
    return pa.table([in_one_piece(column) for column in whole.columns], names=whole.column_names)


def in_one_piece(column: pa.ChunkedArray) -> Any:
    """A column in one piece; texts in the order in which they appear, without those that no row has."""
    if not pa.types.is_dictionary(column.type):
        return column.combine_chunks()
    whole = encoded(column)
    codes = whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    count = len(whole.dictionary)
    if count == 1 and whole.null_count < len(whole):
        return coded(codes, whole.dictionary)
    first = np.full(count + 1, len(codes), np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    order = np.argsort(first[:count], kind="stable")[: int((first[:count] < len(codes)).sum())]
    if len(order) == count and (order == np.arange(count)).all():
        return coded(codes, whole.dictionary)
    places = np.full(count + 1, -1, np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return coded(places[codes], whole.dictionary.take(pa.array(order)))


def _stacked_column(files: Sequence[FileRows], rows: np.ndarray, field: pa.Field) -> Any:
    if all(field.name in item.same for item in files):
        return _repeated([item.same[field.name] for item in files], rows, field.type)
    chunks: list[pa.Array] = []
    for item in files:
        if field.name in item.same:
            again = _repeated([item.same[field.name]], np.array([item.rows]), field.type)
            chunks += _widened(pa.chunked_array([again])).chunks
        else:
            chunks += item.table[field.name].chunks
    return in_one_piece(pa.chunked_array(chunks, field.type))


def _repeated(values: Sequence[Value], rows: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Each value so many times."""
    if all(value is None for value in values) and not pa.types.is_dictionary(kind):
        return pa.nulls(int(rows.sum()), kind)
    if not pa.types.is_dictionary(kind):
        numbers = np.repeat(np.array([value or 0 for value in values], np.int64), rows)
        return pa.array(numbers, kind, mask=np.repeat([value is None for value in values], rows))
    texts = list(dict.fromkeys(value for value in values if value is not None))
    code = {text: place for place, text in enumerate(texts)}
    codes = np.array([-1 if value is None else code[value] for value in values], width_of(len(texts)))
    return coded(np.repeat(codes, rows), pa.array(texts, pa.string()))


def encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column of texts in one piece, as places in a dictionary."""
    result = column if pa.types.is_dictionary(column.type) else column.cast(pa.string()).dictionary_encode()
    whole = result.unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def coded(codes: np.ndarray, texts: pa.Array) -> pa.DictionaryArray:
    """Texts by their places, of the least width; none where a place is negative."""
    narrow = codes.astype(width_of(len(texts)), copy=False)
    lacks = narrow < 0
    places = pa.array(narrow, mask=lacks if lacks.any() else None)
    return pa.DictionaryArray.from_arrays(places, texts, safe=False)


def width_of(count: int) -> Any:
    """The least width that holds the places of so many texts, and that there is none."""
    return next(kind for kind in WIDTHS if count < np.iinfo(kind).max)


def _widened(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Places of texts with the width that all tables can have."""
    if not pa.types.is_dictionary(column.type) or column.type.index_type == pa.int32():
        return column
    kind = pa.dictionary(pa.int32(), column.type.value_type)
    wide = [pa.DictionaryArray.from_arrays(item.indices.cast(pa.int32()), item.dictionary) for item in column.chunks]
    return pa.chunked_array(wide, kind)
