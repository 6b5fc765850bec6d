"""Estimates that never travel without their interval, and the spread between processes that widens them.

Two processes that run equal code differ by percents, however many calls each makes, so the interval of a median within one
process is not the interval of the number a person wants (Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

FEWEST_FOR_INTERVAL = 6
"""Under six samples no pair of order statistics covers the median with 95 % (2 x 0.5^5 > 5 %)."""
FEWEST_FOR_CORRELATION = 12
"""Under twelve samples their correlation cannot be told from chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval. `covers` says what the interval covers: "between processes" or "one process"."""

    value: float
    low: float
    high: float
    confidence: float
    samples: int
    processes: int
    covers: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Standard deviation of log values between processes of equal code, and its degrees of freedom."""

    log_sd: float
    freedom: int


def median(values: Sequence[float]) -> float:
    """The median. Raises ValueError when there are no values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("the median of no values")
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def median_interval(samples: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Order-statistic interval of the median of samples in the order they were taken, at least `confidence` for any distribution
    of independent ones; None where too few samples exist.

    The count of independent samples below the median is Binomial(n, 1/2) (e.g. Hahn and Meeker, "Statistical Intervals", section
    5.3). Calls that follow each other are not independent (clocks and other programs come and go), so n is the number of
    independent samples that would tell as much; of fewer than six of these the interval is the whole range.
    """
    count = len(samples)
    alike = min(count, max(FEWEST_FOR_INTERVAL, int(count / inflation(samples))))
    rank = int(stats.binom.ppf((1 - confidence) / 2, alike, 0.5))
    if count < FEWEST_FOR_INTERVAL or rank < 1:
        return None
    ordered = sorted(samples)
    place = rank * count // alike if alike > FEWEST_FOR_INTERVAL else 1
    return ordered[place - 1], ordered[count - place]


def inflation(samples: Sequence[float]) -> float:
    """How many times as large correlation in time makes the variance of the median, at least 1; 1 for too few samples.

    1 + 2 x the sum of autocorrelations of the signs of sample - median, on which the median's variance rests; summed in pairs while
    these are positive and fall (Geyer, "Practical Markov chain Monte Carlo", Statistical Science 7, 1992, section 3.3).
    """
    count = len(samples)
    signs = np.sign(np.asarray(samples, float) - median(samples)) if count >= FEWEST_FOR_CORRELATION else np.zeros(1)
    signs -= signs.mean()
    power = float(signs @ signs)
    total, last = 0.0, math.inf
    for lag in range(0, count - 2, 2):
        if power == 0:
            break
        both = float(signs[: count - lag] @ signs[lag:] + signs[: count - lag - 1] @ signs[lag + 1 :]) / power
        last = min(last, both)
        if last <= 0:
            break
        total += last
    return max(1.0, 2 * total - 1)


def half_width(samples: Sequence[float], confidence: float = 0.95) -> float | None:
    """Half the width of the median's interval as a share of the median; None where there is no interval."""
    interval = median_interval(samples, confidence)
    centre = median(samples) if samples else 0.0
    return None if interval is None or centre == 0 else (interval[1] - interval[0]) / 2 / abs(centre)


def pool_spread(groups: Sequence[Sequence[float]]) -> Spread | None:
    """The spread between processes, pooled on the log scale over groups of values of equal cases; None where no case was repeated."""
    squares, freedom = 0.0, 0
    for group in groups:
        logs = [math.log(value) for value in group if value > 0]
        if len(logs) > 1:
            centre = sum(logs) / len(logs)
            squares += sum((one - centre) ** 2 for one in logs)
            freedom += len(logs) - 1
    return Spread(log_sd=math.sqrt(squares / freedom), freedom=freedom) if freedom else None


def combine(
    values: Sequence[float],
    intervals: Sequence[tuple[float, float] | None],
    *,
    spread: Spread | None,
    samples: int,
    confidence: float = 0.95,
) -> Estimate | None:
    """One case's estimate from its processes' medians and their intervals; None where nothing can be said.

    With a known spread: centre +- t * spread / sqrt(processes) on the log scale, joined with the widest interval within a process.
    """
    known = [one for one in intervals if one is not None]
    if not values or min(values) <= 0 or (not known and spread is None):
        return None
    centre = math.exp(sum(math.log(value) for value in values) / len(values))
    within = max((math.log(high / low) / 2 for low, high in known if low > 0), default=0.0) / math.sqrt(len(values))
    between = 0.0
    if spread is not None:
        between = float(stats.t.ppf((1 + confidence) / 2, spread.freedom)) * spread.log_sd / math.sqrt(len(values))
    reach = math.exp(math.hypot(within, between))
    return Estimate(
        value=centre,
        low=centre / reach,
        high=centre * reach,
        confidence=confidence,
        samples=samples,
        processes=len(values),
        covers="one process" if spread is None else "between processes",
    )


def ratio(top: Estimate, bottom: Estimate) -> Estimate:
    """`top / bottom`; errors of the two are independent on the log scale."""
    reach = math.exp(math.hypot(math.log(top.high / top.value), math.log(bottom.high / bottom.value)))
    value = top.value / bottom.value
    covers = top.covers if top.covers == bottom.covers else "one process"
    return Estimate(
        value=value,
        low=value / reach,
        high=value * reach,
        confidence=min(top.confidence, bottom.confidence),
        samples=min(top.samples, bottom.samples),
        processes=min(top.processes, bottom.processes),
        covers=covers,
    )
