"""Which rows count: of a case's runs the newest, by an order that a clock which was ahead does not decide for ever."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core.record import TRAINED
from ..core.statuses import OF_METRICS

CASE = ["case_id", "fingerprint"]
KEYS = ["case_id", "replicate", "fingerprint"]


def order_of(frame: pd.DataFrame) -> np.ndarray:
    """What was measured later has a greater one: `run_order`, in rows of older versions the milliseconds of `started_at`."""
    times = milliseconds(frame["started_at"])
    if "run_order" not in frame:
        return times
    order = frame["run_order"]
    return np.where(order.isna(), times, order.fillna(0).to_numpy("int64"))


def lined_up(frame: pd.DataFrame) -> np.ndarray:
    """The places of rows from the oldest to the newest; of one time, by the names of their runs."""
    run, names = _codes(frame["run_id"])
    by_name = np.argsort(np.argsort(names.astype("str").to_numpy(object)))
    keys = (order_of(frame), milliseconds(frame["started_at"]), by_name[run])
    return np.arange(len(frame)) if _are_sorted(keys) else np.lexsort(keys[::-1])


def _are_sorted(keys: Sequence[np.ndarray]) -> bool:
    """Whether rows are in the order of their keys, the first of which counts most: files are called after their times, mostly."""
    same = np.ones(max(len(keys[0]) - 1, 0), bool)
    for key in keys:
        if (same & (key[1:] < key[:-1])).any():
            return False
        same &= key[1:] == key[:-1]
    return True


def _codes(column: pd.Series) -> tuple[np.ndarray, Any]:
    """(Each row's place among the texts, the texts); texts that are categories are not looked at again."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), column.cat.categories
    return pd.factorize(column)


def milliseconds(times: pd.Series) -> np.ndarray:
    """Milliseconds since 1970 of times as ISO 8601 has them; 0 where there is none."""
    codes, texts = _codes(times)
    series = pd.to_datetime(pd.Series(texts, dtype="str"), format="ISO8601", utc=True, errors="coerce")
    return np.append(series.astype("datetime64[ms, UTC]").astype("int64").where(series.notna(), 0).to_numpy(), 0)[codes]


def newest(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that count, of each (case_id, replicate, fingerprint): all those of the newest run that has any, and of each metric
    that this run has not, the newest rows.

    Skipped cells are no news of a case that was measured before. A run in which the case failed as a whole leaves nothing of older
    ones, and nothing of itself once a newer one has answered. Of older runs only what is usable counts.
    """
    frame = _since_restarts(frame)
    if frame.empty:
        return frame
    cell = frame.groupby(KEYS, sort=False, dropna=False).ngroup().to_numpy()
    run, names = pd.factorize(frame["run_id"])
    rank = np.empty(len(frame), np.int64)
    rank[lined_up(frame)] = np.arange(len(frame))
    skipped = (frame["status"] == "skipped").to_numpy()
    rank[skipped] -= len(frame)  # before all that was tried
    turn = _greatest(_joined(cell, run, len(names)), rank)
    latest = _greatest(cell, turn)
    whole = ~skipped & ~(frame["status"].isin(OF_METRICS) & frame["metric"].notna()).to_numpy()
    failed = _greatest(cell, np.where(_greatest(_joined(cell, run, len(names)), whole), turn, -len(frame)))
    metric, metrics = pd.factorize(frame["metric"])
    same = _joined(cell, metric, len(metrics))
    usable = (frame["status"] == "ok").to_numpy() & (metric >= 0) & (turn > failed) & (turn == _greatest(same, turn))
    last = turn == latest
    older = usable & ~last
    kept = np.concatenate(
        [np.flatnonzero(last & ~skipped), np.flatnonzero(older), np.flatnonzero(last & skipped & (latest < 0))]
    )
    further = frame["replicate"].to_numpy()[kept] == TRAINED  # what a case is stands in the rows of its visits
    return frame.iloc[np.concatenate([kept[~further], kept[further]])].reset_index(drop=True)


def _since_restarts(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what was measured before a run began a case anew: such a run has its first process again, one that goes on where another
    ended has further ones. Of older runs it leaves no failure, nothing that a further process said of memory and counts, and visits
    only of metrics that it has not, none where it failed as a whole.
    """
    if frame.empty or not {"visit_round", "asked_metrics"} <= set(frame.columns):
        return frame
    tried = (frame["status"] != "skipped").to_numpy()
    first = tried & (frame["replicate"] == 0).to_numpy() & frame["asked_metrics"].notna().to_numpy()
    if not first.any():
        return frame
    visited = frame["visit_round"].notna().to_numpy()
    whole = tried & ~(frame["status"].isin(OF_METRICS) & frame["metric"].notna()).to_numpy()
    rank = np.empty(len(frame), np.int64)
    rank[lined_up(frame)] = np.arange(len(frame))
    of_run = _greatest(pd.factorize(frame["run_id"])[0], rank)
    case = frame.groupby(CASE, sort=False, dropna=False, observed=True).ngroup().to_numpy()
    metric = frame.groupby([*CASE, "metric"], sort=False, dropna=False, observed=True).ngroup().to_numpy()
    older = of_run < _greatest(case, np.where(first, of_run, -1))
    again = of_run < _greatest(metric, np.where(first & visited, of_run, -1))
    failed = of_run < _greatest(case, np.where(first & whole, of_run, -1))
    further = ~visited & (frame["replicate"] > 0).to_numpy()
    gone = (older & (whole | (further & tried))) | (visited & (again | failed))
    return frame[~gone]


def _joined(cell: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """One number for a pair."""
    return pd.factorize(cell.astype(np.int64) * (count + 1) + other)[0]


def _greatest(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Each row's greatest value of its group."""
    result = np.full(groups.max() + 1, np.iinfo(np.int64).min)
    np.maximum.at(result, groups, values.astype(np.int64))
    return result[groups]
