"""What requests of one queue tell, against a simulation of its own, and whether bounds under load hold."""

import math
import random

import numpy as np
import pytest

from lambdabench.analysis.queue_correlation import BURN_IN, design_effect, utilisation, visits
from lambdabench.analysis.tails import tail


def recursion(load: float, count: int, seed: int) -> np.ndarray:
    """Latencies of constant service, one after the other."""
    rng, wait = random.Random(seed), 0.0
    result = np.empty(count)
    for place in range(count):
        result[place] = wait + 1
        wait = max(0.0, wait + 1 - rng.expovariate(load))
    return result


def test_the_walk_is_the_recursion() -> None:
    long = recursion(0.7, 200_000, 1)
    walk = visits(0.7, 100, np.ones((500, BURN_IN + 100)), np.random.default_rng(1))
    for share in (0.5, 0.95, 0.99):
        assert np.quantile(walk, share) == pytest.approx(np.quantile(long, share), rel=0.08)


def test_the_effect_is_that_of_stretches_of_another_simulation() -> None:
    stretches = recursion(0.7, 240_000, 2).reshape(-1, 60)[::3]  # that hardly know of each other
    beyond = stretches > np.quantile(stretches, 0.95)
    expected = beyond.mean(axis=1).var(ddof=1) * 60 / (beyond.mean() * (1 - beyond.mean()))
    assert design_effect(0.7, 60, 0.0, 0.95) == pytest.approx(expected, rel=0.3)


def test_more_load_more_requests_and_more_variation_make_it_larger() -> None:
    assert 1 <= design_effect(0.1, 50, 0.0, 0.5) < design_effect(0.5, 50, 0.0, 0.5) < design_effect(0.9, 50, 0.0, 0.5)
    assert design_effect(0.9, 20, 0.0, 0.95) < design_effect(0.9, 200, 0.0, 0.95)
    assert design_effect(0.7, 60, 0.0, 0.95) < design_effect(0.7, 60, 2.0, 0.95)
    assert design_effect(5.0, 50, 0.0, 0.5) == design_effect(0.97, 50, 0.0, 0.5), "no steady state: the largest known"


def test_a_busier_server_than_was_meant_is_seen() -> None:
    assert utilisation([0.5, 0.9], [100, 100], 140) == 1.0
    assert utilisation([0.5, 0.9], [100, 100], 168) == pytest.approx(1.2)
    assert utilisation([0.5], [100], 20) == 1.0
    assert utilisation([], [], 0) == 1.0


@pytest.mark.parametrize(("load", "requests"), [(0.5, 40), (0.7, 60), (0.9, 80)])
def test_bounds_that_are_told_hold(load: float, requests: int) -> None:
    """Of nine visits each: nine in ten of the bounds of p50 and p95 that there are, by the calls' own scatter alone as few as 5 in 17."""
    rng = np.random.default_rng(3)
    truth = recursion(load, 400_000, 4)
    for share in (0.5, 0.95, 0.99):
        value, effect = float(np.quantile(truth, share)), design_effect(load, requests, 0.0, share)
        times = np.ones((9 * 60, BURN_IN + requests))
        runs = visits(load, requests, times, rng).reshape(60, 9, requests)
        told = [tail(list(run), share, effect=effect) for run in runs]
        highs = [item.high for item in told if item.high is not None]
        held = sum(high >= value - 1e-9 for high in highs)
        assert held >= math.floor(0.9 * len(highs)) - 1
        assert sum(item.low is None or item.low <= value + 1e-9 for item in told) >= 0.88 * len(told)
        assert highs or share > 0.5, "the median is bounded, or the test could not fail"
