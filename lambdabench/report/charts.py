"""The interactive figure of a page: fronts in panels, or a line of points for each thing that was timed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..analysis.answers import answer, lines
from ..analysis.chart import Chart, Panel, Point, Series
from ..analysis.legible import legible
from ..analysis.node_tables import over_nodes
from ..analysis.pareto import Group, best, front, groups
from ..core.metric import metric
from ..plots import _scales as scales
from ..plots import _style as style
from ..plots import pareto as pareto_plot
from .cards import family_of
from .pivot import Grid

BAND_STEPS = 120
FRONT = ("throughput", "top1")


def of_fronts(points: pd.DataFrame, places: Mapping[Any, int]) -> Chart | None:
    """Accuracy against throughput, a panel a front; `places`: a case's place on the page by its label. None without points."""
    if points.empty:
        return None
    points = legible(points, style.LONGEST_TEXT)
    names = list(dict.fromkeys(map(style.family, sorted(map(str, points["model"])))))
    names = [name for name in style.FAMILIES if name in names]
    x, y = FRONT
    return Chart(
        x_label=f"{scales.label(x)}, faster →",
        y_label=scales.label(y, points),
        x_is_better_up=metric(x).sign > 0,
        series=tuple(
            Series(name=name, colour=style.FAMILIES[name][0], marker=style.FAMILIES[name][1]) for name in names
        ),
        panels=tuple(_front_panel(points, group, places, names) for group in groups(points)),
    )


def _axis(cases: pd.DataFrame, batch: int) -> str:
    """What panels of one batch have in common whose cases are of several machines."""
    return f"batch {batch}" if cases["device_name"].nunique() > 1 else ""


def _front_panel(points: pd.DataFrame, group: Group, places: Mapping[Any, int], names: Sequence[str]) -> Panel:
    mine = points.loc[group.members]
    x, y = FRONT
    on = front(mine, x, y)
    known = best(mine, x, y, BAND_STEPS)
    labels = pareto_plot.names(mine, ())
    return Panel(
        title=panel_title(mine, group),
        axis=_axis(points, group.batch),
        points=tuple(
            _point(row, FRONT, places[key], names.index(style.family(str(row["model"]))), key in on, label)
            for key, row, label in zip(mine.index, lines(mine), labels, strict=True)
        ),
        front=tuple((scales.scale(row[x], x), scales.scale(row[y], y)) for row in lines(mine.loc[on].sort_values(x))),
        band=tuple(
            (scales.scale(row[x], x), scales.scale(row["low"], y), scales.scale(row["high"], y)) for row in lines(known)
        ),
    )


def panel_title(points: pd.DataFrame, group: Group) -> str:
    """Machine, over how many nodes, what tells the front from others, batch."""
    machines = ", ".join(sorted(set(map(str, points["device_name"]))))
    words = [machines] if machines not in group.told else []
    return ", ".join(filter(None, (*words, group.told, over_nodes(points), f"batch {group.batch}")))


def _point(row: Mapping[str, Any], axes: tuple[str, str], case: int, series: int, is_on: bool, label: str) -> Point:  # noqa: PLR0917 (a point has as many sides)
    (x, x_low, x_high), (y, y_low, y_high) = (_reach(row, name) for name in axes)
    return Point(
        case=case,
        x=x,
        x_low=x_low,
        x_high=x_high,
        y=y,
        y_low=y_low,
        y_high=y_high,
        series=series,
        is_on_front=is_on,
        label=label,
    )


def _reach(row: Mapping[str, Any], name: str) -> tuple[float, float, float]:
    """(Value, low, high) in the unit shown."""
    value = scales.scale(row[name], name)
    low, high = answer(row, name).bounds or (row[name], row[name])
    return value, scales.scale(low, name), scales.scale(high, name)


def of_grids(cases: pd.DataFrame, grids: Sequence[Grid], name: str) -> Chart | None:
    """A metric of every case, on a line a row of each grid. None where no case has a number."""
    rows = lines(legible(cases, style.LONGEST_TEXT))
    if name not in cases:
        return None
    timed = [cell.series for grid in grids for cell in grid.cells if _has(rows[cell.case], name)]
    if not timed:
        return None
    series = _series_of(timed, rows, grids)
    titles = [item.name for item in series]
    panels: list[Panel] = []
    for grid in grids:
        points = [
            _dot(rows[cell.case], name, cell.case, titles.index(cell.series), cell.row)
            for cell in grid.cells
            if _has(rows[cell.case], name)
        ]
        if points:
            machines = ", ".join(sorted({str(rows[cell.case].get("device_name", "")) for cell in grid.cells}))
            title = grid.title if machines in grid.title else ", ".join(filter(None, (machines, grid.title)))
            axis = _axis(cases, int(rows[grid.cells[0].case]["batch_size"])) if "device_name" in cases else ""
            panels.append(Panel(title=title, points=tuple(points), rows=grid.row_names(), axis=axis))
    return Chart(
        x_label=f"{metric(name).axis}{', faster →' if metric(name).sign > 0 else ', ← faster'}",
        y_label="",
        x_is_better_up=metric(name).sign > 0,
        series=series,
        panels=tuple(panels),
    )


def _series_of(timed: Sequence[str], rows: Sequence[Mapping[str, Any]], grids: Sequence[Grid]) -> tuple[Series, ...]:
    """The look of each series: a family's own, else one for each."""
    names = sorted(set(timed))
    looks = style.looks(names)
    if all(name in style.FAMILIES for name in names):
        looks = style.FAMILIES
    return tuple(Series(name=name, colour=looks[name][0], marker=looks[name][1]) for name in names)


def _has(row: Mapping[str, Any], name: str) -> bool:
    value = answer(row, name).value
    return value is not None and math.isfinite(value) and value > 0


def _dot(row: Mapping[str, Any], name: str, case: int, series: int, place: int) -> Point:
    value, low, high = _reach(row, name)
    return Point(
        case=case,
        x=value,
        x_low=low,
        x_high=high,
        y=place,
        y_low=place,
        y_high=place,
        series=series,
        label=f"{row['model']}" if row.get("kind") != "layer" else "",
    )


__all__ = ["family_of", "of_fronts", "of_grids", "panel_title"]
