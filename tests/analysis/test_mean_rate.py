"""Throughput is all that was done over all the time it took, and its interval covers that."""

import math

import numpy as np
import pytest

from lambdabench.analysis import estimate
from lambdabench.analysis.estimate import correlated, mean_rate, mean_rate_interval
from lambdabench.analysis.sample_statistics import complete
from lambdabench.core.record import Measurement

DRAWS = 300
SD = 0.03


def lognormal(draw: np.random.Generator, count: int) -> tuple[np.ndarray, float]:
    return np.exp(SD * draw.standard_normal(count)), math.exp(SD**2 / 2)


def alike(draw: np.random.Generator, count: int) -> tuple[np.ndarray, float]:
    """Each call like the one before: autocorrelation 0.8."""
    values = [draw.standard_normal()]
    while len(values) < count:
        values.append(0.8 * values[-1] + 0.6 * draw.standard_normal())
    return np.exp(SD * np.array(values)), math.exp(SD**2 / 2)


def bursts(draw: np.random.Generator, count: int) -> tuple[np.ndarray, float]:
    """One call in ten takes twice as long."""
    calls, mean = lognormal(draw, count)
    return calls * np.where(draw.random(count) < 0.1, 2.0, 1.0), 1.1 * mean


@pytest.mark.parametrize(
    ("calls", "count"),
    [(lognormal, 24), (lognormal, 200), (alike, 60), (alike, 200), (bursts, 60), (bursts, 200)],
    ids=lambda item: getattr(item, "__name__", str(item)),
)
def test_the_interval_of_the_mean_rate_covers_it_in_93_to_97_percent(calls: object, count: int) -> None:
    """Of 300 runs, whose own error is 1.3 %: 90.4 % at least."""
    draw = np.random.default_rng(0)
    hits = 0
    for _ in range(DRAWS):
        seconds, mean = calls(draw, count)  # pyright: ignore[reportCallIssue] (one of the functions above)
        low, high = mean_rate_interval((4 / seconds).tolist()) or (1, 0)
        hits += low <= 4 / mean <= high
    assert 0.904 < hits / DRAWS < 0.99


def test_the_mean_rate_is_images_over_seconds_on_both_kinds_of_device() -> None:
    """Of one work load: calls of 10 ms, and one in five of 60 ms; the median knows nothing of these."""
    seconds = [0.01, 0.01, 0.01, 0.01, 0.06] * 12
    of_calls = complete(
        Measurement(
            metric="throughput",
            unit="image/s",
            value=None,
            samples=tuple(1 / second for second in seconds),
            statistic="mean_rate",
        )
    )
    of_blocks = complete(
        Measurement(
            metric="throughput",
            unit="image/s",
            value=None,
            samples=tuple(5 / sum(seconds[place : place + 5]) for place in range(0, 60, 5)),
            loops_per_sample=5,
            statistic="mean_rate",
        )
    )
    assert of_calls.value == pytest.approx(60 / sum(seconds))
    assert of_blocks.value == pytest.approx(of_calls.value)
    assert of_calls.low is not None
    assert of_calls.high is not None
    assert of_calls.low < 50 < of_calls.high
    assert not of_calls.low < 100 < of_calls.high, "the rate of most calls is not that of all"
    latency = complete(Measurement(metric="latency", unit="s/step", value=None, samples=tuple(seconds)))
    assert (latency.value, latency.statistic) == (0.01, "median")


def test_equal_rates_are_known_exactly_and_few_ones_not_at_all() -> None:
    assert mean_rate_interval([2.0] * 6) == (2.0, 2.0)
    assert mean_rate_interval([2.0] * 5) is None
    with pytest.raises(ValueError, match="no rates"):
        mean_rate([])


def test_what_is_alike_tells_less_of_the_mean() -> None:
    """(1 + 0.8) / (1 - 0.8) is 9."""
    draw = np.random.default_rng(1)
    values = [correlated(alike(draw, 2000)[0]) for _ in range(20)]
    assert 8 < float(np.median(values)) < 11
    assert correlated(lognormal(draw, 2000)[0]) < 1.3
    assert correlated(np.ones(10)) == 1.0


def test_a_drift_is_a_third_of_its_samples_at_most() -> None:
    """Its interval is finite, and wide."""
    low, high = mean_rate_interval([1.0 + 0.1 * place for place in range(12)]) or (1, 0)
    assert 0 < low < high / 2 < math.inf


def test_correlation_of_many_values_is_computed_at_once_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    values = np.convolve(draw.standard_normal(700), np.ones(5), "valid")
    slowly = correlated(values)
    monkeypatch.setattr(estimate, "MANY", 10)
    assert correlated(values) == pytest.approx(slowly, rel=1e-9)
    assert slowly > 3
