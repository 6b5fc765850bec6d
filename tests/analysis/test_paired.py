"""The verdict from calls in turn: equal code is not called slower, a real change is, and looking often is paid for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from lambdabench.analysis import paired


def logs_of(seed: int, change: float, rounds: int = 600, sd: float = 0.02) -> list[float]:
    """Log ratios with heavy tails, as calls on a shared machine have them."""
    noise = stats.t.rvs(3, size=rounds, random_state=seed) * sd
    return (noise + math.log1p(change)).tolist()


def verdict(logs: list[float]) -> str:
    for index, count in enumerate(paired.looks()):
        found = paired.judge(logs[:count], logs[:count], index + 1).finding
        if found != "unclear":
            return found
    return "unclear"


@given(arrays.arrays(np.float64, st.integers(8, 60), elements=st.floats(-1, 1)), st.floats(-0.5, 0.5))
def test_centre_and_interval_move_with_the_numbers(logs: np.ndarray, shift: float) -> None:
    first, moved = paired.centre(logs.tolist(), 0.05), paired.centre((logs + shift).tolist(), 0.05)
    assert moved == pytest.approx([one + shift for one in first], abs=1e-9)
    mirrored = paired.centre((-logs).tolist(), 0.05)
    assert mirrored == pytest.approx((-first[0], -first[2], -first[1]), abs=1e-9)
    assert first[1] <= first[0] <= first[2]


def test_the_interval_is_that_of_signed_ranks() -> None:
    """Where zero is outside the interval, and only there, Wilcoxon's test rejects it at the same level."""
    agree = 0
    for seed in range(200):
        logs = logs_of(seed, 0.01, rounds=30)
        _, low, high = paired.centre(logs, 0.05)
        p = stats.wilcoxon(logs, method="asymptotic", correction=False).pvalue
        agree += (p < 0.05) == (low > 0 or high < 0)
    assert agree >= 195


def test_the_interval_covers() -> None:
    covered = sum(low < 0 < high for _, low, high in (paired.centre(logs_of(one, 0.0, 40), 0.05) for one in range(400)))
    assert covered / 400 > 0.92


def test_too_few_rounds_decide_nothing() -> None:
    assert paired.centre([0.5] * 4, 0.001)[1] == -math.inf


def test_equal_code_is_never_called_slower_and_five_percent_always_is() -> None:
    equal = [verdict(logs_of(seed, 0.0)) for seed in range(150)]
    assert equal.count("slower") + equal.count("faster") <= 1
    assert equal.count("same") > 100
    assert [verdict(logs_of(seed, 0.05)) for seed in range(100)].count("slower") >= 99
    assert [verdict(logs_of(seed, -0.05)) for seed in range(100)].count("faster") >= 99


def test_wall_time_has_a_veto() -> None:
    logs = logs_of(1, 0.1)
    assert paired.judge(logs, [-0.01] * len(logs), 1).finding == "unclear"


def test_one_process_alone_confirms_nothing() -> None:
    slow, equal = logs_of(1, 0.05, 60), logs_of(2, 0.0, 60)
    assert not paired.confirmed([slow, slow, equal])[0]
    holds, p = paired.confirmed([logs_of(seed, 0.06, 100, 0.01) for seed in range(3)])
    assert holds
    assert p < 0.001


def test_holm_steps_down_over_all_cases() -> None:
    assert paired.holm([0.004, 0.0001], 50) == [False, True]
    assert paired.holm([0.004], 2) == [True]
    assert paired.holm([0.004, 0.006], 2) == [True, True]
    assert paired.holm([0.006, 0.006], 2) == [False, False]
    assert paired.holm([], 10) == []
