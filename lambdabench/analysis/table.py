"""Long rows to one row per case: a column per metric with its interval, options spread out, published accuracy joined.

Column by column over all cases at once; tests/analysis/test_wide.py has the same case by case, and compares the two.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import fields
from ..core.identity import flat
from ..core.metric import NORMALIZED, metrics
from ..core.spec import Environment
from ..core.statuses import WORST_FIRST
from ..facts import DEFAULT_WEIGHTS
from . import visit_tables
from .accuracies import METRICS as ACCURACIES
from .answers import COVERS, INTERVAL, LOG_SD, ORIGIN, PROCESSES, RANGE, VISITS
from .estimate import Floats, Places, Spread, log_margin, pooled
from .published_accuracy import with_accuracy

OF_ENVIRONMENT = "env_"
CASE = [
    "case_id",
    "fingerprint",
    *(field.name for field in fields.columns()),
    *(f"{OF_ENVIRONMENT}{field.name}" for field in dataclasses.fields(Environment) if field.name != "versions"),
    "suite",
]
"""What every case has; a column for each library as well (`settings_in`)."""
NEEDED = (
    *CASE,
    f"{OF_ENVIRONMENT}versions",
    "run_id",
    "replicate",
    "started_at",
    "status",
    "reason",
    "flags",
    "metric",
    "origin",
    "value",
    "low",
    "high",
    "source",
    *visit_tables.VISITS,
)
"""The columns of the rows that a wide table is made of."""
APART = 2.0
"""Processes of one case whose values are a larger factor apart have no number to use: it is not known which of them was disturbed."""
Bools = np.ndarray[Any, np.dtype[np.bool_]]
MACHINE = ["fingerprint", "device"]
"""What processes share whose spread is one: another machine's may be quieter."""
ONE = ["case_id", "fingerprint"]


def timed() -> frozenset[str]:
    """The metrics of which visits are made."""
    return frozenset(known.name for known in metrics() if known.timed)


def wide(newest: pd.DataFrame, weights: Sequence[str] = DEFAULT_WEIGHTS) -> pd.DataFrame:
    """One row per (case_id, fingerprint) of the newest rows: value, `_low`, `_high` and `_processes` per metric, and top1: the
    published one, else that which was measured of the very case (`top1_origin`).

    What is read once a process, as memory is, has the mean of its processes, and `_least` and `_most` of several.

    Intervals of timed metrics hold the spread between processes where rows of the same device tell it. `weights` chooses the
    accuracy: "measured", or a published one as `facts.chosen` takes it; "all" gives several rows a case. A case that failed keeps its
    row: status, reason, and no number.
    """
    if newest.empty:
        return pd.DataFrame(columns=[*CASE, "status", "reason", "flags", "top1"])
    case, machine = _codes(newest, ONE), _codes(newest, MACHINE)
    cases = _settings(newest, case)
    usable = (newest["status"] == "ok").to_numpy() & newest["metric"].notna().to_numpy()
    usable &= ~newest["metric"].isin(ACCURACIES).to_numpy()
    rows = newest.loc[usable, ["metric", "value", "low", "high"]].assign(case=case[usable], machine=machine[usable])
    seen = _visits(newest, usable, rows)
    whole = rows[~rows["case"].isin(seen["case"])]
    apart = _apart(whole[(cases["status"] == "ok").to_numpy()[whole["case"]]])
    cases.loc[apart.index, "status"] = "noisy"
    cases.loc[apart.index, "reason"] = apart
    rows = rows[~(rows["metric"].isin(timed()) & rows["case"].isin(apart.index))]
    spreads = _spreads(newest, case, machine)
    of_case = machine[np.unique(case, return_index=True)[1]]
    numbers: dict[str, Any] = {}
    for metric, same in rows.groupby("metric", sort=False, observed=True):
        numbers |= _cells(str(metric), same, len(cases))
        if metric in timed():
            numbers |= _intervals(str(metric), same, len(cases), tuple(floats[of_case] for floats in spreads))
    _replace(numbers, seen, visit_tables.told(seen))
    numbers |= _origins(newest, usable, rows, len(cases))
    numbers |= _normalized(cases, numbers)
    options = _options(cases["options"])
    every = pd.concat([cases, options, pd.DataFrame(numbers, index=cases.index)], axis=1)
    return with_accuracy(every, weights, newest)


