"""How many calls: warm up until block medians agree, then sample until the interval is narrow or the budget is out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..analysis.estimate import half_width, median
from ..core.spec import Sampling

BLOCK = 5
"""Calls in a warm-up block."""
STEADY_SHARE = 0.02
"""Two blocks are the same regime when their medians differ by less."""
FIRST_LOOK = 24
GROWTH = 1.35
"""Looks at the interval come at n, 1.35 n, ...: few enough that looking costs little."""
FEWEST = 6
MOST = 2000
"""More samples than these tell nothing new about a median and make files large."""

TimeCalls = Callable[[int], Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Seconds a call, and why to doubt them."""

    seconds: tuple[float, ...]
    warmup_calls: int
    flags: tuple[str, ...] = ()


def sample(time_calls: TimeCalls, sampling: Sampling, first_call_s: float) -> Sampled:
    """Warms up and samples within `case_budget_s` seconds, the first call included; at least 6 calls whatever they take."""
    warm, spent_s, steady = _warm_up(time_calls, sampling, first_call_s)
    seconds: list[float] = []
    look = FIRST_LOOK
    while True:
        left_s = sampling.case_budget_s - first_call_s - spent_s - sum(seconds)
        step_s = median(seconds or warm)
        fewest = sampling.min_samples if sampling.min_samples * step_s < sampling.case_budget_s else FEWEST
        affordable = int(left_s / step_s) if step_s > 0 else MOST
        want = min(look, MOST) - len(seconds)
        count = max(min(want, affordable), fewest - len(seconds))
        if count <= 0:
            break
        seconds += time_calls(count)
        width = half_width(seconds)
        if (
            len(seconds) >= fewest
            and width is not None
            and width <= sampling.target_precision
            and len(seconds) >= FIRST_LOOK
        ):
            break
        look = max(look + 1, int(look * GROWTH)) if len(seconds) >= look else look
    flags = () if steady else ("not_steady",)
    width = half_width(seconds)
    if width is None or width > sampling.target_precision:
        flags += ("capped",)
    return Sampled(seconds=tuple(seconds), warmup_calls=len(warm), flags=flags)


def _warm_up(time_calls: TimeCalls, sampling: Sampling, first_call_s: float) -> tuple[list[float], float, bool]:
    """(Times of the warm-up calls, their sum, whether the last two blocks agreed)."""
    times = list(time_calls(max(1, sampling.warmup_calls)))
    most_s = sampling.case_budget_s * sampling.warmup_share - first_call_s
    while True:
        latest, before = times[-BLOCK:], times[-2 * BLOCK : -BLOCK]
        if len(before) == BLOCK:
            centre = median(latest)
            deviation = median([abs(one - centre) for one in latest])
            if abs(centre - median(before)) <= max(STEADY_SHARE * centre, 2 * deviation):
                return times, sum(times), True
        step_s = median(latest)
        if sum(times) + BLOCK * step_s > most_s:
            return times, sum(times), False
        times += time_calls(BLOCK)
