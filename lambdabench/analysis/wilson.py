"""The interval of a share."""

import math
from statistics import NormalDist


def wilson(count: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share by Wilson (Journal of the American Statistical Association 22, 1927): sensible at 0 and 1 too."""
    if trials < 1:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = count / trials
    middle = share + z * z / (2 * trials)
    margin = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    whole = 1 + z * z / trials
    low = 0.0 if count == 0 else max(0.0, (middle - margin) / whole)
    return low, 1.0 if count == trials else min(1.0, (middle + margin) / whole)
