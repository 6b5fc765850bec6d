"""Runs made up so that the truth is known: visits of several cases in rounds, on machines that misbehave in ways that were seen."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .visits import Floats, Visit

CALLS = 9
"""Of a visit."""
CALL_SD = 0.03
LIKE = 0.8
"""Autocorrelation of neighbours, where there is some."""
DRIFT = math.log(1.2)
"""Over the whole run."""
SLOW = math.log(2.0)
SLOW_SHARE = 0.1
BURST_VISITS = 5.0
"""How many visits in a row a burst lasts on average."""
PROCESS_SD = 0.03
TWO_SPEEDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a run goes. Processes are made anew after an equal share of the rounds."""

    cases: int = 12
    rounds: int = 24
    processes: int = 3

    def process(self, number: int) -> int:
        """Which process visits in a round."""
        return number * self.processes // self.rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The visits, with the logarithms that an estimate should find: the first case is the reference."""

    visits: tuple[Visit, ...]
    truth: Floats


Part = Callable[[np.random.Generator, Shape, NDArray[np.int64]], tuple[Floats, float]]
"""(Random numbers, shape, [round, position] -> case) to what is added to each visit [case, round], and to the truth."""


def make(kind: str, shape: Shape, seed: int) -> Run:
    """A run of a kind in KINDS."""
    random = np.random.default_rng(seed)
    levels = random.normal(0.0, 0.5, shape.cases)
    order = np.argsort(random.random((shape.rounds, shape.cases)), axis=1)
    logs, truth = np.repeat(levels[:, None], shape.rounds, axis=1), levels
    for part in KINDS[kind]:
        added, moved = part(random, shape, order)
        logs, truth = logs + added, truth + moved
    visits = tuple(
        Visit(case=f"case{case}", round_=number, process=shape.process(number), log_value=float(logs[case, number]))
        for number in range(shape.rounds)
        for case in range(shape.cases)
    )
    return Run(visits=visits, truth=truth)


def series(random: np.random.Generator, count: int, like: float = LIKE) -> Floats:
    """An autoregression of first order with variance 1."""
    ndarray = random.standard_normal(count)
    for place in range(1, count):
        ndarray[place] = like * ndarray[place - 1] + math.sqrt(1 - like**2) * ndarray[place]
    return ndarray


def _by_case(in_time: Floats, order: NDArray[np.int64]) -> Floats:
    """[round, position] -> [case, round]."""
    floats = np.empty_like(in_time)
    np.put_along_axis(floats, order, in_time, axis=1)
    return floats.T


def calls(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """Medians of independent log-normal calls."""
    return CALL_SD * np.median(random.standard_normal((shape.cases, shape.rounds, CALLS)), axis=2), 0.0


def calls_alike(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """Each call is like the one before it on the machine, whichever case's that was."""
    in_time = series(random, shape.rounds * shape.cases * CALLS).reshape(shape.rounds, shape.cases, CALLS)
    return _by_case(CALL_SD * np.median(in_time, axis=2), order), 0.0


def visits_alike(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """Visits of one process are each like the one before: batches of one process are not independent."""
    result = np.zeros((shape.cases, shape.rounds))
    numbers = np.array([shape.process(number) for number in range(shape.rounds)])
    for case in range(shape.cases):
        for process in range(shape.processes):
            mine = numbers == process
            result[case, mine] = CALL_SD * series(random, int(mine.sum()))
    return result, 0.0


def rounds_alike(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """The machine's level goes from round to round, each like the one before."""
    return np.repeat(CALL_SD * series(random, shape.rounds)[None], shape.cases, axis=0), 0.0


def drift(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """The machine becomes slower all the time; the truth is its level in the middle."""
    in_time = np.linspace(0.0, DRIFT, shape.rounds * shape.cases).reshape(shape.rounds, shape.cases)
    return _by_case(in_time, order), DRIFT / 2


def bursts(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """Another program comes for a few visits and makes all twice as slow; the truth is without it."""
    slow, result = bool(random.random() < SLOW_SHARE), np.zeros(shape.rounds * shape.cases)
    ends, begins = 1 / BURST_VISITS, SLOW_SHARE / (1 - SLOW_SHARE) / BURST_VISITS
    for place, chance in enumerate(random.random(len(result))):
        result[place] = SLOW * slow
        slow = chance >= ends if slow else chance < begins
    return _by_case(result.reshape(shape.rounds, shape.cases), order), 0.0


def processes(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """Processes of equal code differ."""
    return _per_process(PROCESS_SD * random.standard_normal((shape.cases, shape.processes)), shape), 0.0


def two_speeds(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """A process is one of two speeds for as long as it lives; the truth is between them."""
    return _per_process(TWO_SPEEDS * random.choice([-1.0, 1.0], (shape.cases, shape.processes)), shape), 0.0


def twice(random: np.random.Generator, shape: Shape, order: NDArray[np.int64]) -> tuple[Floats, float]:
    """The second half of the cases is twice as variable as the first, in processes and in calls."""
    logs = processes(random, shape, order)[0] + calls(random, shape, order)[0]
    return logs * np.where(np.arange(shape.cases) < shape.cases // 2, 1.0, 2.0)[:, None], 0.0


def _per_process(of_processes: Floats, shape: Shape) -> Floats:
    return of_processes[:, [shape.process(number) for number in range(shape.rounds)]]


KINDS: dict[str, tuple[Part, ...]] = {
    "independent": (calls,),
    "calls alike": (calls_alike,),
    "visits of a process alike": (calls, visits_alike),
    "drift": (calls, drift),
    "bursts": (calls, bursts),
    "two speeds": (calls, two_speeds),
    "processes": (calls, processes),
    "half twice as variable": (twice,),
    "all at once": (calls_alike, drift, bursts, processes),
    "rounds alike": (calls, rounds_alike),
}
