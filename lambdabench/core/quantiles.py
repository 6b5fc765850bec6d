"""Quantiles as people name them, "p95", and how many calls it takes to bound one."""

import math
import re

EXPECTED = "expected a quantile between p0 and p100 like p50, p95, p99 or p99.9"
NAME = re.compile(r"p(?!0+(?:\.0+)?$)(\d{1,2}(?:\.\d{1,4})?)")
CONFIDENCE = 0.95
"""Of each end of a quantile's interval by itself."""


def share_of(name: str) -> float:
    """The share [0, 1] of calls that are no longer than a quantile: 0.95 of "p95". Raises ValueError for what is none."""
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"found {name!r}, {EXPECTED}")
    return round(float(match[1]) / 100, 6)


def fewest_calls(share: float) -> int:
    """Independent calls of which the longest is no shorter than the quantile with `CONFIDENCE`: 59 for p95, 299 for p99 (Hahn and
    Meeker, "Statistical Intervals", section 5.3)."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(share))
