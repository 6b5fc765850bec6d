"""Answers: what is known of each metric of each case, with its interval, its conditions and its origin.

They are made in one place (`table`, all cases at once) and kept as a table, a line a case. Whoever shows a number, draws it or decides
by it reads it here as an `Answer`; how columns are named is said here alone.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..core.loads import load_named
from ..core.metric import NORMALIZED, Metric, metric, metrics
from ..core.record import Origin
from ..core.statuses import Status
from ..core.units import format_significant
from .estimate import Estimate, Floats

CONFIDENCE = 0.95
WIDTH = 1.959964
"""Standard deviations on each side of an interval of 95 %."""
INTERVAL = ("_low", "_high")
RANGE = ("_least", "_most")
ENDS = ("", *INTERVAL, *RANGE)
"""Behind a metric's name: its value; the ends of its interval; the least and the most of several processes."""
COVERS, LOG_SD, VISITS, PROCESSES, ORIGIN, SOURCE = "_covers", "_sd", "_visits", "_processes", "_origin", "_source"
"""What else a table may have of a metric."""
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One metric of one case in one environment. Numbers are in `metric.unit`; None is not known."""

    case: Line = field(default_factory=dict[str, Any], repr=False, compare=False)
    """The case's fields, conditions and environment, as the columns of its line."""
    metric: Metric
    value: float | None
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % interval."""
    least: float | None = None
    most: float | None = None
    """Of several processes, of what is read once a process."""
    covers: str = ""
    """What the interval covers, "between processes"."""
    log_sd: float | None = None
    """Standard deviation of the logarithm beside the other cases of its rounds, in which what a round has in common is not."""
    visits: int = 0
    processes: int = 0
    origin: Origin = "measured"
    source: str = ""
    status: Status = "ok"
    reason: str = ""
    """Why there is no number, of a status other than ok."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """(Low, high), None where it is not known."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def extremes(self) -> tuple[float, float] | None:
        """(Least, most) of processes that differ; None where there is one, or where they are equal."""
        return None if self.least is None or self.most is None or self.least == self.most else (self.least, self.most)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """What a bar shows: the interval, else the range of the processes."""
        return self.interval or (None if self.least is None or self.most is None else (self.least, self.most))

    @property
    def estimate(self) -> Estimate | None:
        """The value with its interval; None where it has none."""
        if self.value is None or self.interval is None:
            return None
        return Estimate(
            value=self.value,
            low=self.interval[0],
            high=self.interval[1],
            confidence=CONFIDENCE,
            samples=self.visits,
            processes=max(self.processes, 1),
            covers=self.covers,
        )

    def words(self, digits: int = 3) -> str:
        """The number in the unit that is shown, "41.2 [40.1, 42.3]", with its interval, else the range of its processes "(1.2 to 1.4)";
        an en dash for none."""
        if self.value is None:
            return format_significant(None)
        if self.metric.unit == "%":
            return self._percent(self.value)
        text = self._shown(self.value, digits)
        if self.interval is not None:
            return f"{text} [{', '.join(self._shown(end, digits) for end in self.interval)}]"
        if self.extremes is not None:
            least, most = (self._shown(end, digits) for end in self.extremes)
            return text if least == most else f"{text} ({least} to {most})"
        return text

    def _percent(self, value: float) -> str:
        """ "80.4 ±0.3 q": half the interval, and a mark where it is quoted."""
        half = "" if self.interval is None else f" ±{(self.interval[1] - self.interval[0]) / 2:.1f}"
        return f"{value:.1f}{half}{' q' if self.origin == 'quoted' else ''}"

    def _shown(self, number: float, digits: int) -> str:
        return format_significant(number * self.metric.factor, digits)


def answer(line: Line | pd.Series, name: str) -> Answer:
    """A metric of a line of the table of answers. Raises UnknownNameError for what is no metric."""
    value, low, high, least, most = (number(line, f"{name}{end}") for end in ENDS)
    return Answer(
        case=line if isinstance(line, Mapping) else {str(key): cell for key, cell in line.items()},
        metric=metric(name),
        value=value,
        low=low,
        high=high,
        least=least,
        most=most,
        covers=text(line, f"{name}{COVERS}"),
        log_sd=number(line, f"{name}{LOG_SD}"),
        visits=int(number(line, f"{name}{VISITS}") or 0),
        processes=int(number(line, f"{name}{PROCESSES}") or 0),
        origin=text(line, f"{name}{ORIGIN}") or "measured",  # pyright: ignore[reportArgumentType] (one of them)
        source=text(line, f"{name}{SOURCE}"),
        status=text(line, "status") or "ok",  # pyright: ignore[reportArgumentType] (one of them)
        reason=text(line, "reason"),
    )


def answers(cases: pd.DataFrame) -> Iterator[Answer]:
    """Every answer of a table, case by case: of each the metrics that the table has and that it has a number of, or, of a case without
    any, none."""
    names = [known.name for known in metrics() if known.name in cases]
    names += [str(column) for column in cases if load_named(str(column)) is not None]
    for line in lines(cases):
        yield from (result for result in (answer(line, name) for name in names) if result.value is not None)


def lines(cases: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table, a mapping each."""
    return [{str(key): cell for key, cell in row.items()} for row in cases.to_dict("records")]


def columns_of(names: Iterable[str], ends: Iterable[str] = ENDS) -> list[str]:
    """The columns of some metrics: value, interval and range."""
    ends = list(ends)
    return [f"{name}{end}" for name in names for end in ends]


def units_of(cases: pd.DataFrame) -> dict[str, str]:
    """The stored unit of each column of a number that is measured or derived, by the column's name."""
    return {
        column: known.unit for known in metrics() for column in columns_of([known.name]) if known.name != "top1"
    } | {
        column: metric(name).unit
        for name in (f"{NORMALIZED}{known.name}" for known in metrics())
        if name in cases
        for column in columns_of([name])
    }


def log_sd(cases: pd.DataFrame, name: str) -> Floats | None:
    """Of each case the standard deviation of the logarithm of a metric: beside the other cases of its rounds where that is known, else
    that of its interval; None where a case has neither."""
    low, high, own = (cases.get(f"{name}{end}") for end in (*INTERVAL, LOG_SD))
    if low is None or high is None or (low.isna() | high.isna() | (cases[name] <= 0)).any():
        return None
    of_interval = np.log(high.to_numpy(float) / low.to_numpy(float)) / (2 * WIDTH)
    return of_interval if own is None else np.where(own.isna(), of_interval, own.to_numpy(float))


def covered(cases: pd.DataFrame, names: Iterable[str]) -> list[str]:
    """What the intervals of some metrics cover, sorted."""
    return sorted({str(cell) for name in names for cell in cases.get(f"{name}{COVERS}", ()) if isinstance(cell, str)})


def have_range(cases: pd.DataFrame, names: Iterable[str]) -> bool:
    """Whether any case has the least and the most of several processes."""
    return any(bool(cases[f"{name}{RANGE[0]}"].notna().any()) for name in names if f"{name}{RANGE[0]}" in cases)


def number(line: Line | pd.Series, column: str) -> float | None:
    """A number of a line; None where it has none."""
    item = line.get(column)
    if item is None or (isinstance(item, float) and math.isnan(item)) or item is pd.NA:
        return None
    return float(item)


def text(line: Line | pd.Series, column: str) -> str:
    """A text of a line; empty where it has none."""
    item = line.get(column)
    return item if isinstance(item, str) else ""
