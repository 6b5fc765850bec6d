"""What a folder of results answers already, for the plan of a run."""
# pyright: basic
# (pandas and NumPy are not fully typed)

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import plan, store
from ..analysis import tail_columns
from ..analysis.table import ranks
from ..core.quantiles import share_of
from ..core.row_flags import CROWDED, HALVED, UNFINISHED, has_flag
from ..core.statuses import WORST_FIRST

COLUMNS = (
    "case_id",
    "replicate",
    "fingerprint",
    "status",
    "flags",
    "asked_metrics",
    "asked_at",
    "metric",
    "visit_round",
)
Bools = np.ndarray[Any, np.dtype[np.bool_]]


def done_in(folder: Path, print_: str, metrics: Sequence[str], at: str = "") -> dict[tuple[str, int], plan.Done]:
    """The newest answers of this environment, which of some metrics they were asked for, and of how many calls a quantile is known."""
    if not folder.is_dir():
        return {}
    rows = store.read(folder, (*COLUMNS, *(tail_columns.NEEDED if at else ())), coded=True)
    rows = store.newest(rows[rows["fingerprint"] == print_])
    if rows.empty:
        return {}
    cells = rows.groupby(["case_id", "replicate"], observed=True, sort=False)
    cell = cells.ngroup().to_numpy()
    firsts = rows.iloc[np.unique(cell, return_index=True)[1]]
    worst = np.full(len(firsts), len(WORST_FIRST))
    np.minimum.at(worst, cell, ranks(rows, cell))
    flagged = [
        _any(cell, _has(rows["flags"], lambda text, flag=flag: has_flag(text, flag)))
        for flag in (UNFINISHED, HALVED, CROWDED)
    ]
    keys = zip(firsts["case_id"].astype(str), firsts["replicate"].astype(int), strict=True)
    columns = zip(worst, _visits(rows, cell), *flagged, _asked(rows, cell, metrics), firsts["asked_at"], strict=True)
    ess = tail_columns.ess_in(rows, share_of(at)) if at else {}
    return {
        key: plan.Done(
            status=WORST_FIRST[status],
            visits=int(visits),
            unfinished=bool(unfinished),
            halved=bool(halved),
            crowded=bool(crowded),
            metrics=asked,
            at="" if pd.isna(asked_at) else str(asked_at),
            ess=ess.get(key[0], 0),
        )
        for key, (status, visits, unfinished, halved, crowded, asked, asked_at) in zip(keys, columns, strict=True)
    }


def _visits(rows: pd.DataFrame, cell: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """In how many rounds each cell was visited; none where it was measured in one piece."""
    counts = np.array([0 if item is None else len(set(item)) for item in rows["visit_round"]], np.int64)
    result = np.zeros(cell.max() + 1, np.int64)
    np.maximum.at(result, cell, counts)
    return result


def _asked(rows: pd.DataFrame, cell: np.ndarray[Any, Any], metrics: Sequence[str]) -> list[frozenset[str] | None]:
    """Which of the metrics each cell was asked for or has; None where its rows do not say what was asked."""
    asked, metric = rows["asked_metrics"], rows["metric"]
    there = np.zeros(cell.max() + 1, np.int64)
    for place, name in enumerate(metrics):
        has = _has(asked, lambda text, name=name: name in text.split(",")) | (metric == name).to_numpy()
        there |= _any(cell, has).astype(np.int64) << place
    known = {
        int(item): frozenset(name for place, name in enumerate(metrics) if item >> place & 1)
        for item in np.unique(there)
    }
    silent = ~_any(cell, asked.notna().to_numpy())
    return [None if quiet else known[int(item)] for item, quiet in zip(there, silent, strict=True)]


def _has(texts: pd.Series, is_one: Callable[[str], bool]) -> Bools:
    """Whether each text is one; it is asked once a text."""
    codes, known = pd.factorize(texts)
    return np.array([*(is_one(str(text)) for text in known), False])[codes]


def _any(cell: np.ndarray[Any, Any], which: Bools) -> Bools:
    """Whether any row of each cell is."""
    return np.bincount(cell, which, minlength=cell.max() + 1) > 0
