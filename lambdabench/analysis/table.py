"""Long rows to one row per case: a column per metric with its interval, options spread out, published accuracy joined."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pandas as pd
from scipy import stats

from ..core.spec import Environment
from ..facts import DEFAULT_WEIGHTS, Fact, accuracies, chosen
from .estimate import Estimate, Spread, combine, pool_spread

CASE = [
    "case_id",
    "fingerprint",
    "kind",
    "model",
    "model_hash",
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
    *(f"env_{one.name}" for one in fields(Environment)),
    "suite",
]
WORST_FIRST = ["crash", "timeout", "oom", "mismatch", "wrong_output", "noisy", "unsupported", "ok", "skipped"]
"""Skipped last: a process that a budget left out takes nothing from one that ran."""
TIMED = ("latency", "throughput")
APART = 2.0
"""Processes of one case whose values are a larger factor apart have no number to use: it is not known which of them was disturbed."""
HOW_ONLY = {"kernel", "fold", "compile_mode", "compile_cache", "drop_rate", "drop_path_rate"}
"""Options that change how a network runs or learns, and not what it answers."""
SAME_CODE = ("case_id", "fingerprint", "metric")
MACHINE = ["fingerprint", "device"]
"""What processes share whose spread is one: another machine's may be quieter."""


def wide(newest: pd.DataFrame, weights: Sequence[str] = DEFAULT_WEIGHTS) -> pd.DataFrame:
    """One row per (case_id, fingerprint) of the newest rows: value, `_low`, `_high` and `_processes` per metric, and top1.

    What is read once a process, as memory is, has the mean of its processes, and `_least` and `_most` of several.

    Intervals of timed metrics hold the spread between processes where rows of the same device tell it. `weights` chooses the
    published accuracy as `facts.chosen` takes it; "all" gives several rows a case. A case that failed keeps its row: status, reason,
    and no number.
    """
    known = {key: spread(same) for key, same in newest.groupby(MACHINE)}
    rows = [
        _case_row(group, known[tuple(group[MACHINE].iloc[0])])
        for _, group in newest.groupby(["case_id", "fingerprint"], sort=False)
    ]
    joined = [one | fact for one in rows for fact in _accuracy(one, weights)]
    return pd.DataFrame(joined) if joined else pd.DataFrame(columns=[*CASE, "status", "reason", "flags", "top1"])


def spread(newest: pd.DataFrame) -> Spread | None:
    """Between-process spread of latency, pooled over the cases that ran in several processes; None where none did."""
    timed = newest[(newest["metric"] == "latency") & (newest["status"] == "ok")]
    return pool_spread([group["value"].tolist() for _, group in timed.groupby(list(SAME_CODE))])


def _case_row(group: pd.DataFrame, known: Spread | None) -> dict[str, Any]:
    """One case's row: the worst status of its processes, and its metrics from those that are usable."""
    statuses = group["status"].tolist()
    worst = next(one for one in WORST_FIRST if one in statuses)
    first = group[group["status"] == worst].iloc[0]
    row: dict[str, Any] = {name: first[name] for name in CASE}
    row["status"] = worst
    row["reason"] = group.loc[group["status"] == worst, "reason"].iloc[0]
    row["flags"] = ",".join(sorted({flag for text in group["flags"] for flag in text.split(",") if flag}))
    row["started_at"] = group["started_at"].max()
    row |= {f"options.{key}": value for key, value in json.loads(first["options"]).items()}
    usable = group[(group["status"] == "ok") & group["metric"].notna()]
    if worst == "ok" and (apart := _apart(usable)):
        row |= {"status": "noisy", "reason": apart}
        usable = usable[~usable["metric"].isin(TIMED)]
    for metric, same in usable.groupby("metric", sort=False):
        row |= _metric_cells(str(metric), same, known)
    return row | _normalized(row)


def _apart(usable: pd.DataFrame) -> str:
    """Why a case is noisy of which every process is ok; empty where they agree."""
    for metric, same in usable[usable["metric"].isin(TIMED)].groupby("metric"):
        low, high = same["value"].min(), same["value"].max()
        if high > APART * low:
            return (
                f"{metric} of its {len(same)} processes differs by a factor of {high / low:.1f}; "
                f"measure again with --fresh on a quieter machine (lambdabench doctor)"
            )
    return ""


def _normalized(row: dict[str, Any]) -> dict[str, Any]:
    """Seconds of as many steps as the batch that was asked for takes, where it was halved (arXiv 2102.08602, Table 19)."""
    asked = row["requested_batch_size"]
    if "latency" not in row or pd.isna(asked):
        return {}
    steps = float(asked) / float(row["batch_size"])
    return {f"normalized_{key}": steps * row[key] for key in ("latency", "latency_low", "latency_high") if key in row}


def _metric_cells(metric: str, same: pd.DataFrame, known: Spread | None) -> dict[str, Any]:
    values = [float(value) for value in same["value"]]
    cells: dict[str, Any] = {metric: sum(values) / len(values), f"{metric}_processes": len(values)}
    if metric in TIMED:
        found = estimate(same, known)
        if found is not None:
            cells |= {metric: found.value, f"{metric}_low": found.low, f"{metric}_high": found.high}
            cells[f"{metric}_covers"] = found.covers
    elif len(values) > 1:
        cells |= {f"{metric}_least": min(values), f"{metric}_most": max(values)}
    return cells


def estimate(same: pd.DataFrame, known: Spread | None) -> Estimate | None:
    """The estimate of rows of one case and metric, one row a process; None where nothing can be said."""
    intervals = [
        None if pd.isna(low) or pd.isna(high) else (float(low), float(high))
        for low, high in zip(same["low"], same["high"], strict=True)
    ]
    samples = sum(len(one) for one in same["samples"] if one is not None)
    return combine([float(value) for value in same["value"]], intervals, spread=known, samples=samples)


def _accuracy(row: dict[str, Any], weights: Sequence[str]) -> list[dict[str, Any]]:
    """The published accuracies of a case's architecture at its image size; an empty one where there is none, as for feature
    maps: top-1 is a classifier's."""
    same = [one for one in accuracies() if one.architecture == row["model"] and one.eval_px == row["image_px"]]
    if row["kind"] != "model" or row["mode"] == "features":
        same = []
    if row["backend"] != "fake":  # whose options are a script
        same = [one for one in same if what(dict(one.options)) == what(json.loads(row["options"]))]
    unknown = {"top1": None, "top1_tag": "", "top1_data": "", "top1_source": ""}
    return [_accuracy_cells(one) for one in chosen(same, weights)] or [
        unknown | {"top1_elsewhere": ", ".join(one.tag for one in same)}
    ]


def what(options: dict[str, Any]) -> dict[str, Any]:
    """The options that make a network another one, with an accuracy of its own."""
    return {key: value for key, value in options.items() if key not in HOW_ONLY}


def _accuracy_cells(fact: Fact) -> dict[str, Any]:
    """Top-1 in percent with its 95 % Wilson interval over the validation images."""
    right = round(fact.value / 100 * fact.images)
    low, high = stats.binomtest(right, fact.images).proportion_ci(0.95, method="wilson")
    return {
        "top1": fact.value,
        "top1_low": 100 * low,
        "top1_high": 100 * high,
        "top1_tag": fact.tag,
        "top1_data": fact.more_data,
        "top1_source": fact.source,
    }
