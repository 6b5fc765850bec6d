"""Calls until a case is warm: until the medians of two blocks agree, and on a device whose clock rises under work until it has risen."""

from collections.abc import Callable, Sequence

from ..analysis.estimate import median
from ..core.spec import Sampling

BLOCK = 5
"""Calls in a block."""
STEADY_SHARE = 0.02
"""Two blocks are the same regime when their medians differ by less."""

LEAST_S = {False: 0.0, True: 0.25}
"""Of warming up, by whether the device lowers its clock when it idles: two blocks of ten calls of 30 us agree long before that rises."""
MOST_RISE_S = 2.0
"""A clock has risen by then, or times fall for another reason."""
MOST_CALLS = 100_000
"""Scripted calls that take no time are never over."""

TimeCalls = Callable[[int], Sequence[float]]


def warm_up(
    time_calls: TimeCalls, sampling: Sampling, first_call_s: float, *, rises: bool = False
) -> tuple[list[float], float, bool]:
    """(Times of the warm-up calls, their sum, whether the last two blocks agreed). `rises`: on a device that lowers its clock when it
    idles, where it takes `LEAST_S`."""
    times = list(time_calls(max(1, sampling.warmup_calls)))
    most_s = sampling.case_budget_s * sampling.warmup_share - first_call_s
    least_s = min(LEAST_S[rises], most_s)
    while sum(times) < least_s and len(times) < MOST_CALLS:
        times += time_calls(max(1, min(MOST_CALLS, int((least_s - sum(times)) / max(median(times[-BLOCK:]), 1e-6)))))
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


def cold_calls(time_calls: TimeCalls, cold_s: float, *, rises: bool = False) -> list[float]:
    """Seconds of the calls at a visit's start, however many fill the time; with `rises` of those after them too, for as long as the
    last third is faster than the third before."""
    values, spent_s = list[float](), 0.0
    while spent_s < cold_s and len(values) < MOST_CALLS:
        values += time_calls(1)
        spent_s += values[-1]
    while rises and spent_s < MOST_RISE_S and len(values) < MOST_CALLS and _is_faster(values):
        for _ in range(max(1, len(values) // 3)):
            values += time_calls(1)
            spent_s += values[-1]
    return values


def _is_faster(values: Sequence[float]) -> bool:
    """Whether calls became faster by a share that counts."""
    third = len(values) // 3
    return third > 0 and median(values[-third:]) < (1 - STEADY_SHARE) * median(values[-2 * third : -third])
