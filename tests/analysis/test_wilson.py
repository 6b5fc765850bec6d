"""The interval of a share against Wilson's formula, and where it has no trials."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdabench.analysis.wilson import wilson


def by_formula(count: int, trials: int, confidence: float) -> tuple[float, float]:
    """Method 3 of Newcombe, Statistics in Medicine 17, 1998."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = count / trials
    middle = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    whole = 1 + z * z / trials
    return (middle - reach) / whole, (middle + reach) / whole


@given(st.integers(1, 50_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_it_is_wilsons_formula(counts: tuple[int, int]) -> None:
    for confidence in (0.8, 0.95, 0.999):
        values = wilson(*counts, confidence)
        assert values == pytest.approx(by_formula(*counts, confidence), abs=1e-12)
        assert 0 <= values[0] <= counts[0] / counts[1] <= values[1] <= 1


def test_at_the_ends_it_is_sensible() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(0, 600)
    assert low == 0.0
    assert 0.006 < high < 0.007
    assert wilson(600, 600)[1] == 1.0
