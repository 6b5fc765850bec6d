"""How long a step takes at worst: quantiles of latency with bounds that enough calls prove, "not bounded" where they are too few, and the
share of calls that take longer than a limit.

Every call of every visit counts, those that other programs disturbed too: they are what a tail is made of. Calls of one visit are disturbed
together and follow each other, so what counts is how many independent calls would tell as much.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from ..core.quantiles import CONFIDENCE, fewest_calls, share_of
from ..core.units import format_significant
from .estimate import FEWEST_FOR_CORRELATION, correlated
from .wilson import wilson

SHOWN = ("p50", "p95", "p99")
"""Those that are always told of a case, whatever was asked."""

MS = 1e3
BURSTS = 0.9
"""Share of calls that tell as much as independent ones, under which it is said that they do not."""
ROUNDING = 1e-6

Floats = np.ndarray[Any, np.dtype[np.float64]]
Visits = Sequence[Sequence[float] | Floats]
"""Seconds of the calls of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """A quantile of calls. It is no shorter than `low` and no longer than `high`, each with 95 % confidence by itself; None where too few
    calls can tell."""

    value: float
    low: float | None
    high: float | None
    calls: int
    """All there are."""
    ess: int
    """Independent calls that would tell as much."""
    share: float
    """[0, 1] of the calls are no longer."""

    @property
    def needed(self) -> int:
        """Independent calls that an upper bound takes."""
        return fewest_calls(self.share)

    def told(self, unit: str = "") -> str:
        """In ms, "13.1 [12.9, 14.8]" or "13.1 not bounded: 41 of 59 calls"; `unit` follows the numbers."""
        value, low, high = (
            None if value is None else format_significant(MS * value) for value in (self.value, self.low, self.high)
        )
        if high is None:
            return f"{value}{unit} not bounded: {self.missing()}"
        return f"{value} [{low or '–'}, {high}]{unit}"

    def missing(self) -> str:
        """Why it has no upper bound: "41 of 59 calls"; empty where it has one."""
        if self.high is not None:
            return ""
        name = f"{self.ess:,} of {self.needed:,} calls"
        return name if self.ess > BURSTS * self.calls else f"{name} ({self.calls:,} that come in bursts)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """The share [0, 1] of calls that took longer than a limit, with its 95 % interval."""

    share: float
    low: float
    high: float

    def told(self) -> str:
        """In percent, "14 % [10, 19]"."""
        share, low, high = (format_significant(100 * value, 2) for value in (self.share, self.low, self.high))
        return f"{share} % [{low}, {high}]"


def tail(visits: Visits, share: float, *, margin: float = 0.0, effect: float = 1.0) -> Tail:
    """The quantile of the calls of visits, all in the order they were made, with bounds for any distribution.

    Of n independent calls those under the quantile are Binomial(n, share) (Hahn and Meeker, "Statistical Intervals", section 5.3); n is
    `ess` (Woodruff, Journal of the American Statistical Association 47, 1952). `margin`: how far, on the log scale, processes and visits
    move the whole of a case's times, as the interval of its median tells; joined as independent errors are. `effect`: how many calls tell
    as much as an independent one at least.

    Each end holds in 92 to 99 % of 200 simulated runs of 59 visits whose calls are independent, correlated, disturbed by bursts or
    shifted by visits, in 91 % where processes differ by as much as calls (tests/analysis/test_tails.py); of few visits see `unseen`.
    Raises ValueError where there are no calls, or one that took no time.
    """
    calls = _joined(visits)
    ordered, count = np.sort(calls), len(calls)
    if ordered[0] <= 0:
        raise ValueError(f"a call took {ordered[0]:g} s, expected more than 0")
    value = float(ordered[math.ceil(share * count) - 1])
    same = max(1, min(effective_sample_size(visits, value), int(count / effect + ROUNDING)))
    least, most = _ranks(same, share)
    high = None if most > same else float(ordered[math.ceil(most * count / same) - 1])
    low = None if least < 1 else float(ordered[max(1, least * count // same) - 1])
    return Tail(
        value=value,
        low=None if low is None else _moved(value, low, -margin),
        high=None if high is None else _moved(value, high, margin),
        calls=count,
        ess=same,
        share=share,
    )


def tails(
    visits: Visits, shares: Sequence[float], *, margin: float = 0.0, effect: Callable[[float], float] = lambda _: 1.0
) -> list[Tail]:
    """Several quantiles, `shares` rising: what bounds a higher one from above bounds the lower ones too, and from below the other way.
    `margin`, and `effect` of a share, as `tail` takes them. Raises as it does."""
    result = [tail(visits, share, margin=margin, effect=effect(share)) for share in shares]
    for place in range(len(result) - 2, -1, -1):
        highs = [item.high for item in result[place : place + 2] if item.high is not None]
        result[place] = replace(result[place], high=min(highs, default=None))
    for place in range(1, len(result)):
        lows = [item.low for item in result[place - 1 : place + 1] if item.low is not None]
        result[place] = replace(result[place], low=max(lows, default=None))
    return result


def over(visits: Visits, limit_s: float, share: float = share_of("p95")) -> Over:
    """The share of calls longer than a limit, with Wilson's interval for as many calls as independent ones would tell as much: at the limit
    or at a quantile, where none is beyond the limit and nothing is known of how those come. Raises ValueError where there are no calls."""
    calls = _joined(visits)
    usual = float(np.sort(calls)[math.ceil(share * len(calls)) - 1])
    same = min(effective_sample_size(visits, limit_s), effective_sample_size(visits, usual))
    value = float((calls > limit_s).mean())
    low, high = wilson(round(value * same), same)
    return Over(share=value, low=min(low, value), high=max(high, value))


def effective_sample_size(visits: Visits, limit: float) -> int:
    """Independent calls that would tell as much of the share beyond a limit as these do.

    The variance of the share between visits, and that by which calls follow each other, over what independent calls would have: the larger
    of both (Kish, "Survey Sampling", 1965, section 8.2: the design effect).
    """
    times_s = [np.asarray(visit, float) for visit in visits if len(visit)]
    is_longest = max(float(ndarray.max()) for ndarray in times_s) <= limit  # and then those that are as long
    beyond = [(ndarray >= limit if is_longest else ndarray > limit).astype(float) for ndarray in times_s]
    every = np.concatenate(beyond)
    count, share = len(every), float(every.mean())
    if count < 2 or share in (0.0, 1.0):
        return count
    times = correlated(every) if count >= FEWEST_FOR_CORRELATION else 1.0
    if len(beyond) > 1:
        away = sum((float(array.sum()) - share * len(array)) ** 2 for array in beyond)
        between = len(beyond) / (len(beyond) - 1) * away / count**2
        times = max(times, between * (count - 1) / (share * (1 - share)))
    return max(1, int(count / max(1.0, times) + ROUNDING))


def unseen(visits: int) -> float:
    """The largest share of the time in which something may have disturbed calls that so many visits met none of, with 95 % confidence: a
    burst is there for a whole visit or not."""
    return 1.0 - float((1 - CONFIDENCE) ** (1 / visits))


@functools.lru_cache(maxsize=10_000)
def _ranks(calls: int, share: float) -> tuple[int, int]:
    """The places, counted from 1, of the calls that bound a quantile from below and from above; 0 and one too many where none does."""
    return int(stats.binom.ppf(1 - CONFIDENCE, calls, share)), int(stats.binom.ppf(CONFIDENCE, calls, share)) + 1


def _joined(visits: Visits) -> Floats:
    every = [np.asarray(visit, float) for visit in visits if len(visit)]
    if not every:
        raise ValueError("the tail of no samples")
    return np.concatenate(every)


def _moved(value: float, end: float, margin: float) -> float:
    """An end of an interval moved away from the value, down where `margin` is negative; errors are joined as independent ones are."""
    return value * math.exp(math.copysign(math.hypot(math.log(end / value), margin), margin)) if margin else end
