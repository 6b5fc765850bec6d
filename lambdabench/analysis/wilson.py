"""The interval of a share, and of the mean of several that are of the same images."""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

from scipy import special


def wilson(count: float, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share by Wilson (Journal of the American Statistical Association 22, 1927): sensible at 0 and 1 too."""
    if trials < 1:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = count / trials
    middle = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    whole = 1 + z * z / trials
    low = 0.0 if count == 0 else max(0.0, (middle - reach) / whole)
    return low, 1.0 if count == trials else min(1.0, (middle + reach) / whole)


def mean_share(shares: Sequence[float], trials: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """(Mean, low, high) of shares [0, 1] of the same `trials` images, one of each training, as an accuracy on further images of a further
    training's mean would have it.

    Images are common to all shares, so that more of these do not narrow what Wilson's interval says of them; trainings are
    independent, and Student's t says how far their mean is known. Both reaches are added as independent ones are, each end by itself
    (Zou and Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27, 2008). One share alone has
    Wilson's interval.
    """
    mean = fmean(shares)
    low, high = wilson(mean * trials, trials, confidence)
    if len(shares) < 2:
        return mean, min(low, mean), max(high, mean)
    student = float(special.stdtrit(len(shares) - 1, (1 + confidence) / 2))
    seeds = student * stdev(shares) / math.sqrt(len(shares))
    return mean, max(0.0, mean - math.hypot(mean - low, seeds)), min(1.0, mean + math.hypot(high - mean, seeds))
