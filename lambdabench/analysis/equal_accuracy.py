"""How many times as fast one family of networks is as another at equal accuracy: along the curve of each, never beyond it.

A curve goes through the networks than which none is faster and at least as accurate; between two neighbours the logarithm of seconds
is linear in accuracy. A ratio is theirs over mine: above 1 mine is faster.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .estimate import Floats
from .front_membership import top1_sd

STEPS = 200
"""Accuracies over the range that two curves share, evenly, of which the geometric mean is taken."""
DRAWS = 2000
"""The ends of intervals of Figure 4's speed-ups differ by under 1 % from those of 20,000 draws, under 5 % where accuracies are drawn."""
ENDS = (0.025, 0.975)
Places = NDArray[np.intp]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Networks at their sizes, [n] each, of one program on one machine."""

    seconds: Floats
    """Of an image, or of a step of equally many."""
    log_sd: Floats
    """Standard deviation of its logarithm between processes; NaN where it is not known."""
    top1: Floats
    """In percent."""
    weights: NDArray[np.int64]
    """Equal for the same weights under two names, which have one error of their accuracy (`membership.twins`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Accuracies in percent, rising, each with the logarithm of the seconds that it takes."""

    top1: Floats
    log_seconds: Floats

    @property
    def ends(self) -> Interval:
        """The accuracies between which it is known."""
        return float(self.top1[0]), float(self.top1[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedUp:
    """At one accuracy, or the geometric mean over the range that both curves share. `value`: None outside of a curve.

    `speed`: 95 % where times alone are drawn again, `both`: where accuracies are too; None where an error is not known or nothing is
    inside. `speed_outside`, `both_outside`: the share of the draws that were outside, of which these intervals know nothing.
    """

    top1: float | None
    value: float | None
    speed: Interval | None = None
    both: Interval | None = None
    speed_outside: float = 0.0
    both_outside: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two curves: speed-ups at single accuracies, over the shared range, and the least and the most in it. `points`: the places of the
    points that each curve goes through, as its accuracies rise."""

    mine: Curve
    theirs: Curve
    points: tuple[Places, Places]
    at: tuple[SpeedUp, ...]
    mean: SpeedUp
    asked: SpeedUp
    """The geometric mean over `at`; None where one of these is outside of a curve."""
    least: float | None
    most: float | None


def frontier(seconds: Floats, top1: Floats) -> Places:
    """The places of the points of a curve, by rising seconds: those more accurate than all before. Of equal seconds the most accurate
    counts."""
    order = np.lexsort((-top1, seconds))
    before = np.concatenate(([-np.inf], np.maximum.accumulate(top1[order])[:-1]))
    return order[top1[order] > before]


def curve(seconds: Floats, top1: Floats) -> Curve:
    """The curve of at least one point."""
    places = frontier(seconds, top1)
    return Curve(top1=top1[places], log_seconds=np.log(seconds[places]))


def log_seconds_at(line: Curve, top1: Floats) -> Floats:
    """The logarithm of the seconds that accuracies take, linear between neighbours; NaN outside."""
    return np.interp(top1, line.top1, line.log_seconds, left=np.nan, right=np.nan)


def log_ratio(mine: Curve, theirs: Curve, top1: Floats) -> Floats:
    """The logarithm of the speed-up of mine over theirs at accuracies; NaN outside of either curve."""
    return log_seconds_at(theirs, top1) - log_seconds_at(mine, top1)


def shared(mine: Curve, theirs: Curve) -> Interval | None:
    """The accuracies that both curves have; None where these are none."""
    low, high = max(mine.ends[0], theirs.ends[0]), min(mine.ends[1], theirs.ends[1])
    return (low, high) if low <= high else None


def over_shared(mine: Curve, theirs: Curve) -> Floats:
    """The logarithm of the speed-up at `STEPS` even accuracies of the shared range; empty where there is none."""
    both = shared(mine, theirs)
    return np.array([]) if both is None else log_ratio(mine, theirs, np.linspace(*both, STEPS))


def compared(
    points: Points, mine: Places, theirs: Places, at: Sequence[float] = (), *, draws: int = DRAWS, seed: int = 0
) -> Comparison:
    """The speed-up of the points at the places `mine` over those at `theirs`, at accuracies `at` and over the range that both have.

    Default of `at`: the accuracies of their curve where some lie on mine, else those of mine; none where a curve is a single network,
    whose accuracy is all of the range, and is drawn again with it. Times are drawn from log-normal errors; accuracies from what two
    networks do not share of their binomial error (`membership.top1_sd`); the same weights have one error, and the mean of their
    accuracies. A point in both families has one error of its time. Raises ValueError where a family has no point.
    """
    if not len(mine) or not len(theirs):
        raise ValueError("the curve of no points")
    points = _with_one_accuracy(points)
    places = (mine, theirs)
    line, other = (curve(points.seconds[place], points.top1[place]) for place in places)
    through = tuple(place[frontier(points.seconds[place], points.top1[place])] for place in places)
    asked = np.array(at, float) if len(at) else _accuracies(line, other)
    values, inside = log_ratio(line, other, asked), over_shared(line, other)
    random = np.random.default_rng(seed)
    known = not np.isnan(points.log_sd[np.concatenate(places)]).any()
    speed, both = (
        _drawn(points, places, asked, draws, drawer) if known else None
        for drawer in (_times(points, random), _times_and_accuracies(points, random))
    )
    speed_ups = [
        _speed_up(item, value, place, speed, both)
        for place, (item, value) in enumerate(
            [*zip(asked, values, strict=True), (None, _mean(values)), (None, _mean(inside))]
        )
    ]
    least, most = (float(np.exp(pick(inside))) if len(inside) else None for pick in (np.min, np.max))
    return Comparison(
        mine=line,
        theirs=other,
        points=(through[0], through[1]),
        at=tuple(speed_ups[:-2]),
        mean=speed_ups[-1],
        asked=speed_ups[-2],
        least=least,
        most=most,
    )


def _accuracies(mine: Curve, theirs: Curve) -> Floats:
    """Those of their points, where mine has some of them, else those of mine; none beside a single point."""
    if min(len(mine.top1), len(theirs.top1)) < 2:
        return np.array([])
    return mine.top1 if np.isnan(log_seconds_at(mine, theirs.top1)).all() else theirs.top1


def _with_one_accuracy(points: Points) -> Points:
    """The points, the same weights with the mean of their accuracies."""
    _, group = np.unique(points.weights, return_inverse=True)
    return replace(points, top1=(np.bincount(group, points.top1) / np.bincount(group))[group])


def _mean(inside: Floats) -> float:
    return float(inside.mean()) if len(inside) else float("nan")


Draw = Callable[[], tuple[Floats, Floats]]
"""Seconds and accuracies of all points, drawn again."""


def _times(points: Points, random: np.random.Generator) -> Draw:
    def draw() -> tuple[Floats, Floats]:
        return points.seconds * np.exp(points.log_sd * random.standard_normal(len(points.seconds))), points.top1

    return draw


def _times_and_accuracies(points: Points, random: np.random.Generator) -> Draw:
    times, sd = _times(points, random), top1_sd(points.top1)
    _, first, group = np.unique(points.weights, return_index=True, return_inverse=True)

    def draw() -> tuple[Floats, Floats]:
        errors: Any = random.standard_normal(len(first))
        return times()[0], points.top1 + sd * errors[group]

    return draw


def _drawn(points: Points, places: tuple[Places, Places], at: Floats, draws: int, draw: Draw) -> Floats:
    """[draw, accuracy]: logarithms of speed-ups, their mean, and that over the shared range last; NaN outside."""
    result = np.empty((draws, len(at) + 2))
    for row in result:
        seconds, top1 = draw()
        mine, theirs = (curve(seconds[place], top1[place]) for place in places)
        row[:-2] = log_ratio(mine, theirs, at)
        row[-2] = _mean(row[:-2])
        row[-1] = _mean(over_shared(mine, theirs))
    return result


def _speed_up(top1: Any, value: float, place: int, speed: Floats | None, both: Floats | None) -> SpeedUp:
    if np.isnan(value):
        return SpeedUp(top1=None if top1 is None else float(top1), value=None)
    (first, first_outside), (second, second_outside) = (_interval(floats, place) for floats in (speed, both))
    return SpeedUp(
        top1=None if top1 is None else float(top1),
        value=float(np.exp(value)),
        speed=first,
        both=second,
        speed_outside=first_outside,
        both_outside=second_outside,
    )


def _interval(drawn: Floats | None, place: int) -> tuple[Interval | None, float]:
    """(95 % of the draws that were inside, the share that were not)."""
    if drawn is None:
        return None, 0.0
    inside = drawn[~np.isnan(drawn[:, place]), place]
    if not len(inside):
        return None, 1.0
    low, high = np.exp(np.quantile(inside, ENDS))
    return (float(low), float(high)), 1 - len(inside) / len(drawn)
