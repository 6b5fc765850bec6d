"""Where the level of a history last changed: by steps that matter, not by noise, outliers or nothing at all."""

import itertools
import math
import random
import statistics

import numpy
import pytest

from lambdabench.analysis.change_point import PENALTY, SHORTEST, level_starts, since_change

LEAST = 0.02


def noisy(count: int, level: float = 0.0, seed: int = 0, sd: float = 0.009) -> list[float]:
    source = random.Random(f"{seed} {level}")
    return [level + source.gauss(0, sd) for _ in range(count)]


def test_exact_steps_are_found() -> None:
    assert level_starts([0.0] * 40 + [-0.2] * 20) == [0, 40]
    assert level_starts([0.0] * 5 + [1.0] * 3 + [0.0] * 4) == [0, 5, 8]
    assert since_change([0.0] * 5 + [1.0] * 3 + [0.0] * 4, LEAST) == 8
    assert level_starts([3.0] * 30) == [0]


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 3 + [2.0] * 2])
def test_too_few_values_have_one_level(values: list[float]) -> None:
    assert since_change(values, LEAST) == 0


def test_noise_has_no_change_and_five_percent_has_one() -> None:
    for seed in range(20):
        assert since_change(noisy(64, seed=seed), LEAST) == 0
        assert abs(since_change([*noisy(40, seed=seed), *noisy(5, -0.05, seed)], LEAST) - 40) <= 1


def test_changes_that_do_not_matter_are_none() -> None:
    assert len(level_starts([*noisy(30, sd=0.001), *noisy(30, 0.01, sd=0.001)])) == 2
    assert since_change([*noisy(30, sd=0.001), *noisy(30, 0.01, sd=0.001)], LEAST) == 0


def test_an_outlier_is_no_level() -> None:
    values = noisy(40)
    values[20] += 0.4
    values[-1] += 0.4
    assert since_change(values, LEAST) == 0


def zigzag(count: int, level: float = 0.0) -> list[float]:
    """Neighbours differ by 0.02 each: a standard deviation of 1.4826 x 0.02 over the root of 2, 2.1 %."""
    return [level + 0.01 * (-1) ** number for number in range(count)]


@pytest.mark.parametrize("count", [10, 20, 40])
def test_a_change_costs_its_penalty_in_standard_deviations(count: int) -> None:
    """Of two levels of n values that lie d apart, one level has n (d - 0.02) more of distances."""
    sd = 1.4826 * 0.02 / 2**0.5
    price = PENALTY * math.log(2 * count) * sd
    for share, starts in ((0.9, [0]), (1.1, [0, count])):
        apart = 0.02 + share * price / count
        values = [*zigzag(count), *zigzag(count, apart)]
        saved = distances(values) - distances(values[:count]) - distances(values[count:])
        assert share - 0.1 < saved / price < share + 0.1, "the example is what it is meant to be"
        assert level_starts(values) == starts


def distances(values: list[float]) -> float:
    middle = statistics.median(values)
    return sum(abs(value - middle) for value in values)


@pytest.mark.parametrize("seed", range(60))
def test_ruptures_finds_the_same_levels(seed: int) -> None:
    ruptures = pytest.importorskip("ruptures", reason="there is no build of ruptures for this Python")
    source = random.Random(seed)
    values = noisy(source.randrange(6, 65), seed=seed)
    for _ in range(source.randrange(4)):
        place, step = source.randrange(len(values)), source.choice([0.02, 0.05, -0.05, 0.1])
        values = [*values[:place], *(value + step for value in values[place:])]
    steps = [abs(after - before) for before, after in itertools.pairwise(values)]
    penalty = PENALTY * math.log(len(values)) * 1.4826 * statistics.median(steps) / math.sqrt(2)
    theirs = ruptures.Pelt(model="l1", min_size=SHORTEST, jump=1).fit(numpy.array(values)).predict(pen=penalty)
    assert [*level_starts(values), len(values)] == [0, *theirs]
