"""A tail is bounded where enough calls prove it."""

import numpy as np
import pytest

from lambdabench.analysis.tails import Tail, tail


@pytest.mark.parametrize(("share", "fewest"), [(0.95, 59), (0.99, 299)])
def test_an_upper_bound_takes_59_calls_for_p95_and_299_for_p99(share: float, fewest: int) -> None:
    calls = np.random.default_rng(0).permutation(fewest) / fewest + 1.0
    assert tail(calls[1:].tolist(), share).high is None
    assert tail(calls.tolist(), share).high == max(calls)


def test_a_single_slow_call_of_a_hundred_is_in_p99_and_not_in_p95() -> None:
    calls = [1.0] * 99 + [9.0]
    assert tail(calls, 0.95) == Tail(value=1.0, high=1.0)
    assert tail(calls, 0.99) == Tail(value=1.0, high=None)


def test_the_bound_holds_in_95_percent_of_runs_at_least() -> None:
    draw, hits = np.random.default_rng(0), 0
    for _ in range(400):
        high = tail(draw.exponential(1.0, 150).tolist(), 0.95).high
        hits += high is not None and high >= -np.log(0.05)
    assert hits / 400 > 0.93


def test_slow_calls_in_a_row_are_one_event() -> None:
    """Six in sixty, at once or here and there: the one time may have been all there was."""
    row = [1.0] * 30 + [3.0] * 6 + [1.0] * 64
    scattered = ([1.0] * 15 + [3.0]) * 6 + [1.0] * 4
    assert tail(scattered, 0.9).high == 3.0
    assert tail(row, 0.9).high is None
    with pytest.raises(ValueError, match="no samples"):
        tail([], 0.95)
