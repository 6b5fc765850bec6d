"""Estimates of rows that were made in rounds of visits: of each machine and metric one table of visits, told as `rounds` does."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..core.cpu_contention import lost_share
from . import rounds
from .estimate import Estimate, ratio
from .visits import Fit, Visit, fit

MOST = 10**6
"""Rounds or processes of a run, at most."""
PASSPORT = ("visit_cpu_waited", "visit_steal", "visit_cpu_pressure", "visit_cpu_per_wall")
VISITS = ("visit_round", "visit_values", *PASSPORT)
COLUMNS = ("run_id", "replicate", "metric", *VISITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A case's figure, and the standard deviation of its logarithm beside the other cases of its rounds, in which what a round has in
    common is not; None where there is no interval."""

    estimate: Estimate
    sd: float


def told(rows: pd.DataFrame) -> dict[tuple[int, str], Told]:
    """Figures by case and metric, of usable rows with the columns `case`, `machine` and COLUMNS; of those that have visits."""
    tolds: dict[tuple[int, str], Told] = {}
    for (_, metric), same in rows.groupby(["machine", "metric"], observed=True, sort=False):
        for item in fits(same):
            estimates = rounds.absolute(item)
            apart = rounds.beside(item)
            for name, estimate in estimates.items():
                tolds[int(name), str(metric)] = Told(estimate=estimate, sd=apart[name])
    return tolds


def fits(rows: pd.DataFrame) -> Iterator[Fit]:
    """The visits of one metric on one machine, as tables: a table a group of cases that rounds hold together."""
    runs, _ = pd.factorize(rows["run_id"], sort=True)  # whose names begin with their time
    table = rows[["case", "replicate", *VISITS]].assign(run=runs)
    visits = [visit for row in table.itertuples(index=False) for visit in _visits(*row)]
    for group in _together(visits):
        yield fit(group)


def against(result: Sequence[Fit], top: str, bottom: str, confidence: float = 0.95) -> Estimate | None:
    """The ratio of two cases: from the rounds that visited both, else of their own figures; None where one has none."""
    for item in result:
        if {top, bottom} <= set(item.cases):
            pair = rounds.paired(item, bottom, confidence).get(top)
            if pair is not None:
                return pair
    own: Mapping[str, Estimate] = {
        name: each for entry in result for name, each in rounds.absolute(entry, confidence).items()
    }
    return ratio(own[top], own[bottom]) if {top, bottom} <= own.keys() else None


def _visits(  # noqa: PLR0917 (a row's columns)
    case: int,
    replicate: int,
    numbers: Sequence[int],
    values: Sequence[float],
    waited: Any,
    steal: Any,
    pressure: Any,
    per_wall: Any,
    run: int,
) -> Iterator[Visit]:
    """The visits of a row; rounds and processes of two runs are others, those of the earlier run before."""
    passports = zip(*(_each(item, len(numbers)) for item in (waited, steal, pressure, per_wall)), strict=True)
    for number, value, passport in zip(numbers, values, passports, strict=True):
        if value > 0:
            yield Visit(
                case=str(case),
                round_=run * MOST + int(number),
                process=run * MOST + int(replicate),
                log_value=float(np.log(value)),
                lost=lost_share(*passport) or 0.0,
            )


def _each(figures: Any, count: int) -> list[float | None]:
    """A figure of each visit, None where the machine has no counter."""
    known = [float("nan")] * count if figures is None or isinstance(figures, float) else figures
    return [None if math.isnan(value) else float(value) for value in known]


def _together(visits: Sequence[Visit]) -> list[list[Visit]]:
    """Visits in groups: two cases are in one where a chain of common rounds leads from one to the other."""
    if not visits:
        return []
    cases, case = np.unique([visit.case for visit in visits], return_inverse=True)
    numbers, round_ = np.unique([visit.round_ for visit in visits], return_inverse=True)
    size = len(cases) + len(numbers)
    edges = coo_array((np.ones(len(visits)), (case, len(cases) + round_)), shape=(size, size))
    count, label = connected_components(edges, directed=False)
    groups: list[list[Visit]] = [[] for _ in range(count)]
    for item, place in zip(visits, case, strict=True):
        groups[label[place]].append(item)
    return [group for group in groups if group]
