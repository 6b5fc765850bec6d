"""How much less requests of one queue tell than independent ones do, as the queue itself says.

Those that wait, wait for the same others, so under load a visit is hardly more than one observation. From nine visits that cannot be told
by their scatter alone: of simulated runs of a constant service, at 0.7 of its rate, the bound of p95 was right in 69 of the 87 that had
one, and that of p99 in none of 13 (tests/analysis/test_queue_correlation.py has the same with what is here). What is simulated here is
therefore the least correlation that is believed.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .tails import Floats

VISITS = 300
BURN_IN = 1500
"""Requests before each simulated visit, of a queue that begins empty."""
MOST_LOAD = 0.97
"""A longer queue than that of this load would take longer to simulate than to measure."""
MOST_REQUESTS = 500
"""Of a simulated visit; what is longer is taken for several of these."""


def design_effect(load: float, requests: int, variation: float, share: float) -> float:
    """By how much correlation multiplies the variance of the share of requests beyond a quantile, in visits of so many `requests` that
    arrive at random at `load` of the service rate; at least 1. `variation`: standard deviation of service times over their mean."""
    requests = max(1, min(requests, MOST_REQUESTS))
    latencies = _latencies(round(min(load, MOST_LOAD), 2), requests, round(variation, 1))
    beyond = latencies > np.quantile(latencies, share)
    known = float(beyond.mean())
    if not 0 < known < 1:
        return 1.0
    return max(1.0, float(beyond.mean(axis=1).var(ddof=1)) * requests / (known * (1 - known)))


def utilisation(loads: Sequence[float], counts: Sequence[int], waited: int) -> float:
    """By how much the server was busier than was meant, at least 1: a request finds it busy as often as it is so (Wolff, "Poisson arrivals
    see time averages", Operations Research 30, 1982). `waited`: requests that found others, of `counts` under each of the `loads`."""
    expected = sum(load * count for load, count in zip(loads, counts, strict=True))
    return max(1.0, waited / expected) if expected > 0 else 1.0


def visits(load: float, requests: int, times: Floats, rng: np.random.Generator) -> Floats:
    """[visit, request]: latencies of a queue in its steady state, in units of the mean service time; `times` [visit, BURN_IN + requests]
    are those of serving. By Lindley's recursion, as a walk above its lowest point (Proceedings of the Cambridge Philosophical Society 48,
    1952)."""
    gaps = rng.exponential(1 / load, times.shape)
    walk = np.cumsum(times[:, :-1] - gaps[:, 1:], axis=1)
    walk = np.concatenate([np.zeros((len(times), 1)), walk], axis=1)
    result: Any = walk - np.minimum.accumulate(walk, axis=1) + times
    return result[:, -requests:]


@functools.lru_cache(maxsize=256)
def _latencies(load: float, requests: int, variation: float) -> Floats:
    """Of log-normal service times of mean 1, seeded: equal questions have equal answers."""
    rng = np.random.default_rng(0)
    sd = math.sqrt(math.log(1 + variation**2))
    times = rng.lognormal(-(sd**2) / 2, sd, (VISITS, BURN_IN + requests))
    return visits(load, requests, times, rng)
