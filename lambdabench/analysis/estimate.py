"""Estimates that never travel without their interval, and the spread between processes that widens them.

Two processes that run equal code differ by percents, however many calls each makes, so the interval of a median within one
process is not the interval of the number a person wants (Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

FEWEST_FOR_INTERVAL = 6
"""Under six samples no pair of order statistics covers the median with 95 % (2 x 0.5^5 > 5 %)."""
FEWEST_FOR_CORRELATION = 12
"""Under twelve samples their correlation cannot be told from chance."""
MOST_MARGIN = 50.0
"""Of an interval on the log scale: beyond is nothing, and the exponential overflows."""

MANY = 1024
"""Samples from which on their correlation is computed at once."""

Floats = np.ndarray[Any, np.dtype[np.float64]]
Places = np.ndarray[Any, np.dtype[np.int64]]


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
    dof: int


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
    ess = min(count, max(FEWEST_FOR_INTERVAL, int(count / variance_inflation(samples))))
    rank = int(stats.binom.ppf((1 - confidence) / 2, ess, 0.5))
    if count < FEWEST_FOR_INTERVAL or rank < 1:
        return None
    ordered = sorted(samples)
    place = rank * count // ess if ess > FEWEST_FOR_INTERVAL else 1
    return ordered[place - 1], ordered[count - place]


def variance_inflation(samples: Sequence[float]) -> float:
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


def mean_rate(rates: Sequence[float]) -> float:
    """All that was done over all the time it took, of rates that are each over equally much work: their harmonic mean. Raises
    ValueError where there are none."""
    if not rates:
        raise ValueError("the mean rate of no rates")
    return len(rates) / sum(1 / rate for rate in rates)


def mean_rate_interval(rates: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """The interval of `mean_rate` of rates in the order they were taken; None under six of them.

    Student's t for the mean time of a piece of work, on the log scale, where skewed times are less so. Of n times that follow each
    other n / `correlated` tell as much as independent ones do, and one less are the degrees of freedom. Covers 93 to 97 % of 50
    or more times that are log-normal (sd 3 %), correlated (0.8), or twice as long in one call of ten (tests/analysis/test_mean_rate.py);
    of 24 times 97, 91 and 92 %: what did not happen in them is not known.
    """
    count = len(rates)
    if count < FEWEST_FOR_INTERVAL:
        return None
    seconds = 1 / np.asarray(rates, float)
    centre, spread = float(seconds.mean()), float(seconds.std(ddof=1))
    independent = count / correlated(seconds)
    width = float(stats.t.ppf((1 + confidence) / 2, independent - 1)) * spread / math.sqrt(independent)
    margin, middle = math.exp(min(width / centre, MOST_MARGIN)), mean_rate(rates)
    return middle / margin, middle * margin


def correlated(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    """How many times as large correlation in time makes the variance of the mean: from 1 to a third of the count.

    The larger of two estimates, since each alone is too small for short series: Geyer's (see `variance_inflation`) and that of an
    autoregression of first order. Both are freed of the bias that comes from subtracting the series' own mean, which makes what is
    positive look smaller (Marriott and Pope, "Bias in the estimation of autocorrelations", Biometrika 41, 1954).
    """
    count = len(values)
    away = values - values.mean()
    power = float(away @ away)
    if power == 0:
        return 1.0
    autocorrelation = _products(away) / power
    total, last, lags = 0.0, math.inf, 0
    for lag in range(0, count - 2, 2):
        last = min(last, float(autocorrelation[lag] + autocorrelation[lag + 1]))
        if last <= 0:
            break
        total, lags = total + last, lag + 1
    summed = 2 * total - 1
    unbiased = 1 - (2 * lags + 1) / count + summed / count
    geyer = summed / unbiased if unbiased > 0.1 else math.inf
    first = min(max(0.0, float(autocorrelation[1]) + (1 + 3 * float(autocorrelation[1])) / count), 0.99)
    return min(max(1.0, geyer, (1 + first) / (1 - first)), count / 3)


def _products(away: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Floats:
    """[lag]: sums of products of values so far apart. Of many by the convolution theorem: one by one they take the square of the count."""
    count = len(away)
    if count <= MANY:
        return np.array([float(away[: count - lag] @ away[lag:]) for lag in range(count - 1)])
    power = np.abs(np.fft.rfft(away, 2 ** math.ceil(math.log2(2 * count)))) ** 2
    return np.fft.irfft(power)[: count - 1]


def half_width(samples: Sequence[float], confidence: float = 0.95) -> float | None:
    """Half the width of the median's interval as a share of the median; None where there is no interval."""
    interval = median_interval(samples, confidence)
    centre = median(samples) if samples else 0.0
    return None if interval is None or centre == 0 else (interval[1] - interval[0]) / 2 / abs(centre)


