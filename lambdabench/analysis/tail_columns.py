"""The tails of cases: long rows and their wide table to columns of quantiles, of all calls of all visits of all processes."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..core.quantiles import NAME, share_of
from ..core.spec import Suite
from .answers import INTERVAL, lines, number
from .tails import SHOWN, Floats, Over, Tail, over, tail, tails

NEEDED = ("samples", "visit_samples", "visit_round", "asked_at")
"""The columns of the rows that tails are made of, beside those of `table`."""
KEY = ["case_id", "fingerprint"]
METRIC = "latency"
ENDS = ("", *INTERVAL, "_calls")
Calls = list[Floats]
Effect = Callable[[Mapping[str, Any], Calls, float], float]


def _no_effect(case: Mapping[str, Any], calls: Calls, share: float) -> float:
    return 1.0


def with_tails(
    cases: pd.DataFrame, rows: pd.DataFrame, names: Sequence[str], metric: str = METRIC, effect: Effect = _no_effect
) -> pd.DataFrame:
    """The wide table with columns of each quantile by its name, "p95": `latency_p95` [s/step], `_low`, `_high` (null where it is not
    bounded) and `_calls` (independent calls that would tell as much); and `latency_calls`, all there are, `latency_longest` [s/step].
    Nothing more where rows hold no samples. Of another metric in s/step alike, under its name. `effect`: of a line, its
    calls and a share, how many calls tell as much as an independent one at least."""
    known = _calls_of(cases, rows, metric) if names else {}
    if not known:
        return cases
    timed = [(known.get(place), _margin(case, metric)) for place, case in enumerate(lines(cases))]
    columns: dict[str, Any] = {
        f"{metric}_calls": [math.nan if calls is None else sum(map(len, calls)) for calls, _ in timed],
        f"{metric}_longest": [math.nan if calls is None else max(map(np.max, calls)) for calls, _ in timed],
    }
    ordered = sorted(names, key=share_of)
    shares = list(map(share_of, ordered))
    result = [
        [] if calls is None else tails(calls, shares, margin=margin, effect=partial(effect, case, calls))
        for case, (calls, margin) in zip(lines(cases), timed, strict=True)
    ]
    for place, name in enumerate(ordered):
        text = [item[place] if item else None for item in result]
        cells = [(math.nan,) * 4 if item is None else (item.value, item.low, item.high, item.ess) for item in text]
        columns |= {f"{metric}_{name}{end}": items for end, items in zip(ENDS, zip(*cells, strict=True), strict=True)}
    return _assigned(cases, columns)


def with_limit(cases: pd.DataFrame, rows: pd.DataFrame, limit_s: float | None) -> pd.DataFrame:
    """The wide table with the share [0, 1] of calls that took longer than a limit: `latency_over`, `_low`, `_high`; without them where
    there is no limit."""
    known = _calls_of(cases, rows)
    if limit_s is None or not known:
        return cases
    overs = [over(known[place], limit_s) if place in known else None for place in range(len(cases))]
    cells = [(math.nan,) * 3 if item is None else (item.share, item.low, item.high) for item in overs]
    columns = zip(*cells, strict=True)
    return _assigned(cases, {f"{METRIC}_over{end}": items for end, items in zip(ENDS[:3], columns, strict=True)})


def tail_of(case: Mapping[str, Any], name: str, metric: str = METRIC) -> Tail | None:
    """A quantile of a line of `with_tails`; None where it has none."""
    value, low, high, ess = (number(case, f"{metric}_{name}{end}") for end in ENDS)
    if value is None or ess is None:
        return None
    return Tail(
        value=value,
        low=low,
        high=high,
        calls=int(case[f"{metric}_calls"]),
        ess=int(ess),
        share=share_of(name),
    )


def over_of(case: Mapping[str, Any]) -> Over | None:
    """The share of calls over a limit of a line of `with_limit`; None where it has none."""
    share, low, high = (number(case, f"{METRIC}_over{end}") for end in ENDS[:3])
    return None if share is None or low is None or high is None else Over(share=share, low=low, high=high)


def quantiles_of(rows: pd.DataFrame, *more: str) -> tuple[str, ...]:
    """Those that are always told, those that rows were asked for, and some more; the lower ones first."""
    return tuple(sorted({*SHOWN, *asked_in(rows), *filter(None, more)}, key=share_of))


def columns_in(cases: pd.DataFrame) -> tuple[str, ...]:
    """The quantiles that a wide table has, the lower ones first."""
    names = [
        str(column).removeprefix(f"{METRIC}_") for column in cases.columns if str(column).startswith(f"{METRIC}_p")
    ]
    return tuple(sorted((name for name in names if NAME.fullmatch(name)), key=share_of))


def are_asked(wanted: Suite) -> bool:
    """Whether a suite's sampling or figures ask for quantiles."""
    return bool(wanted.sampling.at or wanted.sampling.loads) or METRIC in wanted.plots


