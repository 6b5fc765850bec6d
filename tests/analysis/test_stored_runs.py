"""Two stored runs: what all share is no change of each, equal code is seldom told apart, and a real change of two times is."""

import math
import random
from collections.abc import Callable

import pytest

from lambdabench.analysis.judge import holm
from lambdabench.analysis.stored_runs import ALPHA, DOF, PROCESS_LOG_SD, STATS, own_changes

PAIRS, COUNT, ERROR = 200, 50, 0.004


def alike(draw: random.Random) -> float:
    return draw.gauss(0, PROCESS_LOG_SD)


def unlike(draw: random.Random) -> float:
    """Most kernels differ little between processes, some much."""
    return draw.gauss(0, 0.025 * math.exp(draw.gauss(0, 0.5)))


def two_speeds(draw: random.Random) -> float:
    """By where memory lies, a fifth of them."""
    jump = draw.choice((0.0, 0.1)) - draw.choice((0.0, 0.1)) if draw.random() < 0.2 else 0.0
    return jump + draw.gauss(0, 0.02)


def files(
    draw: random.Random, between: Callable[[random.Random], float], count: int = COUNT, shared_sd: float = 0.1
) -> list[float]:
    """Log ratios of equal benchmarks in two files of one machine."""
    shared = draw.gauss(0, shared_sd)
    return [shared + between(draw) + draw.gauss(0, ERROR) for _ in range(count)]


@pytest.mark.parametrize("between", [alike, unlike, two_speeds])
@pytest.mark.parametrize("shared_sd", [0.0, 0.05, 0.1])
def test_equal_code_is_told_apart_in_at_most_one_file_of_twenty(
    between: Callable[[random.Random], float], shared_sd: float
) -> None:
    draw, wrong = random.Random(3), 0
    for _ in range(PAIRS):
        _, own = own_changes(files(draw, between, shared_sd=shared_sd), [ERROR] * COUNT)
        wrong += any(item.told for item in own)
    assert wrong <= 0.05 * PAIRS


@pytest.mark.parametrize("changed", [1, 10, 16])
def test_two_times_is_told_and_nothing_else(changed: int) -> None:
    draw, name, wrong = random.Random(4), 0, 0
    for _ in range(40):
        logs = files(draw, unlike)
        logs[:changed] = [log + math.log(2) * (-1) ** number for number, log in enumerate(logs[:changed])]
        _, own = own_changes(logs, [ERROR] * COUNT)
        name += sum(item.told and (item.log > 0) == (number % 2 == 0) for number, item in enumerate(own[:changed]))
        wrong += any(item.told for item in own[changed:])
    assert name == 40 * changed
    assert wrong <= 3


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10])
def test_few_benchmarks_cannot_tell_what_they_share_and_err_no_more_for_that(count: int) -> None:
    draw = random.Random(5)
    wrong = [
        any(own_change.told for own_change in own_changes(files(draw, alike, count), [ERROR] * count)[1])
        for _ in range(PAIRS)
    ]
    assert sum(wrong) <= 0.05 * PAIRS
    if count < 3:
        assert own_changes([math.log(2), *[0.0] * (count - 1)], [ERROR] * count)[1][0].told


def test_what_all_share_is_no_change_of_each() -> None:
    shared, own = own_changes([0.3] * 50, [ERROR] * 50)
    assert shared == pytest.approx(0.3)
    assert {item.log for item in own} == {0.0}
    shared, own = own_changes([0.3], [ERROR])
    assert (shared, own[0].log, own[0].told) == (0.0, 0.3, True), "one benchmark shares nothing with another"
    assert not own_changes([0.2], [ERROR])[1][0].told, "a machine's two runs differ by as much"
    assert own_changes([], []) == (0.0, ())


def test_a_finding_is_what_its_interval_says_and_holms() -> None:
    logs = [0.0] * 30 + [0.21, 0.25, -0.5, 0.15, 0.12]
    _, own = own_changes(logs, [0.0] * 35)
    sd = math.sqrt(PROCESS_LOG_SD**2 + 1 / (100 + 34 / (math.pi / 2 * PROCESS_LOG_SD**2)))
    p_values = [2 * float(STATS.t.sf(abs(log) / sd, DOF)) for log in logs]
    assert [item.told for item in own] == list(holm(p_values, ALPHA)) == [False] * 30 + [True, True, True, False, False]
    assert own[32].high + 0.5 == pytest.approx(sd * float(STATS.t.isf(ALPHA / 35 / 2, DOF)))
    assert own[0].high == pytest.approx(sd * float(STATS.t.isf(ALPHA / 32 / 2, DOF)))


def test_processes_that_differ_more_than_is_known_tell_less() -> None:
    draw = random.Random(6)
    calm = [draw.gauss(0, 0.01) for _ in range(40)]
    wild = [draw.gauss(0, 0.1) for _ in range(40)]
    narrow, wide = (own_changes(logs, [0.0] * 40)[1][0] for logs in (calm, wild))
    assert (wide.high - wide.low) > 2.5 * (narrow.high - narrow.low)
    noisy = own_changes(calm, [0.1, *[0.0] * 39])[1]
    assert noisy[0].high - noisy[0].low > 2 * (noisy[1].high - noisy[1].low), "its own rounds say little"


def test_a_spread_of_few_benchmarks_has_few_degrees_of_freedom() -> None:
    logs = [-0.3, -0.2, -0.1, 0.1, 0.2, 0.3]
    spread = 1.4826 * 0.2
    sd = math.sqrt(spread**2 + 1 / (100 + 5 / (math.pi / 2 * spread**2)))
    _, own = own_changes(logs, [0.0] * 6)
    assert own[5].high - own[5].log == pytest.approx(sd * float(STATS.t.isf(ALPHA / 6 / 2, 3)))