def settings_in(rows: pd.DataFrame) -> list[str]:
    """The columns of rows that say what a case is and where it ran: `CASE`, and a version of each library."""
    return [*CASE, *(str(row) for row in rows if str(row).startswith(OF_ENVIRONMENT) and row not in CASE)]


def differing(rows: pd.DataFrame, planned: Environment) -> list[str]:
    """The columns in which some rows' environments are not the one that was planned for."""
    columns = {f"{OF_ENVIRONMENT}{name}": value for name, value in flat(planned).items()}
    names = dict.fromkeys([*columns, *(name for name in settings_in(rows) if name.startswith(OF_ENVIRONMENT))])
    return [name for name in names if name not in rows or (rows[name] != columns.get(name, "")).any()]


def spread(newest: pd.DataFrame) -> Spread | None:
    """Between-process spread of latency, pooled over the cases that ran in several processes; None where none did."""
    if newest.empty:
        return None
    log_sd, dof = _spreads(newest, _codes(newest, ONE), np.zeros(len(newest), np.int64))
    return Spread(log_sd=float(log_sd[0]), dof=int(dof[0])) if dof[0] else None


def _codes(frame: pd.DataFrame, keys: Sequence[str]) -> Places:
    """Each row's number of its values of some columns, in the order of their first rows."""
    codes = np.zeros(len(frame), np.int64)
    for key in keys:
        result, texts = pd.factorize(frame[key])
        codes = pd.factorize(codes * (len(texts) + 1) + result)[0].astype(np.int64)
    return codes


def ranks(rows: pd.DataFrame, cell: np.ndarray[Any, Any]) -> Places:
    """Each row's status by its place in `WORST_FIRST`. What cannot be measured of a cell that has other rows says nothing of it: last."""
    rank = pd.Categorical(rows["status"], categories=WORST_FIRST).codes.astype(np.int64)
    single = (rank == WORST_FIRST.index("unsupported")) & rows["metric"].notna().to_numpy()
    others = np.bincount(cell, ~single, minlength=cell.max() + 1) > 0
    return np.where(single & others[cell], len(WORST_FIRST) - 1, rank)


def _settings(newest: pd.DataFrame, case: Places) -> pd.DataFrame:
    """What each case is: its settings, the worst status of its processes with its reason, its flags, when it ran last."""
    rank = ranks(newest, case)
    worst = np.full(case.max() + 1, len(WORST_FIRST))
    np.minimum.at(worst, case, rank)
    first = _first(case, rank == worst[case])
    cases = newest[settings_in(newest)].iloc[first].reset_index(drop=True)
    of_texts = [name for name in cases if isinstance(cases[name].dtype, pd.CategoricalDtype)]
    cases = cases.astype(dict.fromkeys(of_texts, "str"))
    cases["status"] = pd.Series(np.array(WORST_FIRST)[worst], dtype="str")
    cases["reason"] = newest["reason"].iloc[first].reset_index(drop=True).astype("str")
    cases["flags"] = _flags(newest["flags"], case)
    times, texts = _ranked(newest["started_at"])
    last = np.zeros(len(cases), np.int64)
    np.maximum.at(last, case, times)
    cases["started_at"] = pd.Series(texts[last], dtype="str")
    return cases


def _ranked(column: pd.Series) -> tuple[Places, pd.Index]:
    """(Each row's place among the sorted texts, these); each text is looked at once, however many rows have it."""
    codes, known = pd.factorize(column)
    texts = pd.Index(known).astype("str")
    order = np.argsort(texts.to_numpy(object), kind="stable")
    return np.append(np.argsort(order, kind="stable"), -1)[codes], texts[order]


def _visits(newest: pd.DataFrame, usable: Bools, rows: pd.DataFrame) -> pd.DataFrame:
    """Usable rows that were made in visits, with them."""
    if "visit_round" not in newest:
        return rows.iloc[:0]
    more = newest.loc[usable, [name for name in visit_tables.COLUMNS if name != "metric"]]
    return rows.join(more)[more["visit_round"].notna().to_numpy()]


