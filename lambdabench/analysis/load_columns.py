"""What requests wait that arrive by themselves: long rows and their wide table to columns of quantiles, a load each."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..core.loads import Load, load_named
from ..core.metric import metric
from ..core.units import format_significant
from .answers import answer, number
from .queue_correlation import design_effect, utilisation
from .tail_columns import tail_of, with_tails
from .tails import MS, SHOWN, Floats

SATURATION = "saturation_rate"
TITLES = ("load", *(f"{name}, ms" for name in SHOWN), "longest, ms", "requests", "saturation, request/s")
"""Of the columns of `cells`."""
LEGEND = (
    "Requests arrive at random at a fixed rate, at one process that answers one at a time; a load is a share of the rate at which the "
    "network's own calls follow each other, or requests a second. A request's time begins when it was scheduled to arrive: what stalls is "
    "waited for by all that arrive meanwhile (no coordinated omission).",
    "Each end of an interval holds with 95 % confidence by itself; requests that wait together count for as many as independent ones "
    "would tell as much.",
)


def loads_in(columns: Iterable[object]) -> dict[str, Load]:
    """The loads that a wide table, or a line of it, has by its columns, by their metrics: shares before requests a second, the lower
    ones first."""
    known = {str(column): load for column in columns if (load := load_named(str(column))) is not None}
    return dict(sorted(known.items(), key=lambda item: (item[1].share is None, item[1].share or item[1].per_s or 0.0)))


def with_loads(cases: pd.DataFrame, rows: pd.DataFrame, quantiles: Sequence[str] = SHOWN) -> pd.DataFrame:
    """The wide table with columns of quantiles of each load it has, as `tail_columns.with_tails` makes them; requests count for no more
    independent ones than those of such a queue do."""
    loads = loads_in(cases)
    serving = _serving(rows, loads) if loads else {}

    def effect(load: Load, case: Mapping[str, Any], calls: Sequence[Floats], share: float) -> float:
        busier, variation = serving.get((case["case_id"], case["fingerprint"]), (1.0, 0.0))
        known = share_of_service(case, load)
        requests = round(sum(map(len, calls)) / len(calls))
        return 1.0 if known is None else design_effect(busier * known, requests, variation, share)

    for name, load in loads.items():
        cases = with_tails(cases, rows, quantiles, name, partial(effect, load))
    return cases


def _serving(rows: pd.DataFrame, loads: Mapping[str, Load]) -> dict[tuple[str, str], tuple[float, float]]:
    """(By how much the server was busier than was meant, how much service times vary) of each case."""
    result: dict[tuple[str, str], tuple[float, float]] = {}
    usable = rows[(rows["status"] == "ok") & rows["samples"].notna()]
    for key, same in usable.groupby(["case_id", "fingerprint"], observed=True):
        busy = [1 / np.asarray(row, float) for row in same.loc[same["metric"] == SATURATION, "samples"]]
        times = np.concatenate(busy) if busy else np.ones(1)
        shares = {name: load.share or (load.per_s or 0.0) * float(times.mean()) for name, load in loads.items()}
        counts = {name: int(same.loc[same["metric"] == name, "samples"].map(len).sum()) for name in loads}
        busier = utilisation(list(shares.values()), list(counts.values()), len(times))
        result[str(key[0]), str(key[1])] = busier, float(times.std() / times.mean())
    return result


def share_of_service(case: Mapping[str, Any], load: Load) -> float | None:
    """A load as a share of what one process can serve; None where that is not known."""
    rate = number(case, SATURATION)
    if load.per_s is None:
        return load.share
    return load.per_s / rate if rate else None


def cells(case: Mapping[str, Any], loads: Mapping[str, Load]) -> list[tuple[str, ...]]:
    """The cells of `TITLES` of each load that a case was under."""
    rate = answer(case, SATURATION).words()
    result: list[tuple[str, ...]] = []
    for name, load in loads.items():
        tails = [tail_of(case, quantile, name) for quantile in SHOWN]
        if (longest := number(case, f"{name}_longest")) is None:
            continue
        texts = ("–" if tail is None else tail.told() for tail in tails)
        count = f"{int(case[f'{name}_calls']):,}"
        result.append((load.told(), *texts, format_significant(MS * longest), count, rate))
    return result


def told(case: Mapping[str, Any], loads: Mapping[str, Load]) -> list[str]:
    """A line a load that a case was under, "70 % p50 29.1 [28.8, 29.5] ms, p95 ..., longest 2.24 s of 480 requests"."""
    result: list[str] = []
    for name, load in loads.items():
        tails = {quantile: tail_of(case, quantile, name) for quantile in SHOWN}
        texts = [f"{quantile} {tail.told(' ms')}" for quantile, tail in tails.items() if tail is not None]
        if texts:
            longest = format_significant(metric(name).factor * float(case[f"{name}_longest"]))
            count = int(case[f"{name}_calls"])
            result.append(f"{load.told()} {', '.join(texts)}, longest {longest} ms of {count:,} requests")
    return result
