"""Requests that arrive by themselves, on a scripted clock, against queueing theory and an independent simulation."""

import math
import random
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lambdabench.core.visit_protocol import Length
from lambdabench.worker.open_loop import FEWEST_REQUESTS, Queue, Timeline, arrivals, queue_before, serve, under_loads

SERVICE_S = 0.02


class Server:
    """A session whose calls take what a script says, on a clock that passes only then."""

    def __init__(self, service_s: Callable[[int], float] = lambda call: SERVICE_S) -> None:
        self.clock, self.time_s, self.calls, self._service_s = self, 0.0, 0, service_s

    def now(self) -> float:
        return self.time_s

    def call(self) -> None:
        self.time_s += self._service_s(self.calls)
        self.calls += 1

    def synchronize(self) -> None:
        """Nothing is in flight."""


def served(server: Any, load: str, visits: int, load_s: float, service_s: Sequence[float] = (SERVICE_S,)) -> list[Any]:
    length = Length(timed_s=1.0, cold_s=0.0, least=2, most=200, loads=(load,), load_s=load_s)
    return [under_loads(server, length, service_s, (), f"seed/{number}")[0] for number in range(visits)]


def lindley(rate: float, draw: Callable[[random.Random], float], count: int = 200_000) -> np.ndarray:
    """Latencies of a single server's queue by Lindley's recursion (Proceedings of the Cambridge Philosophical Society 48, 1952): what one
    waits is what the one before waited and took, less what lies between their arrivals."""
    rng, wait_s = random.Random(7), 0.0
    result = np.empty(count)
    for place in range(count):
        service_s = draw(rng)
        result[place] = wait_s + service_s
        wait_s = max(0.0, wait_s + service_s - rng.expovariate(rate))
    return result[count // 100 :]


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_the_mean_wait_of_constant_service_is_that_of_queueing_theory(share: float) -> None:
    """M/D/1: rho / (2 (1 - rho)) services (Pollaczek and Khinchine; Kleinrock, "Queueing Systems", volume 1, 1975, chapter 5), though each
    visit is short and began a moment ago."""
    visits = served(Server(), f"{share}", 300, 1.0)
    waits = np.array([np.mean(visit.seconds) - SERVICE_S for visit in visits])
    expected_s = share / (2 * (1 - share)) * SERVICE_S
    error_s = waits.std(ddof=1) / math.sqrt(len(waits))
    assert waits.mean() == pytest.approx(expected_s, abs=3 * error_s)
    assert error_s < 0.12 * expected_s, "or the test could not fail"
    assert visits[0].rate == pytest.approx(share / SERVICE_S)


def test_a_visit_that_began_with_an_empty_queue_would_fall_short_of_theory() -> None:
    """Why it begins in the middle."""
    rng, rate = random.Random(1), 0.9 / SERVICE_S
    means: list[float] = []
    for _ in range(300):
        server = Server()
        seconds, _ = serve(server.call, Timeline(server), Queue(), arrivals(rate, 45, rng))
        means.append(float(np.mean(seconds)) - SERVICE_S)
    assert np.mean(means) < 0.75 * 0.9 / (2 * 0.1) * SERVICE_S


@pytest.mark.parametrize("name", ["constant", "two speeds"])
def test_percentiles_are_those_of_an_independent_simulation(name: str) -> None:
    times_s = (SERVICE_S,) if name == "constant" else (0.5 * SERVICE_S, 0.5 * SERVICE_S, 2 * SERVICE_S)
    rng = random.Random(3)
    server = Server(lambda call: rng.choice(times_s))
    visits = served(server, "0.7", 150, 10.0, times_s)
    expected = lindley(0.7 / np.mean(times_s), lambda rng: rng.choice(times_s))
    for share in (0.5, 0.95, 0.99):
        found = np.quantile(np.concatenate([visit.seconds for visit in visits]), share)
        assert found == pytest.approx(np.quantile(expected, share), rel=0.07)


def test_a_server_that_stalls_is_waited_for_by_all_that_arrive_meanwhile() -> None:
    """Coordinated omission: were each request timed from when the server came to it, one call in 400 would be slow."""
    rate, stall_s = 25.0, 1.0
    server = Server(lambda call: stall_s if call == 200 else SERVICE_S)
    due_s = arrivals(rate, 400, random.Random(0))
    seconds, _ = serve(server.call, Timeline(server), Queue(), due_s)
    begun_s = max(due_s[200], due_s[199] + seconds[199])
    meanwhile = [place for place, due in enumerate(due_s) if begun_s < due < begun_s + stall_s]
    assert len(meanwhile) > 15
    for place in meanwhile:
        assert seconds[place] >= begun_s + stall_s - due_s[place], "no less than what was left of the stall"
    calm, _ = serve((other := Server()).call, Timeline(other), Queue(), due_s)
    assert np.quantile(seconds, 0.95) > 2 * np.quantile(calm, 0.95)
    assert np.quantile(seconds, 0.98) > stall_s / 2
    assert np.quantile(seconds, 0.5) < 2 * SERVICE_S


def test_busy_times_are_of_requests_that_found_others() -> None:
    server = Server()
    seconds, busy = serve(server.call, Timeline(server), Queue(), (0.0, 0.005, 1.0))
    assert seconds == pytest.approx((SERVICE_S, 2 * SERVICE_S - 0.005, SERVICE_S))
    assert busy == pytest.approx((SERVICE_S, SERVICE_S))


def test_what_waits_already_is_served_before_and_not_counted() -> None:
    server = Server()
    seconds, _ = serve(server.call, Timeline(server), Queue(busy_s=0.01, waiting=(-0.03, -0.02)), (0.0,))
    assert server.calls == 3
    assert seconds == pytest.approx((0.01 + 3 * SERVICE_S,))


def test_arrivals_are_poisson_seeded_and_as_many_as_asked() -> None:
    gaps = np.diff(arrivals(50.0, 20_000, random.Random(0)))
    assert gaps.mean() == pytest.approx(0.02, rel=0.03)
    assert gaps.std() == pytest.approx(0.02, rel=0.05)
    assert arrivals(50.0, 5, random.Random(0)) == arrivals(50.0, 5, random.Random(0))
    first, second = (served(Server(), "0.7", 1, 2.0) for _ in range(2))
    assert first == second


def test_a_queue_without_end_begins_with_none() -> None:
    rng = random.Random(0)
    assert queue_before((SERVICE_S,), 0.98 / SERVICE_S, rng) == Queue()
    assert queue_before((SERVICE_S,), 1.5 / SERVICE_S, rng) == Queue()
    lengths = [len(queue_before((SERVICE_S,), 0.9 / SERVICE_S, rng).waiting) for _ in range(100)]
    assert np.mean(lengths) == pytest.approx(0.9**2 / (2 * 0.1), rel=0.3)


def test_rates_that_are_given_stay_as_they_are_and_slow_cases_have_a_few_requests() -> None:
    length = Length(timed_s=1.0, cold_s=0.0, least=2, most=200, loads=("0.5", "3/s"), load_s=0.5)
    first, second = under_loads(Server(), length, (SERVICE_S,), (40.0, 3.0), "seed")
    assert (first.rate, len(first.seconds)) == (40.0, 20)
    assert (second.rate, len(second.seconds)) == (3.0, FEWEST_REQUESTS)
    (own,) = served(Server(), "3/s", 1, 0.5)
    assert own.rate == 3.0


def test_a_real_clock_is_waited_for() -> None:
    timeline = Timeline(SimpleNamespace(now=time.perf_counter))
    start_s = time.perf_counter()
    timeline.restart()
    timeline.wait_until(0.02)
    assert time.perf_counter() - start_s >= 0.02
    timeline.wait_until(0.01)
    assert timeline.now() >= 0.02
