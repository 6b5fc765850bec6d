"""The Pareto front: cases that no other case beats in both speed and accuracy, among those that are one program on one machine."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..core import fields
from ..core.errors import AxisError
from ..core.fields import Field
from ..core.metric import NORMALIZED, axes, metric
from .answers import INTERVAL, WIDTH, log_sd
from .front_membership import Weights, band, in_question, membership, top1_sd, twins
from .published_accuracy import network_of

MOST = 3000
"""Of more points that are not surely beaten no probabilities are found."""
PUBLISHED = ["model", "top1_tag", "image_px", "top1"]
"""Columns that are equal where one published accuracy is, of one network."""
APART = (*fields.PARTING, Field(name="top1_on", title="test images", parts=True))
"""What fronts are apart by, batch sizes aside: an accuracy on other images is of another task."""
BATCH = "asked_batch_size"
KERNEL = "options.kernel"
CHOSEN = "auto"
"""The kernel of a network that has a choice and was given none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Points that compare: those of one front. `told` is what tells it from the other fronts, batch sizes aside."""

    batch: int
    told: str
    members: pd.Index


def asked_batch(cases: pd.DataFrame) -> pd.Series:
    """The batch sizes that were asked for, where they did not fit too."""
    if "requested_batch_size" not in cases:
        return cases["batch_size"]
    return cases["requested_batch_size"].fillna(cases["batch_size"]).astype(int)


def pareto(cases: pd.DataFrame, *, x: str = "throughput", y: str = "top1", across: Sequence[str] = ()) -> pd.DataFrame:
    """The cases that have both numbers, with `on_front`, `front` (what tells it from others) and `membership`, the
    probability that no other is both faster and more accurate (null where an axis has no error that is known).

    Fronts are separate for each batch size and each of `APART`, but those of `across`: names of `fields.JOINING`. A batch that
    was halved until it fitted is on the front of the batch that was asked for, its latency that of as many steps as this takes. Equal
    points are both on the front. Raises AxisError for a column without a direction.
    """
    for name in (x, y):
        if name not in axes():
            raise AxisError(f"axis: found {name!r}, expected one of {', '.join(sorted(axes()))}")
    for name in (x, y):
        if name not in cases:
            cases = cases.assign(**{name: float("nan")})
    kept = cases[cases[x].notna() & cases[y].notna() & (cases["status"] == "ok")].copy()
    kept[BATCH] = asked_batch(kept)
    if "latency" in (x, y):
        for name in (f"latency{end}" for end in ("", *INTERVAL)):
            if f"{NORMALIZED}{name}" in kept:
                kept[name] = kept[f"{NORMALIZED}{name}"].fillna(kept[name])
    on: set[Hashable] = set()
    names: dict[Hashable, list[str]] = {label: [] for label in kept.index}
    shares = pd.Series(float("nan"), index=kept.index)
    for group in groups(kept, across):
        points = kept.loc[group.members]
        on |= set(front(points, x, y))
        if len(known := _membership(points, x, y)):
            shares.loc[known.index] = known
        for label in group.members:
            names[label].append(group.told)
    return kept.assign(
        on_front=[label in on for label in kept.index],
        front=["; ".join(names[label]) for label in kept.index],
        membership=shares,
    )


def with_front(cases: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """The cases with `on_front` and `membership`; null where a case has no point."""
    names = ("on_front", "membership")
    return cases.assign(**{name: points[name].reindex(cases.index) if len(points) else None for name in names})


def _membership(points: pd.DataFrame, x: str, y: str) -> pd.Series:
    """Each point's probability of being on the front, of speeds with intervals against published accuracies; empty for others."""
    known = _contenders(points, x, y)
    if known is None:
        return pd.Series(dtype=float)
    result = np.zeros(len(points))
    result[known.near] = membership(known.speed, known.sd, known.top1, known.groups, known.errors)
    return pd.Series(result, index=points.index)


