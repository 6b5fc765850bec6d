"""The tails of cases: long rows and their wide table to columns of quantiles, of all calls of all visits of all processes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core.quantiles import share_of
from .tails import Over, Tail, over, tail

NEEDED = ("samples", "visit_samples", "asked_at")
"""The columns of the rows that tails are made of, beside those of `table`."""
KEY = ["case_id", "fingerprint"]
METRIC = "latency"
ENDS = ("", "_low", "_high", "_calls")
Calls = list[np.ndarray[Any, np.dtype[np.float64]]]


def with_tails(cases: pd.DataFrame, rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The wide table with columns of each quantile by its name, "p95": `latency_p95` [s/step], `_low`, `_high` (null where it is not
    bounded), `_calls` (independent calls that would tell as much), and `latency_calls`, all there are. Nothing more where rows hold no
    samples."""
    known = _calls_of(cases, rows) if names else {}
    if not known:
        return cases
    found = {
        name: [_tail(known.get(place), share_of(name), _reach(case)) for place, case in _places(cases)]
        for name in names
    }
    columns: dict[str, Any] = {
        f"{METRIC}_calls": [sum(map(len, known.get(place, ()))) or math.nan for place, _ in _places(cases)]
    }
    for name, tails in found.items():
        cells = [(math.nan,) * 4 if one is None else (one.value, one.low, one.high, one.alike) for one in tails]
        for end, column in zip(ENDS, zip(*cells, strict=True), strict=True):
            columns[f"{METRIC}_{name}{end}"] = column
    return cases.assign(**{name: pd.Series(column, cases.index, dtype=float) for name, column in columns.items()})


def with_limit(cases: pd.DataFrame, rows: pd.DataFrame, limit_s: float) -> pd.DataFrame:
    """The wide table with the share [0, 1] of calls that took longer than a limit: `latency_over`, `_low`, `_high`."""
    known = _calls_of(cases, rows)
    found: list[Over | None] = [over(known[place], limit_s) if place in known else None for place, _ in _places(cases)]
    cells = [(math.nan,) * 3 if one is None else (one.share, one.low, one.high) for one in found]
    names = (f"{METRIC}_over{end}" for end in ("", "_low", "_high"))
    columns = zip(names, zip(*cells, strict=True), strict=True) if cells else ()
    return cases.assign(**{name: pd.Series(column, cases.index, dtype=float) for name, column in columns})


def tail_of(case: Mapping[str, Any], name: str) -> Tail | None:
    """A quantile of a line of `with_tails`; None where it has none."""
    value, low, high, alike = (case.get(f"{METRIC}_{name}{end}") for end in ENDS)
    if value is None or pd.isna(value) or alike is None:
        return None
    return Tail(
        value=float(value),
        low=None if low is None or pd.isna(low) else float(low),
        high=None if high is None or pd.isna(high) else float(high),
        calls=int(case[f"{METRIC}_calls"]),
        alike=int(alike),
        share=share_of(name),
    )


def asked_in(rows: pd.DataFrame) -> tuple[str, ...]:
    """The quantiles that some rows were asked for, the lower ones first."""
    told = rows["asked_at"].dropna().unique() if "asked_at" in rows else ()
    return tuple(sorted({str(one) for one in told if one}, key=share_of))


def visits_of(row: Mapping[str, Any]) -> Iterator[np.ndarray[Any, np.dtype[np.float64]]]:
    """A row's samples, visit by visit; all in one where it was measured in one piece."""
    samples, counts = np.asarray(row["samples"], float), row.get("visit_samples")
    ends = [len(samples)] if counts is None or np.ndim(counts) == 0 else np.cumsum(counts)
    yield from np.split(samples, np.asarray(ends[:-1], int))


def _calls_of(cases: pd.DataFrame, rows: pd.DataFrame) -> dict[int, Calls]:
    """The calls of each case, by its place, in the order of its processes."""
    if "samples" not in rows or rows.empty or cases.empty:
        return {}
    timed = rows[(rows["metric"] == METRIC) & (rows["status"] == "ok") & rows["samples"].notna()]
    by_key: dict[tuple[str, str], Calls] = {}
    for row in timed.sort_values("replicate", kind="stable")[[*KEY, *(one for one in NEEDED if one in timed)]].to_dict(
        "records"
    ):
        by_key.setdefault((row["case_id"], row["fingerprint"]), []).extend(one for one in visits_of(row) if len(one))
    keys = zip(cases["case_id"], cases["fingerprint"], strict=True)
    return {
        place: by_key[key] for place, key in enumerate(keys) if by_key.get(key) and min(map(np.min, by_key[key])) > 0
    }


def _places(cases: pd.DataFrame) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return enumerate(cases.to_dict("records"))  # pyright: ignore[reportReturnType] (columns are texts)


def _tail(calls: Calls | None, share: float, reach: float) -> Tail | None:
    return None if calls is None else tail(calls, share, reach=reach)


def _reach(case: Mapping[str, Any]) -> float:
    """How far the interval of the median reaches on the log scale; 0 where there is none."""
    value, high = case.get(METRIC), case.get(f"{METRIC}_high")
    return 0.0 if value is None or high is None or pd.isna(high) or not 0 < value <= high else math.log(high / value)
