"""Requests that arrive whether or not the one before them is answered, at a process that serves one at a time: what they wait.

All is drawn before anything is served, so that what the server does changes nothing of what arrives (Schroeder, Wierman and
Harchol-Balter, "Open versus closed: a cautionary tale", NSDI 2006).
"""

import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core.loads import load_of
from ..core.ports import Clock, Session
from ..core.record import Served
from ..core.visit_protocol import Length

FEWEST_REQUESTS = 5
"""Of a load in a visit, however slow they are."""
SPIN_S = 5e-4
"""Before a request is due the server waits so long with open eyes: sleeping oversleeps by some tens of microseconds."""
PROBE_S = 1e-3
OVERLOAD = 2.0
"""Where more arrive than are served, as many as take so many times a load's seconds to serve."""
HISTORY = 4000
"""Requests that are simulated before a visit; the queue of constant times at a load of 0.9 forgets its beginning in some hundreds."""
MOST_LOAD = 0.98
"""From here on a queue is so long, or without end, that a visit begins with none."""


class Timeline:
    """Seconds since it was made, by a session's clock. A clock that stands still while the process sleeps is scripted: what is waited for
    passes on it at once."""

    def __init__(self, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        before_s = clock.now()
        sleep(PROBE_S)
        self._is_scripted = clock.now() == before_s
        self._start_s = clock.now()

    def now(self) -> float:
        return self._clock.now() - self._start_s

    def restart(self) -> None:
        """Now is 0."""
        self._start_s = self._clock.now()

    def wait_until(self, due_s: float) -> None:
        """Returns when it is `due_s`, at once where it was."""
        left_s = due_s - self.now()
        if left_s <= 0:
            return
        if self._is_scripted:
            self._start_s -= left_s
            return
        if left_s > SPIN_S:
            self._sleep(left_s - SPIN_S)
        while self.now() < due_s:
            pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What a visit finds: seconds until the request in service is answered, and when those behind it arrived, before 0."""

    busy_s: float = 0.0
    waiting: tuple[float, ...] = ()


def under_loads(
    session: Session, length: Length, service_s: Sequence[float], rates: Sequence[float], seed: str
) -> tuple[Served, ...]:
    """Requests under each load of a visit. `service_s`: seconds of the case's own calls of that visit; `rates`: arrivals a second of each
    load, of the mean of these where there are none."""
    mean_s = sum(service_s) / len(service_s)
    rates = rates or [load_of(load).rate(mean_s) for load in length.loads]
    timeline = Timeline(session.clock) if length.loads else None
    result: list[Served] = []
    for load, rate in zip(length.loads, rates, strict=True):
        assert timeline is not None
        rng = random.Random(f"{seed}/{load}")
        count = max(FEWEST_REQUESTS, round(min(rate, OVERLOAD / mean_s) * length.load_s))
        queue = queue_before(service_s, rate, rng)
        seconds, busy = serve(lambda: _answer(session), timeline, queue, arrivals(rate, count, rng))
        result.append(Served(load=load, rate=rate, seconds=seconds, busy=busy))
    return tuple(result)


def arrivals(rate: float, count: int, rng: random.Random) -> tuple[float, ...]:
    """When each of `count` requests is due, the first one at 0: a Poisson process of `rate` a second."""
    return tuple(itertools.accumulate((rng.expovariate(rate) for _ in range(count - 1)), initial=0.0))


def queue_before(service_s: Sequence[float], rate: float, rng: random.Random) -> Queue:
    """The queue that a request meets at 0 which arrives as `HISTORY` others did, each served in one of `service_s` seconds at random; none
    where more arrives than can be served."""
    if rate * sum(service_s) / len(service_s) >= MOST_LOAD:
        return Queue()
    now_s, free_s, unanswered = 0.0, 0.0, deque[tuple[float, float, float]]()
    for _ in range(HISTORY):
        begun_s = max(now_s, free_s)
        free_s = begun_s + rng.choice(service_s)
        unanswered.append((now_s, begun_s, free_s))
        now_s += rng.expovariate(rate)
        while unanswered and unanswered[0][2] <= now_s:
            unanswered.popleft()
    if not unanswered:
        return Queue()
    first, *others = unanswered
    return Queue(busy_s=first[2] - now_s, waiting=tuple(due_s - now_s for due_s, _, _ in others))


def serve(
    answer: Callable[[], object], timeline: Timeline, queue: Queue, due_s: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(Seconds from when each request was due to when it was answered; seconds of serving those that found another before them). Requests
    that wait already are served first, and not counted."""
    seconds, busy = list[float](), list[float]()
    timeline.restart()
    timeline.wait_until(queue.busy_s)
    for place, due in enumerate((*queue.waiting, *due_s)):
        begun_s = timeline.now()
        has_waited = begun_s >= due
        if not has_waited:
            timeline.wait_until(due)
            begun_s = timeline.now()
        answer()
        end_s = timeline.now()
        if place >= len(queue.waiting):
            seconds.append(end_s - due)
            busy += [end_s - begun_s] if has_waited else []
    return tuple(seconds), tuple(busy)


def _answer(session: Session) -> None:
    session.call()
    session.synchronize()
