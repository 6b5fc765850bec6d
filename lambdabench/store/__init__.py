"""Records to Parquet and back. The schema is read off `Record`; raw samples are kept, so everything else can be recomputed."""

import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ..core.errors import StoreError
from ..core.record import Record
from . import compaction, versions
from .columns import cells, schema
from .compaction import compact
from .files import greatest, read_table, write
from .folders import committed_in, files_of
from .frames import frame_of
from .newest_rows import lined_up, milliseconds, newest, order_of
from .remote import is_address, place, publish, refresh, send_rest, told, withdraw

__all__ = [
    "AHEAD_S",
    "ahead",
    "committed_in",
    "compact",
    "frame",
    "is_address",
    "latest_order",
    "newest",
    "next_order",
    "order_of",
    "place",
    "publish",
    "read",
    "refresh",
    "run_path",
    "runs",
    "schema",
    "send_rest",
    "told",
    "withdraw",
    "write",
]

ORDER = ("schema_version", "run_order", "started_at", "run_id")
OF_RUNS = ("schema_version", "run_id", "suite", "case_id", "device_name")
AHEAD_S = 300.0
"""Clocks of machines differ by so much at most; later times lie in the future."""


def run_path(results: Path, suite: str, run_id: str) -> Path:
    """Where a run writes: every invocation has a file of its own."""
    return results / suite / f"{run_id}.parquet"


def read(paths: Path | str | Sequence[Path | str], columns: Sequence[str] = (), *, coded: bool = False) -> pd.DataFrame:
    """Long rows of files and folders (recursive), oldest first, with the columns of this version whatever version wrote them, and a column
    `env_NAME` for each library in place of env_versions (see `versions.spread`).

    `columns`: only these, and those that the rows' version and order are told by; `coded`: texts as categories, for many rows. A
    checkout's committed results are read only when a path leads to them. Raises StoreError naming what cannot be read, or file, row
    and column of what no run writes.
    """
    libraries = [] if versions.COLUMN in columns else [column for column in columns if versions.is_library(column)]
    wanted = {*columns, *ORDER, *([versions.COLUMN] if libraries else [])} if columns else set(schema().names)
    roots = _roots(paths)
    table = read_table(_files(roots), [name for name in schema().names if name in wanted], roots=roots)
    frame = frame_of(versions.spread(table, libraries), coded=coded)
    places = lined_up(frame)
    if (places == np.arange(len(frame))).all():
        return frame
    return frame.iloc[places].reset_index(drop=True)


def frame(records: Sequence[Record]) -> pd.DataFrame:
    """Records as the rows that they are read back as."""
    return frame_of(versions.spread(pa.Table.from_pylist([cells(record) for record in records], schema=schema())))


def runs(results: Path) -> pd.DataFrame:
    """The runs of a folder, one a row: `run`, `suite`, `cases`, `rows`, `device`. Reads four columns of each file. Raises StoreError."""
    roots = _roots(results)
    rows = frame_of(read_table(_files(roots), OF_RUNS, whole=False, roots=roots), coded=True)
    result = rows.groupby("run_id", observed=True, sort=True)
    devices = rows.drop_duplicates(["run_id", "device_name"]).astype(str).sort_values("device_name")
    return (
        pd.DataFrame(
            {
                "suite": result["suite"].first().astype(str),
                "cases": rows.drop_duplicates(["run_id", "case_id"]).groupby("run_id", observed=True).size(),
                "rows": result.size(),
                "device": devices.groupby("run_id")["device_name"].agg(", ".join),
            }
        )
        .rename_axis("run")
        .reset_index()
    )


def latest_order(results: Path) -> int:
    """The greatest order of any row below a folder, as the files' footers tell it; 0 where there is none. What cannot be read has
    none: whoever needs its rows is told."""
    with contextlib.suppress(StoreError):
        return max((_latest_of(file) for file in _files(_roots(results))), default=0)
    return 0


def next_order(results: Path) -> int:
    """The least order of what is measured from now on: behind all that is there."""
    return latest_order(results) + 1


def _latest_of(path: Path) -> int:
    try:
        result = greatest(path, ("run_order", "started_at"))
    except StoreError:
        return 0
    order, time = result["run_order"], result["started_at"]
    return max(int(order or 0), 0 if order or not time else int(milliseconds(pd.Series([time]))[0]))


def _roots(paths: Path | str | Sequence[Path | str]) -> list[Path]:
    """Paths, those that stand for addresses with what is there now. Raises StoreError."""
    return [place(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]


def _files(roots: Sequence[Path]) -> list[Path]:
    return [file for root in roots for file in compaction.without_compacted([*files_of(root)])]


def ahead(results: Path, clock: Callable[[], float] = time.time) -> str:
    """What to say of times below a folder that lie in the future; empty where none do."""
    latest_s = latest_order(results) / 1000
    if latest_s <= clock() + AHEAD_S:
        return ""
    return (
        f"{told(results)} has times in the future, up to {datetime.fromtimestamp(latest_s, UTC):%Y-%m-%d %H:%M} UTC: a clock was ahead. "
        f"What is measured from now on counts as newer all the same"
    )
