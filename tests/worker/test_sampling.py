"""When warming up and sampling end, on scripted call times."""

import itertools
import random
from collections.abc import Iterator, Sequence

from lambdabench.core.spec import Sampling
from lambdabench.worker.sampling import FEWEST, FIRST_LOOK, MOST, sample


class Script:
    """Call times from an iterator; remembers how many calls were made."""

    def __init__(self, times: Iterator[float]) -> None:
        self.times, self.calls = times, 0

    def __call__(self, count: int) -> Sequence[float]:
        self.calls += count
        return list(itertools.islice(self.times, count))


def constant(seconds: float) -> Script:
    return Script(itertools.repeat(seconds))


def noisy(seconds: float, relative: float) -> Script:
    source = random.Random(0)
    return Script(seconds * (1 + relative * source.uniform(-1, 1)) for _ in itertools.count())


def test_calls_of_equal_length_stop_at_the_first_look() -> None:
    found = sample(constant(0.01), Sampling(), first_call_s=0.01)
    assert found.seconds == (0.01,) * FIRST_LOOK
    assert found.flags == ()


def test_first_slow_calls_are_warmed_away() -> None:
    script = Script(itertools.chain([0.03, 0.02, 0.015], itertools.repeat(0.01)))
    found = sample(script, Sampling(warmup_calls=3), first_call_s=0.03)
    assert found.seconds == (0.01,) * FIRST_LOOK
    assert found.warmup_calls >= 10
    assert script.calls == found.warmup_calls + len(found.seconds)


def test_sampling_goes_on_until_the_interval_is_narrow() -> None:
    found = sample(noisy(0.001, 0.2), Sampling(target_precision=0.02), first_call_s=0.001)
    assert FIRST_LOOK < len(found.seconds) < MOST
    assert "capped" not in found.flags


def test_budget_ends_sampling_and_says_so() -> None:
    found = sample(noisy(0.05, 0.8), Sampling(case_budget_s=3.0, target_precision=0.001), first_call_s=0.05)
    assert sum(found.seconds) < 3.0
    assert "capped" in found.flags


def test_a_spent_budget_still_gives_the_samples_asked_for() -> None:
    found = sample(constant(0.1), Sampling(case_budget_s=1.0, min_samples=9), first_call_s=60.0)
    assert len(found.seconds) == 9


def test_steps_longer_than_the_budget_are_made_often_enough_for_an_interval() -> None:
    found = sample(constant(7.0), Sampling(case_budget_s=5.0, min_samples=20), first_call_s=7.0)
    assert found.seconds == (7.0,) * FEWEST


def test_times_that_never_settle_are_flagged() -> None:
    drifting = Script(0.01 * 1.1**index for index in itertools.count())
    found = sample(drifting, Sampling(case_budget_s=2.0), first_call_s=0.01)
    assert "not_steady" in found.flags


def test_samples_are_bounded_where_precision_is_out_of_reach() -> None:
    sampling = Sampling(case_budget_s=1e9, target_precision=0.0)
    assert len(sample(noisy(0.01, 0.5), sampling, first_call_s=0.01).seconds) == MOST
