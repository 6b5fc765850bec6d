"""How long a step takes at worst: quantiles of latency with a bound that enough calls prove, and "not bounded" where they are too few."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .estimate import correlated

TAILS = {"p95": 0.95, "p99": 0.99}
"""An upper bound of 95 % takes 59 independent calls for p95 and 299 for p99."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """A quantile of samples. `high`: it is no longer than this, with the confidence asked; None where too few calls can tell."""

    value: float
    high: float | None


def tail(samples: Sequence[float], share: float, confidence: float = 0.95) -> Tail:
    """The quantile of samples in the order they were taken, with an upper bound for any distribution.

    Of n independent calls those under the quantile are Binomial(n, share) (Hahn and Meeker, "Statistical Intervals", section 5.3);
    calls over it that follow each other are one event, so n is as many independent calls as would tell as much. Raises ValueError
    where there are no samples.
    """
    if not samples:
        raise ValueError("the tail of no samples")
    ordered, count = sorted(samples), len(samples)
    value = ordered[math.ceil(share * count) - 1]
    alike = int(count / correlated((np.asarray(samples, float) > value).astype(float))) if count > 1 else 1
    rank = int(stats.binom.ppf(confidence, alike, share)) + 1
    if rank > alike:
        return Tail(value=value, high=None)
    return Tail(value=value, high=ordered[math.ceil(rank * count / alike) - 1])
