"""Looking several times costs what it costs, and no more."""

import numpy as np
import pytest

from lambdabench.analysis.interim_analysis import confidences


def test_one_look_at_the_end_is_the_usual_interval() -> None:
    assert confidences([1.0]) == pytest.approx([0.95], abs=1e-4)
    assert confidences([0.5])[0] == pytest.approx(0.975, abs=1e-4)


@pytest.mark.parametrize("shares", [(0.5, 0.75, 1.0), (0.2, 0.4, 0.6, 0.8, 1.0), (0.1, 0.9, 1.0)])
def test_whoever_stops_at_the_worst_look_is_wrong_in_5_percent(shares: tuple[float, ...]) -> None:
    """100,000 random walks: the share that is outside at any look, whose own error is 0.07 %."""
    draw = np.random.default_rng(0)
    steps = np.sqrt(np.diff([0.0, *shares])) * draw.standard_normal((100_000, len(shares)))
    walks = np.abs(np.cumsum(steps, axis=1)) / np.sqrt(shares)
    from_levels = np.array([0.5 + confidence / 2 for confidence in confidences(shares)])
    normal = np.quantile(draw.standard_normal(2_000_000), from_levels)
    assert (walks > normal).any(axis=1).mean() == pytest.approx(0.05, abs=0.003)


def test_looks_that_do_not_come_one_after_the_other_are_refused() -> None:
    for shares in ([], [0.5, 0.5], [0.9, 0.5], [0.0, 1.0], [1.0, 1.5]):
        with pytest.raises(ValueError, match=r"expected numbers that rise within \(0, 1\]"):
            confidences(shares)
