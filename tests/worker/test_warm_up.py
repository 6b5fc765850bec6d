"""When a case is warm, on scripted call times."""

import itertools
from collections.abc import Iterator, Sequence

from lambdabench.core.spec import Sampling
from lambdabench.worker.warm_up import warm_up


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