def ess_in(rows: pd.DataFrame, share: float) -> dict[str, int]:
    """How many independent calls would tell as much of a quantile, by case, of one environment's rows."""
    cases = rows[KEY].drop_duplicates().reset_index(drop=True)
    known = _calls_of(cases, rows)
    return {str(cases["case_id"].iloc[place]): tail(calls, share).ess for place, calls in known.items()}


def asked_in(rows: pd.DataFrame) -> tuple[str, ...]:
    """The quantiles that some rows were asked for, the lower ones first."""
    text = rows["asked_at"].dropna().unique() if "asked_at" in rows else ()
    return tuple(sorted({str(item) for item in text if item}, key=share_of))


def asked_of(cases: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    """The quantile that each case was asked for, the highest where its rows differ; empty for none."""
    asked = {key: asked_in(same) for key, same in rows.groupby(KEY)}
    keys = zip(cases["case_id"], cases["fingerprint"], strict=True)
    return [("", *asked.get(key, ()))[-1] for key in keys]


def visits_of(row: Mapping[str, Any]) -> Iterator[Floats]:
    """A row's samples, visit by visit; all in one where it was measured in one piece. A visit that was made again because others disturbed
    it counts and its repeat, for which a free machine was waited for, does not: with both, calm calls would be too many."""
    samples, counts = np.asarray(row["samples"], float), row.get("visit_samples")
    if counts is None or np.ndim(counts) == 0:
        yield samples
        return
    seen: set[int] = set()
    parts = np.split(samples, np.cumsum(np.asarray(counts, int))[:-1])
    for round_, part in zip(row["visit_round"], parts, strict=True):
        if int(round_) not in seen:
            yield part
        seen.add(int(round_))


def _calls_of(cases: pd.DataFrame, rows: pd.DataFrame, metric: str = METRIC) -> dict[int, Calls]:
    """The calls of each case, by its place, in the order of its processes."""
    if "samples" not in rows or rows.empty or cases.empty:
        return {}
    timed = rows[(rows["metric"] == metric) & (rows["status"] == "ok") & rows["samples"].notna()]
    timed = timed.sort_values("replicate", kind="stable")
    by_key: dict[tuple[str, str], Calls] = {}
    for row in lines(timed[[*KEY, *(name for name in NEEDED if name in timed)]]):
        by_key.setdefault((row["case_id"], row["fingerprint"]), []).extend(
            floats for floats in visits_of(row) if len(floats)
        )
    keys = zip(cases["case_id"], cases["fingerprint"], strict=True)
    result = {place: by_key.get(key, []) for place, key in enumerate(keys)}
    return {place: calls for place, calls in result.items() if calls and min(map(np.min, calls)) > 0}


def _assigned(cases: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with columns of numbers, null where there is none."""
    more = {name: pd.Series(column, cases.index, dtype=float) for name, column in columns.items()}
    return pd.concat([cases.drop(columns=[name for name in more if name in cases]), pd.DataFrame(more)], axis=1)


def _margin(case: Mapping[str, Any], metric: str) -> float:
    """How far the interval of the median reaches on the log scale; 0 where there is none."""
    value, high = number(case, metric), number(case, f"{metric}_high")
    return 0.0 if value is None or high is None or not 0 < value <= high else math.log(high / value)
