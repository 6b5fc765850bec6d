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
    found: dict[tuple[int, str], Told] = {}
    for (_, metric), same in rows.groupby(["machine", "metric"], observed=True, sort=False):
        for one in fits(same):
            estimates = rounds.absolute(one)
            apart = rounds.beside(one)
            for name, estimate in estimates.items():
                found[int(name), str(metric)] = Told(estimate=estimate, sd=apart[name])
    return found


def fits(rows: pd.DataFrame) -> Iterator[Fit]:
    """The visits of one metric on one machine, as tables: a table a group of cases that rounds hold together."""
    runs, _ = pd.factorize(rows["run_id"], sort=True)  # whose names begin with their time
    table = rows[["case", "replicate", *VISITS]].assign(run=runs)
    visits = [one for row in table.itertuples(index=False) for one in _visits(*row)]
    for group in _together(visits):
        yield fit(group)


def against(found: Sequence[Fit], top: str, bottom: str, confidence: float = 0.95) -> Estimate | None:
    """The ratio of two cases: from the rounds that visited both, else of their own figures; None where one has none."""
    for one in found:
        if {top, bottom} <= set(one.cases):
            pair = rounds.paired(one, bottom, confidence).get(top)
            if pair is not None:
                return pair
    own: Mapping[str, Estimate] = {
        name: each for one in found for name, each in rounds.absolute(one, confidence).items()
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
    passports = zip(*(_each(one, len(numbers)) for one in (waited, steal, pressure, per_wall)), strict=True)
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
    return [None if math.isnan(one) else float(one) for one in known]


def _together(visits: Sequence[Visit]) -> list[list[Visit]]:
    """Visits in groups: two cases are in one where a chain of common rounds leads from one to the other."""
    if not visits:
        return []
    cases, case = np.unique([one.case for one in visits], return_inverse=True)
    numbers, round_ = np.unique([one.round_ for one in visits], return_inverse=True)
    size = len(cases) + len(numbers)
    edges = coo_array((np.ones(len(visits)), (case, len(cases) + round_)), shape=(size, size))
    count, label = connected_components(edges, directed=False)
    groups: list[list[Visit]] = [[] for _ in range(count)]
    for one, place in zip(visits, case, strict=True):
        groups[label[place]].append(one)
    return [one for one in groups if one]
