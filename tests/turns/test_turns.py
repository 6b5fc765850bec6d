"""Order and length of visits."""

import collections
import dataclasses

import pytest

from lambdabench.core.spec import Sampling
from lambdabench.turns import in_turn, schedule, shares
from lambdabench.turns.visit_schedule import ALLOWANCE, LEAST_CALLS, MOST_CALLS, TAIL_S


def test_each_round_visits_every_case_once_in_an_order_of_its_own() -> None:
    cases = [f"case {number}" for number in range(8)]
    rounds = [in_turn(cases, 0, number) for number in range(20)]
    assert all(sorted(names) == cases for names in rounds)
    assert len(set(rounds)) == 20
    assert in_turn(cases, 0, 3) == rounds[3]
    assert in_turn(cases, 1, 3) != rounds[3]


def test_no_case_is_first_more_often_than_chance_has_it() -> None:
    first = collections.Counter(in_turn(range(6), 0, number)[0] for number in range(600))
    assert all(60 <= first[case] <= 145 for case in range(6))  # 100 each; five standard deviations


@pytest.mark.parametrize(
    ("rounds", "generations", "expected"), [(9, 3, (3, 3, 3)), (8, 3, (3, 3, 2)), (2, 3, (1, 1)), (1, 1, (1,))]
)
def test_rounds_are_shared_out_among_generations(rounds: int, generations: int, expected: tuple[int, ...]) -> None:
    assert shares(rounds, generations) == expected


SAMPLING = Sampling(case_budget_s=4.0, min_samples=8, processes=3, rounds=9)


@pytest.mark.parametrize("step_s", [1e-6, 1e-4, 1e-3, 0.02, 0.1, 0.4, 0.9, 1.1, 5.0])
@pytest.mark.parametrize("has_clocks", [False, True])
def test_visits_keep_to_the_time_of_a_case(step_s: float, has_clocks: bool) -> None:
    result = schedule(SAMPLING, step_s, has_clocks=has_clocks)
    assert 3 <= result.rounds <= 9
    visit_s = result.length.cold_s + result.length.timed_s
    cold_s = result.rounds * result.length.cold_s
    most_s = max(
        SAMPLING.case_budget_s, SAMPLING.min_samples * step_s, 3 * (result.length.cold_s + LEAST_CALLS * step_s)
    )
    assert result.rounds * visit_s <= most_s + 1e-9
    assert cold_s <= most_s / 2 + 3 * step_s
    assert result.length.least == LEAST_CALLS
    assert result.length.most == MOST_CALLS


def test_a_quick_step_has_all_its_rounds_and_a_slow_one_a_visit_a_process() -> None:
    assert schedule(SAMPLING, 0.01, has_clocks=False).rounds == 9
    assert schedule(SAMPLING, 5.0, has_clocks=False).rounds == 4
    assert schedule(SAMPLING, 5.0, has_clocks=False).length.cold_s == 0.0


TAIL = 59


@pytest.mark.parametrize("step_s", [1e-6, 1e-3, 0.02, 0.055, 0.2, 0.4])
@pytest.mark.parametrize("has_clocks", [False, True])
def test_a_bound_has_as_many_visits_as_it_takes_calls(step_s: float, has_clocks: bool) -> None:
    result = schedule(dataclasses.replace(SAMPLING, tail_visits=TAIL), step_s, has_clocks=has_clocks)
    assert result.rounds == TAIL
    assert result.calls(step_s) >= ALLOWANCE * TAIL
    assert TAIL * result.visit_s <= TAIL_S


def test_a_step_too_slow_for_so_many_visits_has_fewer_of_more_calls_and_then_what_there_is_time_for() -> None:
    wanted = dataclasses.replace(SAMPLING, tail_visits=299)
    fewer, short = (schedule(wanted, step_s, has_clocks=False) for step_s in (0.2, 0.9))
    assert 9 < fewer.rounds < 299
    assert fewer.calls(0.2) >= 299
    assert short.rounds == 9
    assert 100 < short.calls(0.9) < 299
    for result in (fewer, short):
        assert result.rounds * result.visit_s <= TAIL_S + 1e-9


def test_a_median_needs_no_more_visits_than_there_are() -> None:
    usual = schedule(SAMPLING, 0.01, has_clocks=False)
    assert schedule(dataclasses.replace(SAMPLING, tail_visits=5), 0.01, has_clocks=False) == usual