def _replace(numbers: dict[str, Any], seen: pd.DataFrame, tolds: Mapping[tuple[int, str], visit_tables.Told]) -> None:
    """Puts figures of visits in the places of those of whole processes. Where visits are too few for an interval there is none: that
    of the calls of one stretch says nothing of the next."""
    for metric, same in seen.groupby("metric", observed=True):
        if f"{metric}{INTERVAL[0]}" in numbers:
            in_visits = np.isin(np.arange(len(numbers[str(metric)])), same["case"])
            for end in INTERVAL:
                numbers[f"{metric}{end}"] = np.where(in_visits, np.nan, numbers[f"{metric}{end}"])
            numbers[f"{metric}{COVERS}"] = numbers[f"{metric}{COVERS}"].mask(in_visits)
    for (case, metric), item in tolds.items():
        estimate = item.estimate
        bounds = dict(zip(INTERVAL, (estimate.low, estimate.high), strict=True))
        cells = {"": estimate.value, **bounds, LOG_SD: item.sd, VISITS: estimate.samples}
        for ending, value in cells.items():
            column = np.asarray(numbers.get(f"{metric}{ending}", np.full(len(numbers[metric]), np.nan)), float)
            column[case] = value
            numbers[f"{metric}{ending}"] = column
        covers = numbers.get(f"{metric}{COVERS}", pd.Series([None] * len(numbers[metric]), dtype="str"))
        covers.iloc[case] = estimate.covers
        numbers[f"{metric}{COVERS}"] = covers


def _first(case: Places, among: Bools) -> Places:
    """The first of some rows of each case."""
    places = np.flatnonzero(among)[::-1]
    first = np.zeros(case.max() + 1, np.int64)
    first[case[places]] = places
    return first


def _flags(flags: pd.Series, case: Places) -> pd.Series:
    """The flags of any of a case's rows, sorted."""
    codes, texts = pd.factorize(flags)
    pairs = np.unique(case * len(texts) + codes)
    of_case, code = pairs // len(texts), pairs % len(texts)
    split = [frozenset(filter(None, str(text).split(","))) for text in texts]
    single = np.array([",".join(sorted(names)) for names in split], dtype=object)
    result = np.full(case.max() + 1, "", dtype=object)
    result[of_case] = single[code]
    several = np.flatnonzero(np.bincount(of_case) > 1)
    begin, end = np.searchsorted(of_case, several), np.searchsorted(of_case, several, side="right")
    for place, low, high in zip(several, begin, end, strict=True):
        result[place] = ",".join(sorted(frozenset().union(*(split[item] for item in code[low:high]))))
    return pd.Series(result, dtype="str")


def _options(texts: pd.Series) -> pd.DataFrame:
    """A column an option."""
    codes, known = pd.factorize(texts)
    spread_out = [{f"options.{key}": value for key, value in json.loads(text).items()} for text in known]
    return pd.DataFrame(spread_out, index=range(len(known))).iloc[codes].reset_index(drop=True)


def _apart(usable: pd.DataFrame) -> pd.Series:
    """Why a case is noisy of which every process is ok, by the case; of those alone whose processes do not agree."""
    result: dict[int, str] = {}
    for metric in sorted(timed(), reverse=True):
        values = usable[usable["metric"] == metric].groupby("case")["value"].agg(["min", "max", "size"])
        for place, low, high, count in values[values["max"] > APART * values["min"]].itertuples():
            result[place] = (
                f"{metric} of its {count} processes differs by a factor of {high / low:.1f}; "
                f"measure again with --fresh on a quieter machine (lambdabench doctor)"
            )
    return pd.Series(result, dtype="str", index=pd.Index(list(result), dtype="int64"))


def _spreads(newest: pd.DataFrame, case: Places, machine: Places) -> tuple[Floats, Places]:
    """(Spread between processes, its degrees of freedom) of latency, of each machine."""
    timed = ((newest["metric"] == "latency") & (newest["status"] == "ok") & (newest["value"] > 0)).to_numpy()
    pairs, group = np.unique(case[timed] * (machine.max() + 1) + machine[timed], return_inverse=True)
    log_sd, dof = pooled(np.log(newest["value"].to_numpy()[timed]), group, pairs % (machine.max() + 1))
    more = machine.max() + 1 - len(dof)
    return np.pad(log_sd, (0, more)), np.pad(dof, (0, more))