def pool_spread(groups: Sequence[Sequence[float]]) -> Spread | None:
    """The spread between processes, pooled on the log scale over groups of values of equal cases; None where no case was repeated."""
    logs = np.log(np.array([value for group in groups for value in group if value > 0], float))
    group = np.array([place for place, group in enumerate(groups) for value in group if value > 0], np.int64)
    log_sd, dof = pooled(logs, group, np.zeros(len(groups), np.int64))
    return Spread(log_sd=float(log_sd[0]), dof=int(dof[0])) if dof.any() else None


def pooled(logs: Floats, group: Places, machine: Places) -> tuple[Floats, Places]:
    """(Standard deviation between processes, its degrees of freedom) of each machine: of log values, whose `group` holds equal cases,
    each on one `machine`. 0 and 0 where no case was repeated."""
    count = np.bincount(group, minlength=len(machine))
    centre = np.bincount(group, logs, minlength=len(machine)) / np.maximum(count, 1)
    squares = np.bincount(group, (logs - centre[group]) ** 2, minlength=len(machine))
    dof = np.bincount(machine, np.maximum(count - 1, 0)).astype(np.int64)
    return np.sqrt(np.bincount(machine, squares) / np.maximum(dof, 1)), dof


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
    known = [interval for interval in intervals if interval is not None]
    if not values or min(values) <= 0 or (not known and spread is None):
        return None
    centre = math.exp(sum(math.log(value) for value in values) / len(values))
    within = max((math.log(high / low) / 2 for low, high in known if low > 0), default=0.0)
    result = spread or Spread(log_sd=0.0, dof=0)
    margin = float(log_margin(np.array([within]), np.array([len(values)]), result.log_sd, result.dof, confidence)[0])
    low, high = centre * math.exp(-margin), centre * math.exp(margin)
    return Estimate(
        value=centre,
        low=low,
        high=high,
        confidence=confidence,
        samples=samples,
        processes=len(values),
        covers="one process" if spread is None else "between processes",
    )


def log_margin(
    within: Floats, count: Places, log_sd: Floats | float, dof: Places | int, confidence: float = 0.95
) -> Floats:
    """How far the interval of each estimate of `count` processes reaches on the log scale: from the widest half width within a process
    and the spread between processes, where that is known (`dof` above 0)."""
    known = np.asarray(dof) > 0
    times = np.where(known, stats.t.ppf((1 + confidence) / 2, np.maximum(dof, 1)), 0.0)
    return np.minimum(np.hypot(within, times * np.where(known, log_sd, 0.0)) / np.sqrt(count), MOST_MARGIN)


def ratio(top: Estimate, bottom: Estimate) -> Estimate:
    """`top / bottom`; errors of the two are independent on the log scale."""
    margin = math.exp(math.hypot(math.log(top.high / top.value), math.log(bottom.high / bottom.value)))
    value = top.value / bottom.value
    covers = top.covers if top.covers == bottom.covers else "one process"
    return Estimate(
        value=value,
        low=value / margin,
        high=value * margin,
        confidence=min(top.confidence, bottom.confidence),
        samples=min(top.samples, bottom.samples),
        processes=min(top.processes, bottom.processes),
        covers=covers,
    )
