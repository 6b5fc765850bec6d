"""When a speed has risen, and what is kept of its best, on made-up calls."""

import itertools
import random
from collections.abc import Callable

import pytest

from lambdabench.prove.settling import Settled, settled, windows

CALL_S, LOAD_S = 0.002, 6.0


def load(speed: Callable[[float], float], scatter: float = 0.0, seed: int = 0) -> list[float]:
    """Calls for `LOAD_S`; `speed` of the seconds of load, of its own."""
    seconds, spent_s, noise = list[float](), 0.0, random.Random(seed)
    while spent_s < LOAD_S:
        seconds.append(CALL_S / speed(spent_s) * noise.lognormvariate(0, scatter))
        spent_s += seconds[-1]
    return seconds


def found(speed: Callable[[float], float], scatter: float = 0.0, seed: int = 0) -> Settled:
    result = settled(load(speed, scatter, seed))
    assert result is not None
    return result


@pytest.mark.parametrize("rise_s", [0.05, 0.3, 1.5])
def test_a_clock_has_risen_where_it_is_within_a_twentieth(rise_s: float) -> None:
    result = found(lambda spent_s: min(1.0, 0.6 + 0.4 * spent_s / rise_s), scatter=0.01)
    assert result.risen_s == pytest.approx(0.35 / 0.4 * rise_s, abs=0.015 + 0.04 * rise_s)
    assert result.kept == pytest.approx(1.0, abs=0.01)
    assert result.call_s == pytest.approx(CALL_S, rel=0.01)


def test_a_boost_that_ends_has_risen_at_once_and_is_told_apart() -> None:
    result = found(lambda spent_s: 1.25 if spent_s < 2 else 1.0)
    assert (result.risen_s, result.kept) == (0.0, pytest.approx(0.8))
    assert result.steady_s == pytest.approx(2.0, abs=0.02)


def test_a_burst_of_others_is_no_clock() -> None:
    result = found(lambda spent_s: 0.5 if 3 < spent_s < 3.2 else 1.0)
    assert (result.risen_s, result.steady_s, result.kept) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("seed", range(20))
def test_what_scatters_widely_has_not_risen_later_for_it(seed: int) -> None:
    assert found(lambda _: 1.0, scatter=0.15, seed=seed).risen_s <= 0.04


def test_a_speed_that_never_stays_has_risen_at_the_end_of_the_load() -> None:
    # every third window of the second half is slow: too many for bursts, too few to be the speed
    slow = itertools.cycle([1.0] * 10 + [0.5] * 5)
    result = found(lambda _: next(slow))
    assert result.risen_s > 0.8 * LOAD_S


def test_windows_are_of_calls_enough_and_seconds_enough() -> None:
    assert [window.ended_s for window in windows([1.0] * 11, 0.01)] == [5.0, 10.0]
    assert [len(windows([0.001] * 95, least_s)) for least_s in (0.0099, 0.0901)] == [9, 1]
    assert settled([1.0] * 45) is None
