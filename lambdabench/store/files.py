"""Rows to Parquet files and back."""

import contextlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..core import fields, folders
from ..core.errors import StoreError
from ..core.record import SCHEMA_VERSION, Record
from . import file_checksum, read_cache, remote, versions
from .checks import refuse_impossible
from .columns import cells, schema
from .file_rows import FileRows, one_valued, stacked

READERS = 8
"""Files that are read at once."""
ABANDONED_S = 3600.0
"""Age of a file that is still written aside, beyond which its writer was killed: a write takes a moment."""
ASIDE = re.compile(r"\..+\.parquet\.\d+")
BEFORE = {field.name: field.id_default for field in fields.OF_CASE if not field.is_first}
"""What cases of older files have in a field that came later: the value with which that is no part of their identity."""
VERSION = "schema_version"
AWAY = "move it out of the results"


def write(records: Sequence[Record], path: Path) -> None:
    """Writes all of a run's records so far: aside, fsync, rename. A reader sees the old file or the new one, whole.

    Nothing is left of what could not be written, nor of what a killed writer left.
    """
    write_table(pa.Table.from_pylist([cells(record) for record in records], schema=schema()), path)


def write_table(table: pa.Table, path: Path) -> None:
    """The same of rows that are a table with our schema, and what its metadata holds."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with folders.writing(path, "free space, or give another --results"):
        try:
            with aside.open("wb") as file:
                file.write(file_checksum.sealed(sink.getvalue().to_pybytes()))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        _sweep(path)
    remote.publish(path)


def _sweep(path: Path) -> None:
    """Removes what killed writers left beside a file; its time is of the same clock as theirs."""
    now_s = path.stat().st_mtime
    for dir_entry in os.scandir(path.parent):
        if ASIDE.fullmatch(dir_entry.name) and now_s - dir_entry.stat(follow_symlinks=False).st_mtime > ABANDONED_S:
            Path(dir_entry.path).unlink(missing_ok=True)


def read_table(
    files: Sequence[Path], columns: Sequence[str], *, whole: bool = True, roots: Sequence[Path] = ()
) -> pa.Table:
    """Some columns of files, one under the other, texts as dictionaries. Without `whole` only what is read is checked, not the file.

    With `roots`, the folders that the files are those of, what was read and checked before is taken from this machine's cache where the
    files are as they were. Raises StoreError that names file, row and column of what cannot be.
    """
    wanted = pa.schema([_as_read(schema().field(name)) for name in columns])

    def fresh(some: Sequence[Path]) -> tuple[pa.Table, list[int]]:
        return _read_files(some, wanted, whole)

    if roots and len(files) >= read_cache.FEWEST:
        return read_cache.through(files, (sorted(map(os.path.abspath, roots)), whole), wanted, fresh)
    return fresh(files)[0]


def _read_files(files: Sequence[Path], wanted: pa.Schema, whole: bool) -> tuple[pa.Table, list[int]]:
    """(The rows, how many each file has.)"""
    read = partial(_read_file, wanted=wanted, whole=whole)
    if len(files) > 1:
        with ThreadPoolExecutor(READERS) as pool:
            result = list(pool.map(read, files))
    else:
        result = [read(file) for file in files]
    table, rows = stacked(result, wanted), [item.rows for item in result]
    refuse_impossible(table, list(zip(files, rows, strict=True)))
    return table, rows


def _as_read(field: pa.Field) -> pa.Field:
    return field.with_type(pa.dictionary(pa.int32(), pa.string())) if field.type == pa.string() else field


def open_file(path: Path, *, texts: Sequence[str] = (), whole: bool = True) -> pq.ParquetFile:
    """A Parquet file whose checksums agree. `texts`: columns that are read as dictionaries, where it has them. Raises StoreError."""
    return _opened(path, texts, whole)[0]


def _opened(path: Path, texts: Sequence[str], whole: bool) -> tuple[pq.ParquetFile, bool]:
    """(The file, whether it has a checksum of all that it is.)"""
    try:
        content = pa.py_buffer(path.read_bytes()) if whole else pa.memory_map(str(path)).read_buffer()
        seal = file_checksum.seal_of(memoryview(content), whole=whole)
        if seal is False:
            raise StoreError(f"{path} is damaged: its checksum is not that of its content; restore it, or {AWAY}")
        return _parsed(content, texts), seal is not None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise StoreError(f"{path} is no readable Parquet file ({error}); {AWAY}") from error


def _parsed(content: pa.Buffer, texts: Sequence[str]) -> pq.ParquetFile:
    with contextlib.suppress(KeyError):  # a file of another version has not all of them
        return pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True, read_dictionary=[*texts])
    metadata = pq.read_metadata(pa.BufferReader(content))
    there = set(metadata.schema.names)
    return pq.ParquetFile(
        pa.BufferReader(content),
        metadata=metadata,
        page_checksum_verification=True,
        read_dictionary=[text for text in (*texts, *versions.FORMER) if text in there],
    )


def greatest(path: Path, columns: Sequence[str]) -> dict[str, Any]:
    """The greatest value of each of some columns, as a file's footer has it; None where it tells none. Raises StoreError."""
    metadata = open_file(path, whole=False).metadata
    result: dict[str, Any] = dict.fromkeys(columns)
    for place in range(metadata.num_columns):
        name = metadata.schema.column(place).path
        if name not in result:
            continue
        text = [metadata.row_group(number).column(place).statistics for number in range(metadata.num_row_groups)]
        known = [item.max for item in text if item is not None and item.has_min_max]
        result[name] = max(known, default=None)
    return result


