"""The interval of an accuracy that was measured in several trainings on the same test images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lambdabench.analysis.wilson import mean_share, wilson


@pytest.mark.parametrize(("right", "images"), [(870, 899), (0, 50), (50, 50), (1, 3)])
def test_one_share_has_wilsons_interval(right: int, images: int) -> None:
    mean, low, high = mean_share([right / images], images)
    reference = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert mean == right / images
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_shares_that_differ_widen_it_as_students_t_has_it() -> None:
    shares, images = [0.95, 0.96, 0.97, 0.98], 10**9  # of so many images nothing is left of the first part
    mean, low, high = mean_share(shares, images)
    reference = stats.t.interval(0.95, 3, loc=np.mean(shares), scale=stats.sem(shares))
    assert mean == pytest.approx(0.965)
    assert (low, high) == pytest.approx(reference, rel=1e-3)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(1, 5000))
def test_it_holds_the_mean_and_both_parts_and_stays_a_share(shares: list[float], images: int) -> None:
    mean, low, high = mean_share(shares, images)
    bottom, top = wilson(round(np.mean(shares) * images), images)
    slack = 1e-9
    assert -slack <= low <= min(mean, bottom) + slack
    assert max(mean, top) - slack <= high <= 1 + slack


@pytest.mark.parametrize(("seeds", "spread"), [(3, 0.01), (5, 0.004), (5, 0.02), (10, 0.01)])
def test_nineteen_of_twenty_hold_the_truth(seeds: int, spread: float) -> None:
    """Images of which each has its own difficulty, that all trainings share; trainings of which each is better or worse on all."""
    random, images, truth, held, runs = np.random.default_rng(seeds), 899, 0.96, 0, 800
    for _ in range(runs):
        hard = random.random(images)  # one image is always told wrongly, another never
        level = truth + spread * random.standard_normal(seeds)
        shares = [float((hard < item).mean()) for item in level]
        _, low, high = mean_share(shares, images)
        held += low <= truth <= high
    assert 0.935 <= held / runs <= 0.995
