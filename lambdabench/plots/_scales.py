"""How a metric is shown: its unit, its axis label, its bars; and the columns behind a figure."""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ..analysis.answers import answer, columns_of, units_of
from ..analysis.published_accuracy import accuracy_sources
from ..core import fields
from ..core.metric import metric
from ..core.units import format_significant

ONE = 1 + 1e-9
"""Values nearer to each other are one."""


def label(name: str, cases: pd.DataFrame | None = None) -> str:
    """An axis label with the unit that is shown; of accuracies, by where those of the cases are from."""
    if name != "top1" or cases is None or not accuracy_sources(cases, "measured"):
        return metric(name).axis
    quoted = accuracy_sources(cases, "quoted")
    return f"top-1 [%], measured{' or quoted' if quoted else ''}"


def scale(value: Any, name: str) -> float:
    """A stored value in the unit that is shown."""
    return float(value) * metric(name).factor


def scaled(values: pd.Series, metric: str) -> list[float]:
    """Stored values in the unit that is shown."""
    return [scale(value, metric) for value in values]


def error(point: pd.Series, name: str) -> list[list[float]] | None:
    """How far the bar reaches below and above a point: its interval, else the range of its processes; None where it has neither."""
    result = answer(point, name)
    if result.value is None or result.bounds is None:
        return None
    low, high = result.bounds
    return [[scale(max(0.0, result.value - low), name)], [scale(max(0.0, high - result.value), name)]]


def plain_log_ticks(axis: Axis) -> None:
    """Ticks at 1, 2 and 5 of each decade as plain numbers, more where less than a decade is shown; call it on a filled logarithmic axis.

    At least an octave is shown: ticks of less would be the same number.
    """
    low, high = axis.get_data_interval()
    if (
        0 < low <= high < low * ONE
    ):  # of one value, an ulp from itself after its logarithm, matplotlib's own view would be empty
        getattr(axis.axes, f"set_autoscale{axis.axis_name}_on")(False)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        low, high = axis.get_view_interval()
    if high < 2 * low:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(2), middle * math.sqrt(2)
        getattr(axis.axes, f"set_{axis.axis_name}lim")(low, high)  # pyright: ignore[reportAttributeAccessIssue]
    axis.set_major_locator(LogLocator(subs=_subs(low, high)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_significant(value, 2)))
    axis.set_minor_formatter(NullFormatter())


def log_ticks(low: float, high: float) -> list[float]:
    """Where a logarithmic axis that reaches so far has its numbers."""
    ticks = LogLocator(subs=(1.0,) if high > 1000 * low else _subs(low, high)).tick_values(low, high)
    return [float(tick) for tick in ticks if low <= tick <= high]


def linear_ticks(low: float, high: float) -> list[float]:
    """Where a linear axis that reaches so far has its numbers."""
    return [
        float(tick) for tick in MaxNLocator(nbins=7, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high
    ]


def _subs(low: float, high: float) -> tuple[float, ...]:
    """The multiples of powers of ten that get a number."""
    return (1.0, 2.0, 5.0) if high > 10 * low else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)


def numbers(cases: pd.DataFrame, metrics: Iterable[str], besides: Iterable[str], order: list[str]) -> pd.DataFrame:
    """The columns behind a figure, stored units in the names; all that tells cases apart stands behind the numbers."""
    wanted = ["model", "batch_size", "image_px", "dtype", "device_name"]
    wanted += columns_of(metrics)
    wanted += [*besides, *(field.name for field in fields.FIELDS), "options"]
    kept = cases[[name for name in dict.fromkeys(wanted) if name in cases]].sort_values(order, kind="stable")
    return kept.rename(columns={name: f"{name} [{unit}]" for name, unit in units_of(kept).items()})
