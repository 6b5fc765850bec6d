"""Whose accuracy a network of a claim has, and the points of the paper's own curves."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.spec import Value
from ..facts import Fact, accuracies, chosen
from ..facts.claims import PAPER, Claim, Claims, Curves, Recipe, network
from ..facts.paper import PaperFigure, paper_figures
from .equal_accuracy import Comparison, Points, compared
from .estimate import Floats

TABLES = ("Table 19", "Fig. 4")
"""Where the paper has a family's accuracies and seconds."""
EXTRA = "pseudo"
"""In the conditions of accuracies with extra data."""
READ_OFF_S = 0.006
"""How exactly the seconds of Figure 4 were read off it (facts/paper.csv)."""
SQUEEZED = "ResNet w/ SE"
"""The rows of Figure 4 that a claim over ResNets is of: it names the depth of the last alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRatio:
    """The paper's own ratio of a claim, from its printed figures. Intervals of a curve: of the rounding of its seconds, and of accuracies
    as well."""

    value: float
    speed: tuple[float, float] | None = None
    both: tuple[float, float] | None = None
    conditions: tuple[str, ...] = ()
    """Where and how it was measured, as the paper has it."""


def top1(name: str, weights: Sequence[str]) -> float | None:
    """The accuracy in percent of "model@px": the paper's for weights "paper", else as `facts.chosen` takes them; None where there is
    none."""
    model, px = network(name)
    for word in weights:
        if word == PAPER:
            value = _papers().get((model, px))
        else:
            facts = chosen(_published().get((model, px), ()), (word,))
            value = facts[0].value if facts else None
        if value is not None:
            return value
    return None


def accuracy_asked(claim: Claim, curves: Curves) -> tuple[float, ...]:
    """The accuracies at which a claim is made: those of the networks that it names, as the first recipe has them. Raises KeyError for one
    without."""
    known = {name: top1(name, curves.theirs[0].weights) for name in claim.at}
    return tuple(value for name in claim.at if (value := known[name]) is not None)


def needed(names: Sequence[str], weights: Sequence[str], at: Sequence[float]) -> tuple[str, ...]:
    """The networks of a curve between whose accuracies all of `at` lies; none where it does not lie on the curve."""
    known = {name: value for name in names if (value := top1(name, weights)) is not None}
    below = [value for value in known.values() if value <= min(at)]
    above = [value for value in known.values() if value >= max(at)]
    if not below or not above:
        return ()
    return tuple(name for name, value in known.items() if max(below) <= value <= min(above))


def paper_ratio(claim: Claim, known: Claims) -> PaperRatio | None:
    """What the paper's own printed figures give; None where it has none."""
    if claim.kind == "training":
        return None
    if claim.kind == "curve":
        comparison = _paper_curves(claim, known.curves_of(claim))
        assert comparison.asked.value is not None
        how = sorted({figure.conditions for figure in paper_figures("Table 19") if figure.metric == "latency"})
        return PaperRatio(
            value=comparison.asked.value,
            speed=comparison.asked.speed,
            both=comparison.asked.both,
            conditions=tuple(how),
        )
    sides = [
        [_figure(claim, name, options, known) for name in names]
        for names, options in ((claim.mine, claim.mine_options), (claim.theirs, claim.theirs_options))
    ]
    mine, theirs = (math.exp(sum(math.log(figure.value) for figure in side) / len(side)) for side in sides)
    how = dict.fromkeys(figure.conditions for side in sides for figure in side)
    return PaperRatio(value=mine / theirs if claim.kind == "ratio" else theirs / mine, conditions=tuple(how))


@functools.cache
def _papers() -> dict[tuple[str, int], float]:
    """Accuracies without extra data of the paper's families, by network and size, the first that it prints."""
    result: dict[tuple[str, int], float] = {}
    for table in TABLES:
        for figure in paper_figures(table):
            if figure.metric == "top1" and EXTRA not in figure.conditions and figure.image_px and figure.model:
                result.setdefault((figure.model, figure.image_px), figure.value)
    return result


@functools.cache
def _published() -> dict[tuple[str, int], list[Fact]]:
    result: dict[tuple[str, int], list[Fact]] = {}
    for fact in accuracies():
        if not fact.options:
            result.setdefault((fact.architecture, fact.eval_px), []).append(fact)
    return result


def _figure(claim: Claim, name: str, options: Mapping[str, Value], known: Claims) -> PaperFigure:
    """The printed figure of one side of a claim. Raises KeyError where the paper prints none in the tables that the claim is from."""
    model, px = network(name)
    conditions = known.set_of(claim)
    for figure in paper_figures():
        is_same = (figure.model, figure.image_px, figure.metric) == (model, px, claim.metric)
        in_mode = conditions is None or conditions.mode in figure.conditions.split(", ")
        if is_same and in_mode and dict(figure.options) == options and figure.table in _tables(claim.where):
            return figure
    raise KeyError(f"{claim.id}: the paper prints no {claim.metric} of {name} in {claim.where}")


def _tables(where: str) -> list[str]:
    return [word.strip().partition(" (")[0] for word in where.split(",")]


def _paper_curves(claim: Claim, curves: Curves) -> Comparison:
    """The claim's speed-up along the paper's own points."""
    if _is_of_resnets(curves.theirs[0]):
        return _along_the_papers(SQUEEZED, ())
    return _along_the_papers("EfficientNet", accuracy_asked(claim, curves))


@functools.cache
def _along_the_papers(row: str, at: tuple[float, ...]) -> Comparison:
    """LambdaResNets of Table 19 over the rows of Figure 4 that begin so, at accuracies, or at those of these rows."""
    mine, theirs = _points("Table 19", "LambdaResNet"), _points("Fig. 4", row)
    seconds, log_sd, percent = (np.concatenate(pair) for pair in zip(mine, theirs, strict=True))
    points = Points(seconds=seconds, log_sd=log_sd, top1=percent, weights=np.arange(len(seconds)))
    asked = at or tuple(float(value) for value in theirs[2])
    return compared(points, np.arange(len(mine[0])), np.arange(len(mine[0]), len(seconds)), asked)


def _is_of_resnets(recipe: Recipe) -> bool:
    return all(name.startswith("resnet") for name in recipe.models)


def _points(table: str, row: str) -> tuple[Floats, Floats, Floats]:
    """(Seconds, their relative standard deviation by rounding, top-1) of the rows of a table that begin so."""
    points: dict[tuple[str, int | None], dict[str, float]] = {}
    for figure in paper_figures(table):
        if not figure.row.startswith(row) or EXTRA in figure.conditions:
            continue
        point = points.setdefault((figure.row, figure.image_px), {})
        if figure.metric == "latency":
            half = READ_OFF_S if table == "Fig. 4" else 0.5 * 10**-figure.decimals
            point |= {"seconds": figure.value, "sd": half / math.sqrt(3) / figure.value}
        elif figure.metric == "top1":
            point["top1"] = figure.value
    whole = [point for point in points.values() if len(point) == 3]
    seconds, log_sd, percent = (np.array([point[key] for point in whole]) for key in ("seconds", "sd", "top1"))
    return seconds, log_sd, percent
