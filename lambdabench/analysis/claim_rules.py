"""What a ratio measured here says of a claimed one: the rules of facts/claims.toml, in their order, and how many processes it takes.

A claim is oriented so that its ratio is above 1; what is measured is the ratio here with its 95 % interval between processes. A rule of
four fifths of the ratio would "replicate" a reversal where the claimed ratio is small: four fifths of its logarithm never does.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ..facts.claims import Rule

Finding = Literal[
    "contradicted",
    "replicated",
    "speed replicated",
    "partly",
    "not replicated",
    "unclear",
    "not measured",
    "not measurable",
]
SHARE = 0.8
"""Of the claimed ratio's logarithm, that an interval must lie above to replicate it."""
SAME = math.log(1.1)
"""Within this logarithm two speeds are equal."""
EQUAL = (0.95, 1.05)
"""Claimed ratios that are claims of equality, whatever a file says."""
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Half widths of an interval on the log scale: `widest` beyond which nothing is told, unless a claim's ratio is so large that less
    precision was planned; `power`: what was planned, over the logarithm of the claimed ratio."""

    widest: float
    power: float


def finding(quoted: float, interval: Interval, *, rule: Rule, limits: Limits, is_at_accuracy: bool = False) -> Finding:
    """What a ratio with its 95 % interval says of the claimed ratio `quoted`, which is above 1, or about 1 (`rule` "equal").

    An interval that is wider than a claim's `widest` tells nothing, wherever its middle is. A claim of networks of equal accuracy, which
    is only quoted, is replicated in its speed at most. Raises ValueError for what is no interval of a ratio.
    """
    low, high = interval
    if not 0 < low <= high:
        raise ValueError(f"found the interval [{low}, {high}], expected 0 < low <= high")
    if half_width(interval) > widest(quoted, rule=rule, limits=limits):
        return "unclear"
    verdict = _equal(interval) if is_equality(quoted, rule) else _faster(quoted, interval)
    return "speed replicated" if verdict == "replicated" and is_at_accuracy else verdict


def is_equality(quoted: float, rule: Rule) -> bool:
    """Whether a claim is that two are equally fast."""
    return rule == "equal" or EQUAL[0] <= quoted <= EQUAL[1]


def _faster(quoted: float, interval: Interval) -> Finding:
    low, high = interval
    enough = quoted**SHARE
    if high < 1:
        return "contradicted"
    if low > 1:
        return "replicated" if low >= enough else "partly"
    return "not replicated" if high < enough else "unclear"


def _equal(interval: Interval) -> Finding:
    low, high = (math.log(end) for end in interval)
    if low >= -SAME and high <= SAME:
        return "replicated"
    return "contradicted" if low > SAME or high < -SAME else "unclear"


def half_width(interval: Interval) -> float:
    """Half of an interval on the log scale."""
    return math.log(interval[1] / interval[0]) / 2


def planned(quoted: float, *, rule: Rule, power: float) -> float:
    """The half width that a claim takes to be called replicated in 95 of 100 measurements where it is true: `power` x ln(quoted), 5 % at
    1.6 and 14 % at 3.2; of equality a half of what counts as equal."""
    return SAME / 2 if is_equality(quoted, rule) else power * math.log(quoted)


def widest(quoted: float, *, rule: Rule, limits: Limits) -> float:
    """The half width over which an interval tells nothing of a claim: `limits.widest`, or what is planned where that is more."""
    return max(limits.widest, planned(quoted, rule=rule, power=limits.power))


def processes_lacking(quoted: float, interval: Interval, processes: int, *, rule: Rule, limits: Limits) -> int:
    """How many processes more it takes until an unclear claim has a verdict, or, where the ratio lies on the edge of one, until it is known
    as precisely as was planned; 0 for a claim that has one.

    Derived: the ratio stays where it is, and its interval narrows with the square root of their number.
    """
    if processes < 1 or finding(quoted, interval, rule=rule, limits=limits) != "unclear":
        return 0
    middle = math.log(interval[0] * interval[1]) / 2
    telling = min(_distance(quoted, middle, rule), widest(quoted, rule=rule, limits=limits))
    wanted = max(telling, planned(quoted, rule=rule, power=limits.power))
    return max(0, math.ceil(processes * (half_width(interval) / wanted) ** 2 - 1e-9) - processes)


def _distance(quoted: float, middle: float, rule: Rule) -> float:
    """The half width under which a ratio with the logarithm `middle` has a verdict by its ends."""
    if is_equality(quoted, rule):
        return abs(abs(middle) - SAME)
    return max(abs(middle), SHARE * math.log(quoted) - middle)
