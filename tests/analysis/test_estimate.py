"""Intervals cover what they say, and what cannot be known is None."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lambdabench.analysis import estimate
from lambdabench.analysis.estimate import (
    Estimate,
    combine,
    half_width,
    median,
    median_interval,
    pool_spread,
    ratio,
    variance_inflation,
)


def test_under_six_samples_there_is_no_interval() -> None:
    assert median_interval([1.0] * 5) is None
    assert median_interval([1, 2, 3, 4, 5, 6]) == (1, 6)


@given(st.lists(st.floats(0.1, 10), min_size=6, max_size=60))
def test_the_interval_holds_the_median(samples: list[float]) -> None:
    interval = median_interval(samples)
    assert interval is not None
    assert interval[0] <= median(samples) <= interval[1]


@pytest.mark.parametrize("count", [6, 9, 24, 50])
def test_the_interval_of_independent_samples_is_that_of_scipys_quantile_test(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "variance_inflation", lambda _: 1.0)
    samples = [random.Random(number).random() for number in range(count)]
    theirs = stats.quantile_test(samples, p=0.5).confidence_interval(0.95)
    assert median_interval(samples) == (theirs.low, theirs.high)


def test_the_interval_covers_the_median_of_a_skewed_distribution_as_often_as_it_says() -> None:
    draw = random.Random(0)
    hits = 0
    for _ in range(1000):
        low, high = median_interval([draw.expovariate(1.0) for _ in range(25)]) or (1, 0)
        hits += low <= math.log(2) <= high
    assert hits / 1000 > 0.93


def follow(draw: random.Random, count: int, like: float) -> list[float]:
    """Samples with median 0, each so much like the one before (an autoregression of first order)."""
    values = [draw.gauss(0, 1)]
    while len(values) < count:
        values.append(like * values[-1] + math.sqrt(1 - like**2) * draw.gauss(0, 1))
    return values


@pytest.mark.parametrize(
    ("like", "count", "least"), [(0.0, 40, 0.93), (0.3, 40, 0.92), (0.6, 40, 0.87), (0.6, 200, 0.90)]
)
def test_calls_that_are_like_the_one_before_tell_less(like: float, count: int, least: float) -> None:
    draw = random.Random(1)
    intervals = [median_interval(follow(draw, count, like)) or (1, 0) for _ in range(400)]
    assert sum(low <= 0 <= high for low, high in intervals) / 400 > least


def test_the_inflation_is_that_of_an_autoregressions_signs() -> None:
    draw = random.Random(2)
    assert variance_inflation([draw.gauss(0, 1) for _ in range(4000)]) == pytest.approx(1.0, abs=0.25)
    signs = [
        2 / math.pi * math.asin(0.6**lag) for lag in range(1, 60)
    ]  # autocorrelation of the signs of a Gaussian process
    assert variance_inflation(follow(draw, 4000, 0.6)) == pytest.approx(1 + 2 * sum(signs), rel=0.25)
    assert variance_inflation([1.0, 2.0] * 5) == 1.0, "too few"
    assert variance_inflation([1.0] * 50) == 1.0
    assert median_interval(list(range(40))) == (0, 39), "a drift is all that is known"


def test_spread_between_processes_is_pooled_on_the_log_scale() -> None:
    spread = pool_spread([[1.0, 1.1], [10.0, 11.0], [5.0]])
    assert spread is not None
    assert spread.dof == 2
    assert spread.log_sd == pytest.approx(math.log(1.1) / math.sqrt(2))
    assert pool_spread([[1.0], [2.0]]) is None


def test_the_spread_widens_the_estimate_and_is_named() -> None:
    alone = combine([1.0], [(0.99, 1.01)], spread=None, samples=9)
    wider = combine([1.0], [(0.99, 1.01)], spread=pool_spread([[1.0, 1.1, 1.05]]), samples=9)
    assert alone is not None
    assert wider is not None
    assert alone.covers == "one process"
    assert wider.covers == "between processes"
    assert wider.low < alone.low < 1 < alone.high < wider.high
    assert combine([1.0], [None], spread=None, samples=2) is None


def test_a_ratio_of_equal_estimates_is_one_with_a_wider_interval() -> None:
    item = Estimate(value=2.0, low=1.9, high=2.1, confidence=0.95, samples=9, processes=1, covers="one process")
    result = ratio(item, item)
    assert result.value == 1
    assert result.low < 1.9 / 2
    assert result.high > 2.1 / 2


def test_more_processes_tell_more_by_the_root_of_their_number() -> None:
    spread = pool_spread([[1.0, 1.1, 1.05], [2.0, 2.1]])
    item, four = (combine([1.0] * count, [], spread=spread, samples=9) for count in (1, 4))
    assert item is not None
    assert four is not None
    assert spread is not None
    assert math.log(item.high) == pytest.approx(stats.t.ppf(0.975, spread.dof) * spread.log_sd)
    assert math.log(item.high) == pytest.approx(2 * math.log(four.high))
    within = combine([1.0] * 4, [(0.98, 1.02)] * 4, spread=None, samples=9)
    assert within is not None
    assert math.log(within.high) == pytest.approx(math.log(1.02 / 0.98) / 2 / 2)
    both = combine([1.0] * 4, [(0.98, 1.02)] * 4, spread=spread, samples=9)
    assert both is not None
    assert math.log(both.high) == pytest.approx(math.hypot(math.log(four.high), math.log(within.high)))


def test_the_centre_of_processes_is_their_geometric_mean() -> None:
    result = combine([1.0, 2.0, 4.0], [(0.9, 1.1)] * 3, spread=None, samples=9)
    assert result is not None
    assert result.value == pytest.approx(2.0)


def test_half_a_width_is_a_share_of_the_median() -> None:
    assert half_width([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx((6 - 1) / 2 / 3.5)
    assert half_width([-3.0] * 6) == 0.0
    assert half_width([0.0] * 6) is None
    assert half_width([1.0] * 5) is None
    assert half_width([]) is None
