"""The interval of a share."""

from typing import Any

from scipy import stats as scipy_stats  # pyright: ignore[reportMissingTypeStubs] (there are none)

STATS: Any = scipy_stats


def wilson(count: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share by Wilson (Journal of the American Statistical Association 22, 1927): sensible at 0 and 1 too. Of no trials it
    is all that a share may be."""
    if trials < 1:
        return 0.0, 1.0
    found = STATS.binomtest(count, trials).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)
