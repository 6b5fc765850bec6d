"""What a short run foresees of a longer one is what longer ones come to, on average, by the intervals that they print."""

import math

import numpy as np
import pytest

from lambdabench.analysis import rounds
from lambdabench.analysis.projected_precision import Length, margin, scatter
from lambdabench.analysis.visits import Fit, Visit, fit

LONG = Length(rounds=9, processes=3, cases=24)


def simulated(random: np.random.Generator, cases: int, visit_sd: float, process_sd: float) -> Fit:
    """Nine rounds in three generations, with what a round has in common on top."""
    visits: list[Visit] = []
    levels, common = random.normal(0, 1, cases), random.normal(0, 0.05, 9)
    processes = random.normal(0, process_sd, (cases, 3))
    for round_ in range(9):
        for case in range(cases):
            value = levels[case] + processes[case, round_ // 3] + common[round_] + random.normal(0, visit_sd)
            visits.append(Visit(case=str(case), round_=round_, process=round_ // 3, log_value=float(value)))
    return fit(visits)


@pytest.mark.parametrize(("visit_sd", "process_sd"), [(0.03, 0.0), (0.03, 0.02), (0.01, 0.03)])
def test_three_cases_foresee_the_intervals_of_twenty_four(visit_sd: float, process_sd: float) -> None:
    random = np.random.default_rng(7)
    logs: list[float] = []
    for _ in range(60):
        result = scatter(simulated(random, 3, visit_sd, process_sd))
        assert result is not None
        logs.append(math.log(margin(result, LONG)))
    printed: list[float] = []
    for _ in range(10):
        ratios = rounds.paired(simulated(random, 24, visit_sd, process_sd), "0")
        printed.append(float(np.median([math.log(ratio.high / ratio.low) / 2 for ratio in ratios.values()])))
    assert np.median(logs) == pytest.approx(np.mean(printed), rel=0.25)


def test_longer_runs_know_more() -> None:
    result = scatter(simulated(np.random.default_rng(3), 3, 0.03, 0.01))
    assert result is not None
    usual = margin(result, LONG)
    assert margin(result, Length(rounds=36, processes=3, cases=24)) < usual
    assert margin(result, Length(rounds=36, processes=12, cases=24)) < margin(
        result, Length(rounds=36, processes=3, cases=24)
    )
    assert usual < margin(result, Length(rounds=9, processes=3, cases=2)), (
        "few cases tell little of how processes differ"
    )


def test_one_process_or_one_visit_each_tells_nothing() -> None:
    alone = [Visit(case=case, round_=number, process=0, log_value=0.0) for case in "ab" for number in range(9)]
    once = [Visit(case=case, round_=number, process=number, log_value=0.0) for case in "ab" for number in range(3)]
    assert scatter(fit(alone)) is None
    assert scatter(fit(once)) is None
