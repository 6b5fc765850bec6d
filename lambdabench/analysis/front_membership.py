"""How probable it is that a network is on the front of speed and accuracy, both of which are known with an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .visits import Floats

IMAGES = 50_000
ALIKE = 0.6
"""Share of the variance of an accuracy that two networks have in common, who are mostly right on the same images. An assumption: a
disagreement on 12 % of the images at 80 % top-1 gives 1 - 0.12 / 0.32 = 0.63."""
NODES = 32
"""Equally probable values of a network's speed, and of its accuracy: within 0.007 of 20,000 draws for 1,091 networks."""
CERTAIN = 1e-9
ENDS = (0.025, 0.975)
"""Shares of the draws that lie under the ends of a band."""
HALVINGS = 40
FAR = 6.0
"""Standard deviations beyond which nothing happens."""
TOP1_APART, TOP5_APART = 0.0205, 0.0305
"""Percent by which one set of weights may differ from itself under another name: one image in 5,000, and how tables are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What tells weights apart: published accuracies in percent, `top5` where it is known."""

    tag: str
    image_px: int
    parameters: float
    top1: float
    top5: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """All networks in the order of their groups; `starts` is where each group begins."""

    order: NDArray[np.intp]
    speed: Floats
    sd: Floats
    group: NDArray[np.intp]
    starts: NDArray[np.intp]
    accuracy: Floats
    """Of groups."""
    error: Floats


def twins(weights: Sequence[Weights]) -> NDArray[np.int64]:
    """A number for each that is equal for the same weights under two names, which have one accuracy and one error of it."""
    numbers: list[int] = []
    known: dict[tuple[str, int, float], list[int]] = {}
    for place, item in enumerate(weights):
        firsts = known.setdefault((item.tag, item.image_px, item.parameters), [])
        same = next((other for other in firsts if _are_twins(item, weights[other])), None)
        numbers.append(place if same is None else same)
        firsts += [place] if same is None else []
    return np.unique(np.array(numbers, dtype=np.int64), return_inverse=True)[1]


def in_question(log_speed: Floats, log_sd: Floats, top1: Floats, errors: Floats | None = None) -> NDArray[np.bool_]:
    """Those that are not surely beaten: no other is faster and more accurate by `FAR` standard deviations of both."""
    order = np.argsort(-top1, kind="stable")
    least, most = (log_speed - FAR * log_sd)[order], log_speed + FAR * log_sd
    best = np.concatenate(([-np.inf], np.maximum.accumulate(least)))
    apart = 2 * FAR * float((top1_sd(top1) if errors is None else errors).max(initial=0.0))
    above = np.searchsorted(-top1[order], -(top1 + apart), side="left")
    return np.asarray(best[above] <= most)


def membership(
    log_speed: Floats, log_sd: Floats, top1: Floats, groups: NDArray[np.int64], errors: Floats | None = None
) -> Floats:
    """P(no other is faster and more accurate), for errors that are independent: normal ones of the logarithm of speed, and
    binomial ones of top-1 in percent over 50,000 images, of which `ALIKE` is common to all. Equal `groups` have one accuracy. `errors`:
    standard deviations of accuracies that are not of these images.

    Deterministic: the mean over a grid of equally probable speeds and accuracies of the network itself.
    """
    field = _field(log_speed, log_sd, top1, groups, errors)
    result = np.empty(len(log_speed))
    for place, original in enumerate(field.order):
        result[original] = _probability(field, place)
    return result


