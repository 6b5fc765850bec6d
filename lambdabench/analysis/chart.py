"""A figure as data, for what draws it itself: panels of points with intervals, each of one case of a page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A case in a panel, in the units shown. `low` and `high` of an axis are the ends of its bar, the value itself where it has none."""

    case: int
    """Its place among the page's cases."""
    x: float
    x_low: float
    x_high: float
    y: float
    y_low: float
    y_high: float
    series: int
    """Its place among the chart's series."""
    is_on_front: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Points that compare: of one machine and program. Panels never share a front."""

    title: str
    points: tuple[Point, ...]
    front: tuple[tuple[float, float], ...] = ()
    """(x, y) of its members, x ascending."""
    band: tuple[tuple[float, float, float], ...] = ()
    """(x, low, high): the front as far as it is known, 95 %."""
    rows: tuple[str, ...] = ()
    """Names of the rows on which points stand, whose y is a row's number from the top; none where y is a number."""
    axis: str = ""
    """Panels of one are drawn to the same axes, so that they can be read against each other; empty: its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What a legend entry stands for. `marker` as matplotlib names it."""

    name: str
    colour: str
    marker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Panels with common axes. `x_is_better_up`: whether more of x is better; x is logarithmic."""

    x_label: str
    y_label: str
    x_is_better_up: bool
    series: tuple[Series, ...]
    panels: tuple[Panel, ...]