def _cells(metric: str, same: pd.DataFrame, cases: int) -> dict[str, Any]:
    """Of each case the mean of a metric over its processes, and how many these are; of several the least and the most of what is read once
    a process. Nothing where there are none."""
    count = np.bincount(same["case"], minlength=cases)
    total = np.bincount(same["case"], same["value"], minlength=cases)
    there = count > 0
    mean = np.divide(total, count, out=np.full(cases, np.nan), where=there)
    result = {metric: mean, f"{metric}{PROCESSES}": count if there.all() else np.where(there, count, np.nan)}
    several = count > 1
    if metric not in timed() and several.any():
        for end, pick, start in zip(RANGE, (np.minimum, np.maximum), (np.inf, -np.inf), strict=True):
            extreme = np.full(cases, start)
            pick.at(extreme, same["case"].to_numpy(), same["value"].to_numpy())
            result[f"{metric}{end}"] = np.where(several, extreme, np.nan)
    return result


def _intervals(metric: str, same: pd.DataFrame, cases: int, spreads: tuple[Any, ...]) -> dict[str, Any]:
    """Of each case the geometric mean of a metric over its processes with its interval, where something can be said of that: as
    `estimate.combine` has it for one case."""
    log_sd, dof = spreads
    case, value, low, high = (same[name].to_numpy() for name in ("case", "value", "low", "high"))
    count = np.bincount(case, minlength=cases)
    least = np.full(cases, np.inf)
    np.minimum.at(least, case, value)
    bounded = ~(np.isnan(low) | np.isnan(high))
    said = (count > 0) & (least > 0) & ((np.bincount(case, bounded, minlength=cases) > 0) | (dof > 0))
    if not said.any():
        return {}
    within = np.zeros(cases)
    wide = bounded & (low > 0)
    np.maximum.at(within, case[wide], np.log(high[wide] / low[wide]) / 2)
    logs = np.log(value, out=np.zeros(len(value)), where=value > 0)
    centre = np.exp(np.bincount(case, logs, minlength=cases) / np.maximum(count, 1))
    margin = np.exp(log_margin(within, np.maximum(count, 1), log_sd, dof))
    mean = np.divide(np.bincount(case, value, minlength=cases), count, out=np.full(cases, np.nan), where=count > 0)
    covers = np.where(dof > 0, "between processes", "one process").astype(object)
    return {
        metric: np.where(said, centre, mean),
        f"{metric}{INTERVAL[0]}": np.where(said, centre / margin, np.nan),
        f"{metric}{INTERVAL[1]}": np.where(said, centre * margin, np.nan),
        f"{metric}{COVERS}": pd.Series(covers, dtype="str").where(said),
    }


def _origins(newest: pd.DataFrame, usable: Bools, rows: pd.DataFrame, cases: int) -> dict[str, Any]:
    """Of each metric whether it was measured or derived, where rows say so."""
    if "origin" not in newest:
        return {}
    codes, texts = pd.factorize(newest["origin"])
    of_row = codes[usable]
    result: dict[str, Any] = {}
    for metric, places in rows.groupby("metric", sort=False, observed=True).indices.items():
        column = np.full(cases, -1)
        column[rows["case"].to_numpy()[places]] = of_row[places]
        result[f"{metric}{ORIGIN}"] = (
            pd.Series([*map(str, texts), None], dtype="str").iloc[column].reset_index(drop=True)
        )
    return result


def _normalized(cases: pd.DataFrame, numbers: dict[str, Any]) -> dict[str, Any]:
    """Seconds of as many steps as the batch that was asked for takes, where it was halved (arXiv 2102.08602, Table 19)."""
    if "latency" not in numbers or cases["requested_batch_size"].isna().all():
        return {}
    steps = cases["requested_batch_size"].to_numpy(float, na_value=np.nan) / cases["batch_size"].to_numpy(float)
    return {
        f"{NORMALIZED}{key}": steps * numbers[key]
        for key in (f"latency{end}" for end in ("", *INTERVAL))
        if key in numbers
    }