def best(points: pd.DataFrame, x: str, y: str, steps: int = 400) -> pd.DataFrame:
    """The best accuracy that is had at each speed, of one group's points: columns x, low and high, 95 % with the errors of `membership`,
    as far as something is known to be so fast; empty where an axis has no error that is known."""
    known = _contenders(points, x, y)
    if known is None:
        return pd.DataFrame({x: [], "low": [], "high": []})
    margin = WIDTH * known.sd
    slowest = float(
        (np.log(points[x].to_numpy(float)) * metric(x).sign).min()
    )  # beaten ones are slower than all contenders at times
    at = np.linspace(min(slowest, float((known.speed - margin).min())), float((known.speed + margin).max()), steps)
    low, high = band(known.speed, known.sd, known.top1, known.groups, at, known.errors)
    seen = np.isfinite(low)
    return pd.DataFrame({x: np.exp(at[seen] * metric(x).sign), "low": low[seen], "high": high[seen]})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contenders:
    """Points that are not surely beaten (`near`, of all). `speed`: its logarithm, upwards; `sd`: of that, beside the other points of its
    rounds; `top1`: in percent; equal `groups` share one accuracy; `errors`: of accuracies, where some were measured."""

    near: NDArray[np.bool_]
    speed: NDArray[np.float64]
    sd: NDArray[np.float64]
    top1: NDArray[np.float64]
    groups: NDArray[np.int64]
    errors: NDArray[np.float64] | None


def _contenders(points: pd.DataFrame, x: str, y: str) -> _Contenders | None:
    """None where an axis has no error that is known, and of too many."""
    own = log_sd(points, x) if y == "top1" else None
    if own is None:
        return None
    speed, top1 = np.log(points[x].to_numpy(float)) * metric(x).sign, points["top1"].to_numpy(float)
    errors = _errors(points, top1)
    near = in_question(speed, own, top1, errors)
    if near.sum() > MOST:
        return None
    return _Contenders(
        near=near,
        speed=speed[near],
        sd=own[near],
        top1=top1[near],
        groups=same_weights(points[near]),
        errors=None if errors is None else errors[near],
    )


