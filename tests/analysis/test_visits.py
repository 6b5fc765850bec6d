"""A run's visits as levels of cases, what rounds have in common, and what disturbed a visit."""

import dataclasses
import math

import numpy as np
import pytest

from lambdabench.analysis.visits import Visit, by_process, fit, steady

NAMES = ("a", "b", "c", "d")


def run(rounds: int = 12, *, sd: float = 0.0, levels: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0)) -> list[Visit]:
    """Three processes; the rounds go up and down by 10 %."""
    draw = np.random.default_rng(0)
    return [
        Visit(
            case=name,
            round_=number,
            process=number * 3 // rounds,
            log_value=level + 0.1 * math.sin(number) + sd * draw.standard_normal(),
        )
        for number in range(rounds)
        for name, level in zip(NAMES, levels, strict=True)
    ]


def changed(visits: list[Visit], case: str, round_: int, more: float) -> list[Visit]:
    return [
        Visit(case=visit.case, round_=visit.round_, process=visit.process, log_value=visit.log_value + more)
        if (visit.case, visit.round_) == (case, round_)
        else visit
        for visit in visits
    ]


def test_what_a_round_has_in_common_is_told_from_the_level_of_a_case() -> None:
    result = fit(run())
    wave = np.array([0.1 * math.sin(number) for number in range(12)])
    assert result.common == pytest.approx(wave - wave.mean())
    assert (result.undisturbed() - result.common).std(axis=1) == pytest.approx(0.0, abs=1e-12)
    assert [result.disturbed(name) for name in NAMES] == [0] * 4


def test_a_visit_that_a_burst_met_is_told_as_disturbed_and_moves_nothing() -> None:
    result = fit(changed(changed(run(sd=0.01), "b", 3, math.log(2)), "b", 7, math.log(1.5)))
    assert [result.disturbed(name) for name in NAMES] == [0, 2, 0, 0]
    quiet = fit(run(sd=0.01))
    assert result.common == pytest.approx(quiet.common, abs=0.004)


def test_two_bursts_among_three_visits_of_a_process_are_told_from_a_slow_process() -> None:
    """Visits near what the case is elsewhere are the ones to believe; where none is, the process is another speed."""
    visits = run(9, sd=0.005)
    two = fit(changed(changed(visits, "c", 3, 0.7), "c", 4, 0.7))
    assert two.disturbed("c") == 2
    slow = fit(slower(visits))
    assert slow.disturbed("c") == 0


def slower(visits: list[Visit]) -> list[Visit]:
    for number in (3, 4, 5):
        visits = changed(visits, "c", number, 0.3)
    return visits


def test_cases_that_missed_rounds_are_compared_where_they_were() -> None:
    """Heats that share one case: what the machine was in a heat is no property of its cases."""
    slow = dict.fromkeys(range(6, 12), 0.2)
    visits = [
        Visit(case=name, round_=number, process=number // 2, log_value=level + slow.get(number, 0.0))
        for number in range(12)
        for name, level in {"a": 0.0, **({"b": 1.0} if number < 6 else {"c": 1.0})}.items()
    ]
    result = fit(visits)
    clean = result.undisturbed() - result.common
    levels = [float(np.nanmean(item)) for item in clean]
    assert levels[1] - levels[0] == pytest.approx(1.0)
    assert levels[2] - levels[0] == pytest.approx(1.0)
    assert np.isnan(result.values).sum() == 12


def test_a_lone_case_has_no_rounds_to_compare_and_no_visits_are_an_error() -> None:
    result = fit([visit for visit in run() if visit.case == "a"])
    assert result.common.tolist() == [0.0] * 12
    with pytest.raises(ValueError, match="no visits"):
        fit([])


def test_processes_of_a_case_are_told_apart() -> None:
    logs = np.array([1.0, np.nan, 3.0, 5.0, 5.0])
    first, second = by_process(logs, np.array([0, 0, 0, 1, 1]))
    assert (first.mean, first.visits, first.squares) == (2.0, 2, 2.0)
    assert (second.mean, second.visits, second.squares) == (5.0, 2, 0.0)


def test_a_drift_is_followed_and_its_middle_told() -> None:
    draw = np.random.default_rng(0)
    line = np.linspace(0.0, 0.2, 24) + 0.002 * draw.standard_normal(24)
    line[5] += 0.7
    middle, away, spent = steady(line)
    assert middle == pytest.approx(0.1, abs=0.002)
    assert (len(away), spent) == (23, 2)
    level = 0.01 * draw.standard_normal(24)
    assert steady(level)[2] == 1
    assert steady(level)[0] == pytest.approx(level.mean())


def test_visits_that_other_programs_met_are_set_aside_by_their_passports() -> None:
    """Four of nine visits, whose values alone look like another speed of the second process."""
    met = {(3, 1), (4, 1), (5, 1), (6, 0)}
    levels = {"a": 0.0, "b": 0.5}
    run = [
        Visit(case=case, round_=number, process=number // 3, log_value=level + is_met, lost=0.3 * is_met)
        for place, (case, level) in enumerate(levels.items())
        for number in range(9)
        for is_met in [(number, place) in met]
    ]
    result = fit(run)
    assert [result.disturbed(case) for case in "ab"] == [1, 3]
    assert float(np.nanmean(result.undisturbed()[1])) == pytest.approx(0.5)


def test_where_most_visits_were_disturbed_a_shared_machine_is_what_was_measured() -> None:
    run = [
        Visit(case=case, round_=number, process=number // 3, log_value=0.01 * number, lost=0.4 if number < 7 else 0.0)
        for case in "ab"
        for number in range(9)
    ]
    result = fit(run)
    assert result.kept.all()
    lone = fit(
        [dataclasses.replace(visit, lost=visit.lost if visit.case == "b" or visit.round_ < 2 else 0.0) for visit in run]
    )
    assert lone.kept.sum(axis=1).tolist() == [7, 9], "a case keeps what it has where too little would be left"


def test_of_a_visit_that_was_made_again_the_less_disturbed_counts() -> None:
    def value(*lost: float) -> float:
        visits = [
            Visit(case="a", round_=1, process=0, log_value=float(number), lost=value)
            for number, value in enumerate(lost)
        ]
        return float(fit(visits).values[0, 0])

    assert value(0.4, 0.0) == 1.0
    assert value(0.4, 0.5) == 0.0
    assert value(0.01, 0.02) == 1.0, "neither was disturbed: the later one"
