"""Two stored runs of many benchmarks, each run one process: what all of them share is the machine's, and no change of each.

The log ratio of a benchmark is what the pair of processes has in common, and what these do to it alone, and its own change.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats as scipy_stats  # pyright: ignore[reportMissingTypeStubs] (there are none)

from .judge import holm

STATS: Any = scipy_stats
PROCESS_LOG_SD = 0.03
"""Standard deviation of the log of the ratio of two processes of equal code (two Xeon cores, 88 pairs): no number of rounds mends it."""
SHARED_LOG_SD = 0.1
"""The same of what all benchmarks of two runs share: clocks, neighbours, where the interpreter lies. One benchmark cannot tell it."""
UNCHANGED = 2
"""Benchmarks without a change that are supposed beside those that there are: of one or two nobody knows what is shared."""
DOF = 5.0
"""Of Student's t. Most kernels differ by less between processes than `PROCESS_LOG_SD` and some by twice as much (6 %), so that the
tail is a long one. Of 1,000 simulated pairs of files of 50 equal benchmarks, whose own standard deviations are log-normal about
2.5 % with a factor of 1.65 and which share 10 % (sd), 28 held a finding; a normal tail gives 437."""
FEWEST = 5
"""Benchmarks whose own differences tell how much these two processes differ."""
ALPHA = 0.05
"""Of any false finding in a pair of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """One benchmark's log ratio beside what all share, with the interval of the level at which Holm's correction looked at it."""

    log: float
    low: float
    high: float

    @property
    def told(self) -> bool:
        """Whether its interval excludes that nothing of its own changed."""
        return self.low > 0 or self.high < 0


def own_changes(logs: Sequence[float], errors: Sequence[float]) -> tuple[float, tuple[Own, ...]]:
    """(What all log ratios share, each one's own change); `errors` are standard errors within the processes.

    Shared is the median, drawn to 0 by `UNCHANGED` more. The spread is what two processes are known to differ by, or the median
    absolute deviation of these where it is larger: both are not moved by the changes of fewer than half.
    """
    if not logs:
        return 0.0, ()
    shared = statistics.median([*logs, *[0.0] * UNCHANGED])
    spread, dof = _spread(logs)
    known = SHARED_LOG_SD**-2 + (len(logs) - 1) / (math.pi / 2 * spread**2)
    sds = [math.sqrt(spread**2 + error**2 + 1 / known) for error in errors]
    own = [log - shared for log in logs]
    p_values = 2 * STATS.t.sf([abs(log) / sd for log, sd in zip(own, sds, strict=True)], dof)
    factors = STATS.t.isf([level / 2 for level in _levels(p_values.tolist())], dof).tolist()
    margins = [factor * sd for factor, sd in zip(factors, sds, strict=True)]
    return shared, tuple(
        Own(log=log, low=log - margin, high=log + margin) for log, margin in zip(own, margins, strict=True)
    )


def _spread(logs: Sequence[float]) -> tuple[float, float]:
    """(Standard deviation of one benchmark's own part, degrees of freedom). A median absolute deviation has those of half its values."""
    middle = statistics.median(logs)
    value = 1.4826 * statistics.median(abs(log - middle) for log in logs)
    if len(logs) < FEWEST or value <= PROCESS_LOG_SD:
        return PROCESS_LOG_SD, DOF
    return value, min(DOF, len(logs) / 2)


def _levels(p_values: Sequence[float]) -> list[float]:
    """The level at which Holm's correction looks at each: that of its rejection, or of the first that is not rejected."""
    rejected = holm(p_values, ALPHA)
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    levels = [ALPHA / (len(p_values) - sum(rejected)) if not all(rejected) else ALPHA] * len(p_values)
    for place, index in enumerate(order[: sum(rejected)]):
        levels[index] = ALPHA / (len(p_values) - place)
    return levels
