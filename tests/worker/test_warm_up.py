"""When a case is warm, on scripted call times."""

import itertools
from collections.abc import Iterator, Sequence

import pytest

from lambdabench.analysis.estimate import median
from lambdabench.core.spec import Sampling
from lambdabench.worker.warm_up import LEAST_S, MOST_RISE_S, cold_calls, warm_up


class Script:
    """Call times from an iterator; remembers how many calls were made."""

    def __init__(self, times: Iterator[float]) -> None:
        self.times, self.calls = times, 0

    def __call__(self, count: int) -> Sequence[float]:
        self.calls += count
        return list(itertools.islice(self.times, count))


def test_first_slow_calls_are_warmed_away() -> None:
    script = Script(itertools.chain([0.03, 0.02, 0.015], itertools.repeat(0.01)))
    times, spent_s, steady = warm_up(script, Sampling(warmup_calls=3), 0.03)
    assert steady
    assert len(times) == script.calls >= 10
    assert spent_s == sum(times)


def test_times_that_never_settle_are_not_steady_and_cost_a_share_of_the_budget() -> None:
    drifting = Script(0.01 * 1.1**index for index in itertools.count())
    _, spent_s, steady = warm_up(drifting, Sampling(case_budget_s=2.0, warmup_share=0.3), 0.01)
    assert not steady
    assert spent_s < 0.6


def test_a_step_longer_than_the_budget_is_warmed_by_the_fewest_calls() -> None:
    times, _, steady = warm_up(Script(itertools.repeat(7.0)), Sampling(case_budget_s=5.0, warmup_calls=2), 7.0)
    assert (times, steady) == ([7.0, 7.0], False)


class RisingClock:
    """A GPU that idled: its clock rises from 0.6 to 1 of its own within a second of work. A call takes `step_s` at the full clock."""

    def __init__(self, step_s: float) -> None:
        self.step_s, self.worked_s = step_s, 0.0

    def __call__(self, count: int) -> Sequence[float]:
        seconds: list[float] = []
        for _ in range(count):
            seconds.append(self.step_s / min(1.0, 0.6 + 0.4 * self.worked_s))
            self.worked_s += seconds[-1]
        return seconds


@pytest.mark.parametrize("step_s", [30e-6, 100e-6, 20e-3])
def test_a_visit_of_a_gpu_that_idled_is_timed_at_the_clock_that_it_keeps(step_s: float) -> None:
    """Reported 1.67 times too slow after ten warm-up calls, two blocks of which had agreed."""
    clock = RisingClock(step_s)
    cold = cold_calls(clock, 0.3, rises=True)
    assert median(clock(20)) == pytest.approx(step_s, rel=0.03)
    assert sum(cold) < MOST_RISE_S + 0.7


def test_a_clock_that_stays_takes_no_longer_than_caches_do() -> None:
    values = cold_calls(Script(itertools.repeat(0.01)), 0.3, rises=True)
    assert len(values) in (30, 31)
    assert len(cold_calls(RisingClock(0.01), 0.3)) < 30, "nor one of a device whose clock is its own"


def test_a_gpu_is_warm_after_seconds_and_not_after_calls() -> None:
    _, spent_s, steady = warm_up(Script(itertools.repeat(30e-6)), Sampling(), 0.01, rises=True)
    assert steady
    assert LEAST_S[True] <= spent_s < 2 * LEAST_S[True]
    assert len(warm_up(Script(itertools.repeat(30e-6)), Sampling(), 0.01)[0]) < 20
    assert len(warm_up(Script(itertools.repeat(7.0)), Sampling(case_budget_s=5.0), 7.0, rises=True)[0]) < 10
