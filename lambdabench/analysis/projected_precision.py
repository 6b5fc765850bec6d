"""How well a longer run would know its ratios, from the visits of a short one: what visits of a process differ by, and what processes do.

Derived and not measured: it holds as long as the machine goes on as it did.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from .rounds import DOF, ENOUGH
from .visits import Counts, Fit, Floats, Process, by_process


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Of the logarithm of a ratio of two cases: the variance of single rounds within a pair of processes, and what pairs of processes
    differ by beyond that."""

    within: float
    between: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a run is: rounds of all processes together, processes of a case, and cases, which all tell what processes differ by."""

    rounds: int
    processes: int
    cases: int


def scatter(fit: Fit) -> Scatter | None:
    """The average pair's, from differences within rounds; of all visits where hardly one is left undisturbed, as few cases of uneasy
    rounds may leave none. None where no pair was visited in two processes, twice in one of them."""
    tried = (_scatter(logs, fit.processes) for logs in (fit.undisturbed(), fit.values))
    return next((item for item in tried if item is not None), None)


def _scatter(logs: Floats, processes: Counts) -> Scatter | None:
    pairs: list[list[Process]] = []
    for number, other in itertools.combinations(range(len(logs)), 2):
        keys = processes[number] * (1 + processes.max()) + processes[other]
        pairs.append(by_process(logs[number] - logs[other], keys))
    several = [pair for pair in pairs if len(pair) > 1]
    free = sum(process.visits - 1 for processes in several for process in processes)
    if not free:
        return None
    within = sum(process.squares for processes in several for process in processes) / free
    of_means = float(np.mean([np.var([process.mean for process in processes], ddof=1) for processes in several]))
    explained = within * float(np.mean([1 / process.visits for processes in several for process in processes]))
    return Scatter(within=within, between=max(0.0, of_means - explained))


def margin(of: Scatter, length: Length, confidence: float = 0.95) -> float:
    """The factor within which a run of that length would know a ratio, at that confidence (1.04: to 4 %), as `rounds.paired` makes
    its intervals."""
    variance = (of.between + of.within * length.processes / length.rounds) / length.processes
    others = max(0, length.cases - 2) * (length.processes - 1)
    dof = length.processes - 1 + DOF * others / (others + ENOUGH)
    return math.exp(float(special.stdtrit(dof, (1 + confidence) / 2)) * math.sqrt(variance))
