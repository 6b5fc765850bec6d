"""The interval of a share, and of the mean of several that are of the same images."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from scipy import stats as scipy_stats  # pyright: ignore[reportMissingTypeStubs] (there are none)

STATS: Any = scipy_stats


def wilson(count: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share by Wilson (Journal of the American Statistical Association 22, 1927): sensible at 0 and 1 too. Of no trials it
    is all that a share may be."""
    if trials < 1:
        return 0.0, 1.0
    item = STATS.binomtest(count, trials).proportion_ci(confidence, method="wilson")
    return float(item.low), float(item.high)


def mean_share(shares: Sequence[float], trials: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """(Mean, low, high) of shares [0, 1] of the same `trials` images, one of each training, as an accuracy on further images of a further
    training's mean would have it.

    Images are common to all shares, so that more of these do not narrow what Wilson's interval says of them; trainings are
    independent, and Student's t says how far their mean is known. Both margins are added as independent ones are, each end by itself
    (Zou and Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27, 2008). One share alone has
    Wilson's interval.
    """
    mean = fmean(shares)
    low, high = wilson(round(mean * trials), trials, confidence)
    low, high = min(low, mean), max(high, mean)
    if len(shares) < 2:
        return mean, low, high
    student = float(STATS.t.ppf((1 + confidence) / 2, len(shares) - 1))
    margin = student * stdev(shares) / math.sqrt(len(shares))
    return mean, max(0.0, mean - math.hypot(mean - low, margin)), min(1.0, mean + math.hypot(high - mean, margin))
