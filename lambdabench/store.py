"""Records to Parquet and back. The schema is read off `Record`; raw samples are kept, so everything else can be recomputed."""

import os
import types
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .core import folders
from .core.errors import StoreError
from .core.identity import canonical
from .core.record import SCHEMA_VERSION, STATUSES, Record

PREFIXES = {"effective": "effective_", "environment": "env_", "noise": "noise_", "case": "", "measurement": ""}
FIRST = [
    "schema_version",
    "run_id",
    "started_at",
    "run_order",
    "suite",
    "case_id",
    "fingerprint",
    "replicate",
    "kind",
    "model",
    "weights",
    "backend",
    "device",
    "devices",
    "mode",
    "batch_size",
    "requested_batch_size",
    "image_px",
    "dtype",
    "param_dtype",
    "layout",
    "threads",
    "options",
    "device_name",
    "status",
    "flags",
    "reason",
    "metric",
    "unit",
    "value",
    "low",
    "high",
    "samples",
    "loops_per_sample",
    "origin",
    "source",
]
"""Order of the columns that every reader knows; the others follow under their prefixes."""
REFERENCE = "reference"


def schema() -> pa.Schema:
    """The columns of this version."""
    found = {name: _arrow(hint) for name, hint, _ in _columns()}
    rest = [name for name in found if name not in FIRST]
    return pa.schema([(name, found[name]) for name in (*FIRST, *rest)])


def run_path(results: Path, suite: str, run_id: str) -> Path:
    """Where a run writes: every invocation has a file of its own."""
    return results / suite / f"{run_id}.parquet"


def write(records: Sequence[Record], path: Path) -> None:
    """Writes all of a run's records so far: aside, fsync, rename. A reader sees the old file or the new one, whole."""
    columns = _columns()
    rows = [{name: _cell(record, path_) for name, _, path_ in columns} for record in records]
    table = pa.Table.from_pylist(rows, schema=schema())
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with folders.writing(path, "free space, or give another --results"):
        with aside.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)


def read(paths: Path | str | Sequence[Path | str]) -> pd.DataFrame:
    """Long rows of files and folders (recursive), oldest first, with the columns of this version whatever version wrote them.

    Committed reference results are read only when a path leads to them. Raises StoreError naming what cannot be read.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    tables = [_read_file(file) for one in given for file in _files(Path(one))]
    table = pa.concat_tables(tables) if tables else schema().empty_table()
    frame = table.to_pandas()
    return frame.sort_values(["started_at", "run_id"], kind="stable", ignore_index=True)


def newest(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that count: for each (case_id, replicate, fingerprint) all those of the newest invocation that has any.

    Skipped cells are no news of a case that was measured before.
    """
    if frame.empty:
        return frame
    keys = ["case_id", "replicate", "fingerprint"]
    tried = frame[frame["status"] != "skipped"]
    only_skipped = (
        frame.merge(tried[keys].drop_duplicates(), on=keys, how="left", indicator=True)["_merge"] == "left_only"
    )
    counted = pd.concat([tried, frame[only_skipped.to_numpy()]])
    last = counted.sort_values(["started_at", "run_id"]).groupby(keys)["run_id"].last().rename("last_run")
    joined = counted.join(last, on=keys)
    return joined[joined["run_id"] == joined["last_run"]].drop(columns="last_run").reset_index(drop=True)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        inside = REFERENCE in path.resolve().parts
        for file in sorted(path.rglob("*.parquet")):
            if inside or REFERENCE not in file.relative_to(path).parts:
                yield file
    else:
        raise StoreError(f"{path} is neither a file nor a folder; give --results a folder that lambdabench run wrote")


def _read_file(path: Path) -> pa.Table:
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"{path} is no readable Parquet file ({error}); move it out of the results") from error
    if "schema_version" not in table.column_names:
        raise StoreError(
            f"{path} was not written by lambdabench: it has no column schema_version; move it out of the results"
        )
    versions = table["schema_version"].to_pylist()
    if any(isinstance(one, int) and one > SCHEMA_VERSION for one in versions):
        raise StoreError(f"{path} was written by a newer lambdabench; upgrade this one to read it")
    try:
        arrays = [
            table[one.name].cast(one.type) if one.name in table.column_names else pa.nulls(table.num_rows, one.type)
            for one in schema()
        ]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise StoreError(f"{path} was not written by lambdabench: {error}; move it out of the results") from error
    found = pa.table(arrays, schema=schema())
    if strange := sorted({str(one) for one in found["status"].unique().to_pylist()} - {*STATUSES}):
        raise StoreError(
            f"{path} was not written by lambdabench: found status {strange[0]}, expected one of {', '.join(STATUSES)}; "
            f"move it out of the results"
        )
    return found


def _columns() -> list[tuple[str, Any, tuple[str, ...]]]:
    """(Column, type, attribute path from the record)."""
    found: list[tuple[str, Any, tuple[str, ...]]] = []
    hints = get_type_hints(Record)
    for one in fields(Record):
        kind = _without_none(hints[one.name])
        if is_dataclass(kind):
            inner = get_type_hints(kind)
            prefix = PREFIXES[one.name]
            found += [(prefix + sub.name, inner[sub.name], (one.name, sub.name)) for sub in fields(kind)]
        else:
            found.append((one.name, hints[one.name], (one.name,)))
    return found


def _cell(record: Record, path: tuple[str, ...]) -> Any:
    value: Any = record
    for name in path:
        value = None if value is None else getattr(value, name)
    if path == ("case", "options"):
        return canonical(dict(value))
    return list(value) if isinstance(value, tuple) else value


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        kept = [one for one in get_args(hint) if one is not types.NoneType]
        return kept[0] if len(kept) == 1 else hint
    return hint


def _arrow(hint: Any) -> pa.DataType:
    kind = _without_none(hint)
    if kind == tuple[float, ...]:
        return pa.list_(pa.float64())
    if get_origin(kind) is Literal or get_origin(kind) is tuple:
        return pa.string()
    return {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[kind]
