"""Two sides beside each other: what moved between them, and how fast one family is beside another at equal accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import models, suite
from ..analysis import compare, conditions, equal_accuracy, node_tables, scripted
from ..analysis import pareto as front
from ..analysis.answers import covered, log_sd
from ..analysis.between_machines import Between
from ..core import globs, registry
from ..core.errors import NotComparableError, NothingMeasuredError, RequestError
from ..core.metric import axes, described
from ._results import matching, measured_of, weights_of
from ._sides import Side, read_side

METRICS = ("throughput", "latency")
"""The first of them that both sides have is compared where none is asked for."""
TOP1 = "top1"
NAMED = 6
"""Digits behind the point to which an accuracy is that of a point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Side b over side a in one metric. `paired_by`: names of fields of which only equal values were paired."""

    a: Side
    b: Side
    metric: str
    pairs: compare.Pairs
    paired_by: tuple[str, ...]
    differences: tuple[conditions.Difference, ...]
    shift: compare.Shift

    @property
    def between(self) -> Between:
        """The same for a table with a column a side."""
        return Between(
            a=self.a.name,
            b=self.b.name,
            metric=self.metric,
            pairs=self.pairs,
            common=compare.common(self.pairs.equal),
            swaps=tuple(compare.swaps(self.pairs.equal, self.metric)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AtAccuracy:
    """Family `mine` over `theirs` in one setting: a batch, and what `told` tells of how. `counts`: networks of each; `names`: accuracies
    of the points of both curves, rounded to NAMED digits, each with its network, theirs first; `covers`: what the intervals of their
    speeds hold."""

    batch: int
    told: str
    counts: tuple[int, int]
    names: Mapping[float, str]
    covers: tuple[str, ...]
    comparison: equal_accuracy.Comparison

    def name_at(self, top1: float) -> str:
        """The network of a curve whose accuracy it is; "" for none."""
        return self.names.get(round(top1, NAMED), "")


def compare_sides(
    a: str,
    b: str,
    results: Path,
    suite_name: str | None = None,
    *,
    filters: Mapping[str, Any] | None = None,
    metric: str | None = None,
) -> Compared:
    """What moved from side `a` to side `b`; each as `sides.read_side` takes it. Raises what that raises; NothingMeasuredError where a
    side has no number; NotComparableError where no network has one on both sides at equal batch."""
    return compare_several(a, (b,), results, suite_name, filters=filters, metric=metric)[0]


def compare_several(
    a: str,
    others: Sequence[str],
    results: Path,
    suite_name: str | None = None,
    *,
    filters: Mapping[str, Any] | None = None,
    metric: str | None = None,
) -> tuple[Compared, ...]:
    """Each of some sides over side `a`, all in one metric, as `compare_sides` has them; rows of `a` are the same objects in all. Raises
    what that raises."""
    kept, name = filters or {}, suite.name_of(suite_name) if suite_name else None
    first, *rest = (read_side(side, results, name, kept) for side in (a, *others))
    rows = compare.rows_of(first.cases)
    chosen = _metric((first, rest[0]), metric)
    return tuple(_compared((first, other), rows, _metric((first, other), chosen)) for other in rest)


def _compared(sides: tuple[Side, Side], mine: Sequence[compare.Row], metric: str) -> Compared:
    rows = mine, compare.rows_of(sides[1].cases)
    pairs = compare.pairs(rows[0], rows[1], metric)
    if not pairs.equal:
        raise NotComparableError(_no_pairs(sides, pairs, compare.apart(rows[0], rows[1])))
    paired_by = tuple(field.name for field in compare.shared_how(rows[0], rows[1]))
    return Compared(
        a=sides[0],
        b=sides[1],
        metric=metric,
        pairs=pairs,
        paired_by=paired_by,
        differences=conditions.differences(pairs.equal, paired_by),
        shift=compare.shift(pairs.equal, models.ours()),
    )


def _metric(sides: Sequence[Side], asked: str | None) -> str:
    """What is compared. Raises NothingMeasuredError naming the side that has no number of it, NotComparableError where the sides have
    no metric in common, and UnknownNameError for none that is known."""
    known = tuple(axis for axis in axes() if axis != TOP1)
    if asked is not None and asked not in known:
        raise registry.unknown("metric", asked, known)
    scripts = [_has(side, "backend") and bool((side.cases["backend"] == scripted.BACKEND).all()) for side in sides]
    if any(scripts) and not all(scripts):
        raise NotComparableError(
            f"{sides[scripts.index(True)].name} holds scripted times of the backend {scripted.BACKEND}, "
            f"{sides[scripts.index(False)].name} does not; compare measured ones"
        )
    has = [{name for name in known if _has(side, name)} for side in sides]
    for side, there in zip(sides, has, strict=True):
        if not there or (asked is not None and asked not in there):
            raise NothingMeasuredError(
                f"{side.name} has no number of {asked or 'any case'}; it has {', '.join(sorted(there)) or 'none'}; "
                "choose one that both sides have, or measure it"
            )
    both = [name for name in (*METRICS, *known) if name in has[0] & has[1]]
    if not both:
        raise NotComparableError(
            f"{sides[0].name} has {', '.join(sorted(has[0]))}, {sides[1].name} has {', '.join(sorted(has[1]))}: no metric in common; "
            "measure one of them on both sides"
        )
    return asked or both[0]


def _has(side: Side, column: str) -> bool:
    return column in side.cases and bool(side.cases[column].notna().any())


def _no_pairs(
    sides: Sequence[Side], pairs: compare.Pairs, apart: Mapping[str, tuple[Sequence[str], Sequence[str]]]
) -> str:
    batches = [sorted({int(item) for item in side.cases["batch_size"].dropna()}) for side in sides]
    names = [f"{side} at {_some(mine)}" for side, mine in zip(compare.SIDES, batches, strict=True)]
    at = f" ({', '.join(names)})" if pairs.other_batch else ""
    counts = (
        f"no network has a number on both sides at equal batch, so there is no shift to tell: {pairs.other_batch:,} at other batches{at}, "
        f"{pairs.only_a:,} only in A, {pairs.only_b:,} only in B, {len(pairs.holes) + pairs.neither:,} without a number"
    )
    if apart:
        name, (mine, theirs) = next(iter(apart.items()))
        has = f"A has {', '.join(mine)}, B {', '.join(theirs)}"
        return f"{counts}; they share no {name}, {has}: compare one of A with one of B"
    mend = "one side at the other's batch: --batch-size" if pairs.other_batch else "the same networks on both sides"
    return f"{counts}; measure {mend}"


def _some(batches: Sequence[int]) -> str:
    if len(batches) > 4:
        return f"batches from {batches[0]} to {batches[-1]}"
    return f"batch {', '.join(map(str, batches))}"


def compare_at_accuracy(
    mine: Sequence[str],
    theirs: Sequence[str],
    results: Path,
    suite_name: str | None = None,
    *,
    filters: Mapping[str, Any] | None = None,
    weights: Sequence[str] = (),
    metric: str | None = None,
    at: Sequence[float] = (),
) -> tuple[AtAccuracy, ...]:
    """The speed-up of the models that globs `mine` pick over those that `theirs` pick, at accuracies `at` (default: theirs), a figure
    for each batch and each setting that has both. `metric`: throughput (default, else latency), or latency.

    Raises LambdabenchError where globs pick no measured model, NothingMeasuredError where a family has no number with an accuracy,
    NotComparableError where no setting has both families, or none in which their curves share an accuracy.
    """
    rows = measured_of(results, suite_name).rows
    cases = node_tables.wide(rows, tuple(weights) or weights_of(rows))
    cases = scripted.measured(matching(cases, filters or {}, str(suite_name or results)))
    names = sorted({str(item) for item in cases["model"]})
    families = [{name for glob in asked for name in globs.picked(names, glob)} for asked in (mine, theirs)]
    for asked, family in zip((mine, theirs), families, strict=True):
        if not family:
            raise RequestError(
                f"no measured model matches {', '.join(asked)}; there are {', '.join(names)}; name one, or a glob like resnet*"
            )
    points = front.pareto(cases, x=metric or _first(cases), y=TOP1)
    for asked, family in zip((mine, theirs), families, strict=True):
        if not points["model"].isin(family).any():
            raise NothingMeasuredError(
                f"no model of {', '.join(asked)} has both a number and a published accuracy at the image size that was measured; "
                "lambdabench show says what there is, --weights best takes any data"
            )
    at_accuracies = _settings(points, families, metric or _first(cases), at)
    if all(
        at_accuracy.comparison.mean.value is None and all(a.value is None for a in at_accuracy.comparison.at)
        for at_accuracy in at_accuracies
    ):
        raise NotComparableError(_no_curves(at_accuracies, mine, theirs))
    return at_accuracies


def _first(cases: pd.DataFrame) -> str:
    return next((name for name in METRICS if name in cases and cases[name].notna().any()), METRICS[0])


def _settings(
    points: pd.DataFrame, families: Sequence[set[str]], metric: str, at: Sequence[float]
) -> tuple[AtAccuracy, ...]:
    """A figure for each front that has both families."""
    at_accuracies: list[AtAccuracy] = []
    for group in front.groups(points):
        same = points.loc[group.members]
        same = same[same["model"].isin(families[0] | families[1])].reset_index(drop=True)
        mine, theirs = (np.flatnonzero(same["model"].isin(family)) for family in families)
        if not len(mine) or not len(theirs):
            continue
        seconds = same[metric].to_numpy(float) ** -described(metric).sign
        known = equal_accuracy.Points(
            seconds=seconds,
            log_sd=np.full(len(same), np.nan) if (sd := log_sd(same, metric)) is None else sd,
            top1=same["top1"].to_numpy(float),
            weights=front.same_weights(same),
        )
        comparison = equal_accuracy.compared(known, mine, theirs, at)
        at_accuracies.append(
            AtAccuracy(
                batch=group.batch,
                told=group.told,
                counts=(len(mine), len(theirs)),
                names=_names(same, comparison),
                covers=tuple(covered(same, [metric])),
                comparison=comparison,
            )
        )
    return tuple(at_accuracies)


def _names(same: pd.DataFrame, comparison: equal_accuracy.Comparison) -> dict[float, str]:
    names: dict[float, str] = {}
    for places, line in zip(comparison.points, (comparison.mine, comparison.theirs), strict=True):
        for place, top1 in zip(places, line.top1, strict=True):
            names[round(float(top1), NAMED)] = f"{same['model'][place]}@{same['image_px'][place]}"
    return names


def _no_curves(at_accuracies: Sequence[AtAccuracy], mine: Sequence[str], theirs: Sequence[str]) -> str:
    names = f"{', '.join(mine)} and {', '.join(theirs)}"
    if not at_accuracies:
        return (
            f"{names} were not measured at one batch, in one mode and runtime, on one machine: there is nothing to hold against each "
            "other; measure both in one run"
        )
    ends = at_accuracies[0].comparison.mine.ends, at_accuracies[0].comparison.theirs.ends
    name = " and ".join(f"{low:.1f} to {high:.1f} %" for low, high in ends)
    return (
        f"{names} have no accuracy in common that was asked for: their curves go from {name}; "
        "ask for one that both reach, --top1, or measure more of either"
    )
