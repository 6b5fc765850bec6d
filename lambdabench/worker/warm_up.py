"""Calls until a case is warm: until the medians of two blocks agree."""

from collections.abc import Callable, Sequence

from ..analysis.estimate import median
from ..core.spec import Sampling

BLOCK = 5
"""Calls in a block."""
STEADY_SHARE = 0.02
"""Two blocks are the same regime when their medians differ by less."""

TimeCalls = Callable[[int], Sequence[float]]


def warm_up(time_calls: TimeCalls, sampling: Sampling, first_call_s: float) -> tuple[list[float], float, bool]:
    """(Times of the warm-up calls, their sum, whether the last two blocks agreed)."""
    times = list(time_calls(max(1, sampling.warmup_calls)))
    most_s = sampling.case_budget_s * sampling.warmup_share - first_call_s
    while True:
        latest, before = times[-BLOCK:], times[-2 * BLOCK : -BLOCK]
        if len(before) == BLOCK:
            centre = median(latest)
            deviation = median([abs(value - centre) for value in latest])
            if abs(centre - median(before)) <= max(STEADY_SHARE * centre, 2 * deviation):
                return times, sum(times), True
        step_s = median(latest)
        if sum(times) + BLOCK * step_s > most_s:
            return times, sum(times), False
        times += time_calls(BLOCK)
