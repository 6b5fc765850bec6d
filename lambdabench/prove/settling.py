"""When a device that rested has the speed that it keeps, and how much of its best that is, from seconds of equal calls: pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..analysis.estimate import median

WITHIN = 0.05
"""Of the speed that is kept: closer is the same."""
DEVIATIONS = 3.0
"""Where windows scatter by more than that, so many of their median deviations: 95 % of normal ones."""
OUTSIDE = 0.1
"""Of the windows from there on at most: others' bursts are no clock."""
WINDOW_S, WINDOW_CALLS = 0.01, 5
"""At least: a centre of fewer calls is one call's, and windows of a device's cold calls are still several."""
SPAN_S = 0.25
"""The best is what was kept up for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Calls in a row: the seconds of load before and with them, and the median seconds of one."""

    begun_s: float
    ended_s: float
    call_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """After `risen_s` of load the speed is no slower than it stays, and after `steady_s` no faster either; `kept` [0, 1] of the best; a
    call takes `call_s` in the end."""

    risen_s: float
    steady_s: float
    kept: float
    call_s: float
    windows: tuple[Window, ...]


def settled(seconds: Sequence[float]) -> Settled | None:
    """Of calls from rest on, whose speed stays that of their second half; None where they are too few for ten windows."""
    found = windows(seconds, WINDOW_S)
    if len(found) < 1 / OUTSIDE:
        return None
    later = [window.call_s for window in found[len(found) // 2 :]]
    call_s = median(later)
    width_s = max(WITHIN * call_s, DEVIATIONS * median([abs(each - call_s) for each in later]))
    best_s = min((window.call_s for window in windows(seconds, SPAN_S)), default=call_s)
    return Settled(
        risen_s=_until(found, [window.call_s > call_s + width_s for window in found]),
        steady_s=_until(found, [abs(window.call_s - call_s) > width_s for window in found]),
        kept=min(1.0, best_s / call_s),
        call_s=call_s,
        windows=found,
    )


def windows(seconds: Sequence[float], least_s: float) -> tuple[Window, ...]:
    """Calls by windows of at least so many seconds; what is left at the end is none."""
    found, begun_s, spent_s, start = list[Window](), 0.0, 0.0, 0
    for number, call_s in enumerate(seconds, 1):
        spent_s += call_s
        if spent_s - begun_s >= least_s and number - start >= WINDOW_CALLS:
            found.append(Window(begun_s=begun_s, ended_s=spent_s, call_s=median(seconds[start:number])))
            begun_s, start = spent_s, number
    return tuple(found)


def _until(found: Sequence[Window], outside: Sequence[bool]) -> float:
    """Seconds before the first window that is not outside, and from which on few are; all of them where there is none."""
    left = sum(outside)
    for place, is_outside in enumerate(outside):
        if not is_outside and left <= OUTSIDE * (len(outside) - place):
            return found[place].begun_s
        left -= is_outside
    return found[-1].ended_s