def _errors(points: pd.DataFrame, top1: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Standard deviations of accuracies: of those that were measured as their intervals have it; None where none was."""
    measured = (
        (points["top1_origin"] == "measured").to_numpy() if "top1_origin" in points else np.zeros(len(points), bool)
    )
    if not measured.any():
        return None
    reach = pd.to_numeric(points["top1_high"]).to_numpy(float) - pd.to_numeric(points["top1_low"]).to_numpy(float)
    return np.where(measured, reach / (2 * WIDTH), top1_sd(top1))


def same_weights(points: pd.DataFrame) -> NDArray[np.int64]:
    """A number for each point, equal for the same weights, under two names too; each its own where nobody says which weights they are."""
    if points.empty or any(name not in points for name in PUBLISHED):
        return np.arange(len(points))
    known = points[PUBLISHED].assign(network="", parameters=np.nan, top1_top5=np.nan)
    for name in ("parameters", "top1_top5"):
        if name in points:
            known[name] = pd.to_numeric(points[name])
    if "options" in points:
        known["network"] = points["options"].map({text: network_of(text) for text in points["options"].unique()})
    grouped = known.groupby([*PUBLISHED, "network"], sort=False, dropna=False)
    of_point = grouped.ngroup().to_numpy()
    # the most of parameters: a folded network has fewer than its weights
    every = grouped[["parameters", "top1_top5"]].max().reset_index()
    same = [
        Weights(
            tag=str(row["top1_tag"]) or str(row["model"]),  # what was measured has none
            image_px=int(row["image_px"]),
            parameters=-1.0 if math.isnan(row["parameters"]) else float(row["parameters"]),
            top1=float(row["top1"]),
            top5=None if math.isnan(row["top1_top5"]) else float(row["top1_top5"]),
        )
        for row in every.to_dict("records")
    ]
    return twins(same)[of_point]


def front(points: pd.DataFrame, x: str, y: str) -> list[Hashable]:
    """Index labels of the points that no other point dominates: at least as good in both, better in one. The same weights under two
    names share one accuracy, the mean of what is published of them."""
    right, up = (_shared(points, name) * metric(name).sign for name in (x, y))
    order = np.lexsort((-up, -right))
    labels = list(points.index)
    on: list[bool] = [False] * len(labels)
    best, best_right = -np.inf, np.nan
    for place in order:  # the fastest first, among those the most accurate
        is_equal = up[place] == best and right[place] == best_right
        if up[place] > best or is_equal:
            on[place] = True
            best, best_right = up[place], right[place]
    return [label for label, is_on in zip(labels, on, strict=True) if is_on]


def _shared(points: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """A column; of accuracies, each twin's the mean of the twins'."""
    values = points[name].to_numpy(float)
    if name != "top1":
        return values
    same = same_weights(points)
    return (np.bincount(same, values) / np.bincount(same))[same]


def groups(points: pd.DataFrame, across: Sequence[str] = ()) -> list[Group]:
    """The points that compare with each other, a group a front, by what tells it and by batch size.

    A network without a kernel to choose stands on the front of each kernel: it is no slower for the choice that others have.
    """
    result = _parted(points, across)
    rows = [_as_row(key) for key, _ in result]
    varied = fields.varying(rows, APART)
    return [
        Group(batch=int(key[BATCH]), told=fields.phrase(row, varied), members=members)
        for (key, members), row in zip(result, rows, strict=True)
    ]


def joined(across: Sequence[str]) -> set[str]:
    """The names of the fields of `across`, an option's without its prefix too, and of those that these settle."""
    asked = {field.name for field in fields.JOINING if {field.name, field.name.removeprefix(fields.OPTION)} & {*across}}
    return asked | {field.name for field in fields.JOINING if field.settled_by in asked}


def parted_by(points: pd.DataFrame, across: Sequence[str] = ()) -> tuple[Field, ...]:
    """The fields by which the fronts of these points are apart."""
    return fields.varying([_as_row(key) for key, _ in _parted(points, across)], APART)


def _parted(points: pd.DataFrame, across: Sequence[str]) -> list[tuple[dict[str, Any], pd.Index]]:
    """(What they have alike, the points) of each front."""
    if points.empty:
        return []
    keys = _keys(points, joined(across))
    kernels = keys.pop(KERNEL) if KERNEL in keys else None
    result: list[tuple[dict[str, Any], pd.Index]] = []
    varied = [name for name in keys if (keys[name] != keys[name].iloc[0]).any()]  # which takes less than grouping by it
    for _, same in keys.groupby(varied or [BATCH], sort=True):
        known = {str(key): item for key, item in same.iloc[0].items()}
        for kernel, members in _by_kernel(points, kernels, same.index):
            result.append((known | {KERNEL: kernel}, members))
    return result


def _keys(points: pd.DataFrame, over: set[str]) -> pd.DataFrame:
    """What fronts are apart by, a column each."""
    columns: dict[str, Any] = {BATCH: points[BATCH] if BATCH in points else asked_batch(points)}
    for field in APART:
        if field.name in over:
            continue
        if field in fields.PROGRAMS:
            if "options" in points:
                known = {text: fields.value({"options": text}, field) for text in points["options"].unique()}
                columns[field.name] = points["options"].map(known)
        elif field.name in points:
            columns[field.name] = points[field.name].astype(object).where(points[field.name].notna(), "")
    return pd.DataFrame(columns, index=points.index)


def _by_kernel(points: pd.DataFrame, kernels: pd.Series | None, members: pd.Index) -> list[tuple[str, pd.Index]]:
    """(Kernel, points that compare at it); one of all, where one kernel is all there is."""
    if kernels is None:
        return [("", members)]
    mine, names = kernels[members].astype(str), points.loc[members, "model"]
    has_choice = names.isin(set(names[mine != ""]))
    chosen = mine.where((mine != "") | ~has_choice, CHOSEN)
    several = sorted(set(chosen) - {""})
    if len(several) <= 1:
        return [("".join(several), members)]
    return [(name, members[((chosen == name) | (chosen == "")).to_numpy()]) for name in several]


def _as_row(key: dict[str, Any]) -> dict[str, Any]:
    """A key as the row that `fields` reads: options in one place."""
    options = tuple(
        (name.removeprefix(fields.OPTION), item) for name, item in key.items() if name.startswith(fields.OPTION)
    )
    return {**key, "options": options}