def band(  # noqa: PLR0917 (those of `membership`, and where)
    log_speed: Floats, log_sd: Floats, top1: Floats, groups: NDArray[np.int64], at: Floats, errors: Floats | None = None
) -> tuple[Floats, Floats]:
    """(Low, high): 95 % of the best accuracy that is had at each logarithm of speed of `at`, with the errors of `membership`. -inf
    where it is not known that anything is so fast.

    The best is under a where each group is under a or has no member that is so fast; both ends are found by halving.
    """
    field = _field(log_speed, log_sd, top1, groups, errors)
    slower = 1 - _above(at[:, None], field.speed, field.sd)
    faster = 1 - np.multiply.reduceat(slower, field.starts, axis=1)
    margin = FAR * field.error
    bottom, top = float((field.accuracy - margin).min()), float((field.accuracy + margin).max())
    low, high = (_where(share, faster, field, np.full(len(at), bottom), np.full(len(at), top)) for share in ENDS)
    nothing = np.prod(1 - faster, axis=1)
    return np.where(nothing > ENDS[0], -np.inf, low), np.where(nothing > ENDS[1], -np.inf, high)


def _where(share: float, faster: Floats, field: _Field, low: Floats, high: Floats) -> Floats:
    """The accuracy under which the best is with a probability."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        under = np.prod(1 - faster * _above(middle[:, None], field.accuracy, field.error), axis=1)
        low, high = np.where(under < share, middle, low), np.where(under < share, high, middle)
    return (low + high) / 2


def top1_sd(top1: Floats) -> Floats:
    """The standard deviation in percent of what two accuracies do not share of their binomial error."""
    share = top1 / 100
    return 100 * np.sqrt(share * (1 - share) / IMAGES * (1 - ALIKE))


def _field(log_speed: Floats, log_sd: Floats, top1: Floats, groups: NDArray[np.int64], errors: Floats | None) -> _Field:
    order = np.argsort(groups, kind="stable")
    starts = np.unique(groups[order], return_index=True)[1]
    sizes = np.diff([*starts, len(order)])
    accuracy = np.add.reduceat(top1[order], starts) / sizes
    return _Field(
        order=order,
        speed=log_speed[order],
        sd=np.maximum(log_sd[order], CERTAIN),
        group=np.repeat(np.arange(len(starts)), sizes),
        starts=starts,
        accuracy=accuracy,
        error=top1_sd(accuracy) if errors is None else np.maximum.reduceat(errors[order], starts),
    )


def _probability(field: _Field, place: int) -> float:
    """Of one network: over its own speeds and accuracies, the probability that no group has one that beats it."""
    own, quantiles = field.group[place], np.asarray(special.ndtri((np.arange(NODES) + 0.5) / NODES))
    speeds = field.speed[place] + field.sd[place] * quantiles
    accuracies = field.accuracy[own] + field.error[own] * quantiles
    beaten = _above(speeds[-1], field.speed, field.sd) * np.where(
        field.group == own, 1.0, _above(accuracies[-1], field.accuracy, field.error)[field.group]
    )
    beaten[place] = 0.0
    if beaten.max(initial=0.0) > 1 - CERTAIN:
        return 0.0
    near = (field.speed + FAR * field.sd > speeds[0]) & (
        (field.group == own) | ((field.accuracy + FAR * field.error)[field.group] > accuracies[0])
    )
    near[place] = False
    if not near.any():
        return 1.0
    groups, starts = np.unique(field.group[near], return_index=True)
    slower = 1 - _above(speeds[:, None], field.speed[near], field.sd[near])
    faster = 1 - np.multiply.reduceat(slower, starts, axis=1)
    better = _above(accuracies[:, None], field.accuracy[groups], field.error[groups])
    better[:, groups == own] = 1.0
    return float(np.prod(1 - faster[:, None, :] * better[None, :, :], axis=2).mean())


def _above(limit: Any, middle: Floats, sd: Floats) -> Floats:
    """P(a normal one lies above a limit)."""
    return np.asarray(special.ndtr((middle - limit) / sd))


def _are_twins(weights: Weights, other: Weights) -> bool:
    same = (weights.tag, weights.image_px) == (other.tag, other.image_px) and weights.parameters == other.parameters
    if not same or abs(weights.top1 - other.top1) > TOP1_APART:
        return False
    return weights.top5 is None or other.top5 is None or abs(weights.top5 - other.top5) <= TOP5_APART