def _read_file(path: Path, wanted: pa.Schema, whole: bool) -> FileRows:
    file, sealed = _opened(path, [item.name for item in wanted if pa.types.is_dictionary(item.type)], whole)
    try:
        same = one_valued(file.metadata, wanted) if sealed and whole else {}
        if isinstance(version := same.get(VERSION), int) and version <= SCHEMA_VERSION:
            rest = pa.schema([item for item in wanted if item.name not in same])
            table = file.read(columns=rest.names, use_threads=False)
            if table.schema.equals(rest):
                return FileRows(rows=file.metadata.num_rows, same=same, table=table)
        table = _read_all(file, path, wanted)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise StoreError(f"{path} is no readable Parquet file ({error}); {AWAY}") from error
    try:
        whole_table = pa.table([_column(table, item) for item in wanted], schema=wanted)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise StoreError(f"{path} was not written by lambdabench: {error}; {AWAY}") from error
    return FileRows(rows=table.num_rows, same={}, table=whole_table)


def _read_all(file: pq.ParquetFile, path: Path, wanted: pa.Schema) -> pa.Table:
    """The columns that are wanted, as the file has them, and those that they are made of."""
    there = set(file.metadata.schema.to_arrow_schema().names)
    if VERSION not in there:
        raise StoreError(f"{path} was not written by lambdabench: it has no column {VERSION}; {AWAY}")
    former = versions.FORMER if versions.COLUMN in wanted.names and versions.COLUMN not in there else ()
    asked = [name for name in (*wanted.names, *former, VERSION) if name in there]
    table = file.read(columns=asked, use_threads=False)
    if not table.schema.equals(wanted):
        table.validate(full=True)
    return _of_known_version(table, path)


def _of_known_version(table: pa.Table, path: Path) -> pa.Table:
    pylist = table[VERSION].unique().to_pylist()
    if any(isinstance(item, int) and item > SCHEMA_VERSION for item in pylist):
        raise StoreError(f"{path} was written by a newer lambdabench; upgrade this one to read it")
    return table


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    """A column as this version has it; where an older one had none, null, or what a case was before it had the field."""
    if field.name == versions.COLUMN and field.name not in table.column_names:
        return versions.joined(table)
    if field.name not in table.column_names:
        return pa.chunked_array([_absent(field, table.num_rows)])
    result = table[field.name]
    if result.type == field.type:
        return result
    if pa.types.is_dictionary(field.type):
        return result.cast(pa.string()).dictionary_encode()
    return result.cast(field.type)


def _absent(field: pa.Field, rows: int) -> pa.Array:
    value = BEFORE.get(field.name)
    if value is None:
        return pa.nulls(rows, field.type)
    same = pa.repeat(value, rows)
    return same.dictionary_encode() if pa.types.is_dictionary(field.type) else same.cast(field.type)
