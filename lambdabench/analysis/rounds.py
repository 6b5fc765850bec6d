"""Estimates of a run made in rounds of visits: each case's own figure, ratios of cases, and how far cases are known beside each other.

The unit is the process: visits of one process share its memory and its fate, so however many there are, and however they follow each
other, they say once what that process is like. Few processes say little of how processes differ, so all cases together tell the least
that this can be (`_variance`). What a round has in common cancels from ratios, and stands in an absolute figure for what it is: the
machine's own coming and going. Every constant was chosen, and is held, by analysis/coverage.py: reports/coverage/index.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from .estimate import Estimate, correlated
from .visits import Counts, Fit, Floats, Process, by_process, steady

FLOOR = 0.72
"""Share of the variance that all cases have on average, under which no case's own is believed. It is a floor and no ceiling: a case
twice as variable as the others keeps what its own processes say."""
DOF = 3.5
"""Degrees of freedom that the floor is worth."""
ENOUGH = 2.5
"""Degrees of freedom in other cases with which floor and dof count half."""
OUTSIDE = 8.0
"""A case's variance counts in the average for this many times the middle one at most."""
LEAST = 1e-24
"""Scripted times have no variance at all."""
NORMAL_95 = 1.959964
"""Standard deviations that hold 95 % on both sides."""
ALONE = "one process"
BETWEEN = "between processes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A value on the log scale, the variance of its error, and the degrees of freedom that this is known with."""

    value: float
    variance: float
    dof: float
    visits: int
    processes: int

    def margin(self, confidence: float) -> float:
        """Half the interval, by Student's t."""
        return float(special.stdtrit(self.dof, (1 + confidence) / 2)) * math.sqrt(self.variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What all cases say of how processes of one case differ. `dof`: degrees of freedom in the cases other than one's own."""

    between: float
    """Variance between processes that their visits do not explain; below 0 where they differ by less than these would make them."""
    within: float
    """Variance of visits within a process."""
    dof: float
    share: float = 1.0
    """By how much a case's own scatter is too small, where rounds that were made of it too were taken out."""


def absolute(fit: Fit, confidence: float = 0.95) -> dict[str, Estimate]:
    """Each case's figure over the run, from its visits and what the rounds have in common; None of a case with one visit in one
    process: it has a number and no interval, and is left out."""
    return {name: _estimate(located, confidence) for name, located in _absolute(fit).items()}


def paired(fit: Fit, reference: str, confidence: float = 0.95) -> dict[str, Estimate]:
    """The ratio of every other case to the reference, from differences within rounds that visited both; where hardly one of these is
    left undisturbed, from both levels beside what rounds have in common. Without cases that shared too few rounds for an interval.
    Raises ValueError where the reference was not visited."""
    if reference not in fit.cases:
        raise ValueError(f"found no visit of the reference {reference!r}, only of {', '.join(fit.cases)}")
    clean, base = fit.undisturbed(), fit.cases.index(reference)
    pool = _pool(fit)
    both = Pool(between=2 * pool.between, within=2 * pool.within, dof=_others(fit, 2))
    result: dict[str, Estimate] = {}
    for place, name in enumerate(fit.cases):
        keys = fit.processes[place] * (1 + fit.processes.max()) + fit.processes[base]
        located = _locate(by_process(clean[place] - clean[base], keys), both, clean[place] - clean[base])
        if located is None and np.isfinite(fit.values[place] - fit.values[base]).any():
            located = _apart(fit, place, base)
        if place != base and located is not None:
            result[name] = _estimate(located, confidence)
    return result


def _apart(fit: Fit, place: int, base: int) -> Located | None:
    """The difference of two levels, whose errors are independent."""
    clean, pool = fit.undisturbed() - fit.common, _pool(fit)
    located, other = (_locate(by_process(clean[at], fit.processes[at]), pool, clean[at]) for at in (place, base))
    if located is None or other is None:
        return None
    variance = located.variance + other.variance
    parts = located.variance**2 / located.dof + other.variance**2 / other.dof
    return Located(
        value=located.value - other.value,
        variance=variance,
        dof=variance**2 / parts if parts > 0 else min(located.dof, other.dof),
        visits=min(located.visits, other.visits),
        processes=min(located.processes, other.processes),
    )


def beside(fit: Fit) -> dict[str, float]:
    """The standard deviation of each case's logarithm beside what rounds have in common, which is in no comparison of cases; 0 where
    nothing is known of it.

    Processes of two cases are others, so these errors are independent, and a probability is found of them in closed form. Drawing whole
    generations of rounds jointly (the wild bootstrap of clusters) said the same: of three generations what two cases seem to share is
    chance (squared errors of probabilities equal to 1 % on six kinds of machines).
    """
    clean, pool = fit.undisturbed() - fit.common, _pool(fit)
    located = {
        name: _locate(by_process(clean[place], fit.processes[place]), pool, clean[place])
        for place, name in enumerate(fit.cases)
    }
    return {name: 0.0 if item is None else item.margin(0.95) / NORMAL_95 for name, item in located.items()}


def _absolute(fit: Fit) -> dict[str, Located]:
    pool, several = _pool(fit), len(fit.cases) > 1
    rounds = _rounds(fit.common) if several else None
    clean = fit.undisturbed()
    if rounds is not None:  # of fewer rounds, what they have in common stays in what the processes differ by
        clean = clean - fit.common
    result: dict[str, Located] = {}
    for place, name in enumerate(fit.cases):
        logs = clean[place] if several else _levelled(clean[place], fit.processes[place])
        own = _locate(by_process(logs, fit.processes[place]), pool, logs)
        if own is not None:
            result[name] = own if rounds is None else _joined(own, rounds, len(fit.cases))
    return result


def _levelled(logs: Floats, processes: Counts) -> Floats:
    """A lone case's logarithms around the middle of their drift, where they have one. Its slope is that within processes, so that how
    these differ stays as it is."""
    seen = np.isfinite(logs)
    if steady(logs[seen])[2] < 2:
        return logs
    times = np.arange(len(logs), dtype=float)
    over, along = 0.0, 0.0
    for number in np.unique(processes[seen]):
        mine = seen & (processes == number)
        away = times[mine] - times[mine].mean()
        over, along = over + float(away @ away), along + float(away @ logs[mine])
    return logs - along / over * (times - times.mean()) if over > 0 else logs


def _rounds(common: Floats) -> Located | None:
    """What the rounds have in common, as a series in time; None under four rounds."""
    middle, away, spent = steady(common)
    count = len(away)
    if count < 4:
        return None
    variance_inflation = correlated(away)
    variance = float(away @ away) / (count - spent) * variance_inflation / count
    dof = max(count / variance_inflation - spent, 1.0)
    return Located(value=middle, variance=variance, dof=dof, visits=count, processes=1)


def _joined(own: Located, rounds: Located, cases: int) -> Located:
    """The sum of both errors (Satterthwaite, Biometrics Bulletin 2, 1946). Rounds were made of the cases themselves, which takes 1 / n
    from a case's own variance; at least that is put back."""
    raw = own.variance * (cases - 1) / cases
    variance = raw + rounds.variance
    parts = raw**2 / own.dof + rounds.variance**2 / rounds.dof
    return Located(
        value=own.value + rounds.value,
        variance=max(variance, own.variance),
        dof=variance**2 / parts if parts > 0 else own.dof,
        visits=own.visits,
        processes=own.processes,
    )


def _locate(processes: Sequence[Process], pool: Pool, logs: Floats) -> Located | None:
    """The level of one case, processes weighed by what each is known to; None where nothing is known of its error."""
    visits = sum(process.visits for process in processes)
    if len(processes) < 2:
        return _of_one_process(logs, visits)
    free = visits - len(processes)
    within = sum(process.squares for process in processes) / free if free > 2 else pool.within
    expected = np.array(
        [max(pool.between + within / process.visits, within / process.visits / 2, LEAST) for process in processes]
    )
    weights = 1 / expected / (1 / expected).sum()
    means = np.array([process.mean for process in processes])
    value = float(weights @ means)
    own = pool.share * float(weights @ (means - value) ** 2) / (len(processes) - 1)
    known = pool.dof / (pool.dof + ENOUGH)
    return Located(
        value=value,
        variance=max(own, FLOOR * known / float((1 / expected).sum())),
        dof=len(processes) - 1 + DOF * known,
        visits=visits,
        processes=len(processes),
    )


def _of_one_process(logs: Floats, visits: int) -> Located | None:
    """Visits that follow each other in one process; of another process they say nothing."""
    if visits < 3:
        return None
    mine = logs[np.isfinite(logs)]
    variance_inflation = correlated(mine)
    variance = float(mine.var(ddof=1)) * variance_inflation / visits
    return Located(
        value=float(mine.mean()),
        variance=variance,
        dof=max(visits / variance_inflation - 1, 1.0),
        visits=visits,
        processes=1,
    )


def _pool(fit: Fit) -> Pool:
    """The variances of an average case, each case's own counted for `OUTSIDE` times the middle one at most."""
    clean = fit.undisturbed() - fit.common
    several = [
        processes
        for place in range(len(fit.cases))
        if len(processes := by_process(clean[place], fit.processes[place])) > 1
    ]
    if not several:
        return Pool(between=0.0, within=0.0, dof=0.0)
    share = len(fit.cases) / max(len(fit.cases) - 1, 1)
    free = [sum(process.visits - 1 for process in processes) for processes in several]
    squares = [sum(process.squares for process in processes) for processes in several]
    within = _average([of / count for of, count in zip(squares, free, strict=True) if count], float(np.mean(free)))
    of_means = [float(np.var([process.mean for process in processes], ddof=1)) for processes in several]
    explained = [
        (of / count if count else within) * float(np.mean([1 / process.visits for process in processes]))
        for of, count, processes in zip(squares, free, several, strict=True)
    ]
    between = _average(of_means, float(np.mean([len(processes) - 1 for processes in several]))) - float(
        np.mean(explained)
    )
    return Pool(between=share * between, within=share * within, dof=_others(fit, 1), share=share)


def _others(fit: Fit, own: int) -> float:
    """Degrees of freedom between processes of all cases but as many as an estimate is made of."""
    counts = sorted(len(np.unique(process[process >= 0])) - 1 for process in fit.processes)
    return float(sum(counts[: max(0, len(counts) - own)]))


def _average(variances: Sequence[float], dof: float) -> float:
    """Their mean, none counted for more than `OUTSIDE` times the middle one, which chi-square has under its mean."""
    if not variances:
        return 0.0
    of_chi_square: Any = special.chdtri(dof, 0.5)
    middle = float(np.median(variances)) * dof / float(of_chi_square)
    return float(np.mean(np.minimum(variances, OUTSIDE * middle))) if middle > 0 else float(np.mean(variances))


def _estimate(located: Located, confidence: float) -> Estimate:
    value, margin = math.exp(located.value), math.exp(min(located.margin(confidence), 50.0))
    return Estimate(
        value=value,
        low=value / margin,
        high=value * margin,
        confidence=confidence,
        samples=located.visits,
        processes=located.processes,
        covers=ALONE if located.processes < 2 else BETWEEN,
    )
