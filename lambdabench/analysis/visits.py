"""What visits are made of: the level of a case, what a round has in common, what a process has, and what disturbed a visit.

A visit is a short stretch of calls of one case; its number is the logarithm of their median. A round visits every case once; a
generation is a set of fresh processes, one a case. log = case + process + round + rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.cpu_contention import DISTURBED

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]

PLAUSIBLE = 0.15
"""Log distance within which processes of equal code lie: 3 % (sd) and 10 % at most were seen between them."""
OUTLYING = 5.0
"""Standard deviations (1.4826 MAD) beyond which a visit, or a round, was disturbed and is no number of the case's."""
LINEAR_SHARE = 0.9
"""Share of a series' variance from which on it is a drift, whose middle the mean of the series is."""
LEAST_SD = 1e-9
"""Scripted times are all equal."""
POLISHES = 4
FEWEST = 3
"""Visits that must be left of a case, of two processes where it had them, before those that others disturbed are set aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit of one case. `round_` and `process` are numbers in the order of the run; a process of another case is another one."""

    case: str
    round_: int
    process: int
    log_value: float
    """Natural logarithm of the median of its calls."""
    lost: float = 0.0
    """Share of the time in which it wanted a CPU that other programs had it (core/cpu_contention.py); 0 where nothing tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Visits as a table [case, round] with what was found in it."""

    cases: tuple[str, ...]
    values: Floats
    """Logarithms; NaN where a case was not visited."""
    processes: Counts
    """Counted from 0 in the order of their numbers; -1 where a case was not visited."""
    kept: NDArray[np.bool_]
    """Visits that nothing disturbed."""
    common: Floats
    """[round], of mean 0: what all cases of a round have in common beyond their own levels."""

    def undisturbed(self) -> Floats:
        """[case, round]: the logarithms without those of disturbed visits (NaN), what rounds have in common still in them."""
        return np.where(self.kept, self.values, np.nan)

    def disturbed(self, case: str) -> int:
        """How many visits of a case are told as disturbed."""
        place = self.cases.index(case)
        return int(np.isfinite(self.values[place]).sum() - self.kept[place].sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """The undisturbed visits of one case in one process."""

    mean: float
    visits: int
    squares: float
    """Sum of squared distances to the mean."""


def fit(visits: Sequence[Visit]) -> Fit:
    """The table of all visits of a run. Of two visits of one case in one round that counts which others disturbed less, and of two equal
    ones the later. Raises ValueError for none."""
    if not visits:
        raise ValueError("no visits to look at")
    cases = tuple(dict.fromkeys(item.case for item in visits))
    rounds = {number: place for place, number in enumerate(sorted({item.round_ for item in visits}))}
    values, lost = np.full((2, len(cases), len(rounds)), np.nan)
    processes = np.full(values.shape, -1, dtype=np.int64)
    index = {name: place for place, name in enumerate(cases)}
    generations = {number: place for place, number in enumerate(sorted({item.process for item in visits}))}
    for visit in visits:
        place = index[visit.case], rounds[visit.round_]
        if lost[place] < visit.lost and visit.lost >= DISTURBED:
            continue
        values[place], lost[place], processes[place] = visit.log_value, visit.lost, generations[visit.process]
    free = _free(np.nan_to_num(lost) < DISTURBED, processes)
    kept = free & _undisturbed(np.where(free, values, np.nan), np.where(free, processes, -1))
    return Fit(cases=cases, values=values, processes=processes, kept=kept, common=_common(values, kept))


def _free(quiet: NDArray[np.bool_], processes: Counts) -> NDArray[np.bool_]:
    """[case, round]: visits to go by, by their passports alone: those that no other program disturbed, of each case that has enough of
    them, where most cases have. Where they have not, a shared machine is what was measured."""
    seen = processes >= 0
    mine = quiet & seen
    has = [
        mine[place].sum() >= FEWEST and _count(item[mine[place]]) >= min(_count(item[seen[place]]), 2)
        for place, item in enumerate(processes)
    ]
    return np.where(np.array(has)[:, None], mine, seen) if 2 * sum(has) >= len(has) else seen


def _count(numbers: Counts) -> int:
    return len(np.unique(numbers))


def by_process(logs: Floats, processes: Counts) -> list[Process]:
    """Visits of one case, [round] with NaN where there is none, told apart by their process."""
    result: list[Process] = []
    for number in np.unique(processes[np.isfinite(logs)]):
        mine = logs[(processes == number) & np.isfinite(logs)]
        mean = float(mine.mean())
        result.append(Process(mean=mean, visits=len(mine), squares=float(((mine - mean) ** 2).sum())))
    return result


def steady(series: Floats) -> tuple[float, Floats, int]:
    """(Middle of a series in time, distances of its undisturbed values from what it follows, how many numbers that took).

    A series whose variance is a line's for nine tenths follows that line: what it drifted is no uncertainty of its middle.
    """
    times = np.arange(len(series), dtype=float)
    slope = _slope(times, series)
    away = series - slope * times
    away = np.abs(away - np.median(away))
    sound = away <= OUTLYING * max(1.4826 * float(np.median(away)), LEAST_SD)
    times, series = times[sound], series[sound]
    if len(series) > 3:
        line = np.polyval(np.polyfit(times, series, 1), times)
        if float(((series - line) ** 2).sum()) < (1 - LINEAR_SHARE) * float(((series - series.mean()) ** 2).sum()):
            middle = float(np.polyval(np.polyfit(times, series, 1), (len(sound) - 1) / 2))
            return middle, series - line, 2
    return float(series.mean()), series - series.mean(), 1


def _slope(times: Floats, series: Floats) -> float:
    """The median slope of all pairs (Sen, Journal of the American Statistical Association 63, 1968)."""
    first, second = np.triu_indices(len(series), 1)
    if not len(first):
        return 0.0
    return float(np.median((series[second] - series[first]) / (times[second] - times[first])))


def _undisturbed(values: Floats, processes: Counts) -> NDArray[np.bool_]:
    """Visits near the usual level of their process; a process is never disturbed as a whole, for it may be another speed."""
    level, common = _polished(values)
    rest = values - common - level[:, None]
    away = np.full(values.shape, np.nan)
    for place in range(len(values)):
        for number in np.unique(processes[place][processes[place] >= 0]):
            mine = processes[place] == number
            near = mine & (np.abs(rest[place]) <= PLAUSIBLE)
            away[place, mine] = np.abs(rest[place, mine] - np.median(rest[place, near if near.any() else mine]))
    own = 1.4826 * _medians(away)
    sd = np.maximum(np.maximum(own, np.median(own)), LEAST_SD)
    return np.isfinite(values) & (np.nan_to_num(away) <= OUTLYING * sd[:, None])


def _polished(values: Floats) -> tuple[Floats, Floats]:
    """(Levels of cases, what rounds have in common) by medians in turn (Tukey, "Exploratory Data Analysis", 1977, chapter 11): what
    disturbed less than half of a row or column is in neither. A lone case has no rounds to compare, two cannot say which was."""
    level, common = _medians(values), np.zeros(values.shape[1])
    if len(values) > 2:
        for _ in range(POLISHES):
            common = _medians((values - level[:, None]).T)
            level = _medians(values - common)
    return level, common


def _medians(values: Floats) -> Floats:
    """Of each row, without its NaN, which sorting puts last; each row has a number at least."""
    ordered, count = np.sort(values, axis=1), np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    return (ordered[rows, (count - 1) // 2] + ordered[rows, count // 2]) / 2


def _common(values: Floats, kept: NDArray[np.bool_]) -> Floats:
    """Least squares of case + round over what is kept; rounds that no case joins are left as they are."""
    if len(values) == 1:
        return np.zeros(values.shape[1])
    seen = kept.astype(float)
    logs = np.where(kept, values, 0.0)
    means = logs.sum(1) / seen.sum(1)
    share = seen / seen.sum(1, keepdims=True)
    normal = np.diag(seen.sum(0)) - seen.T @ share
    result = np.linalg.lstsq(normal, logs.sum(0) - seen.T @ means, rcond=None)[0]
    return result - result.mean()
