"""Numbers against batch size or image size: curves drawn with bars, holes and names at their ends."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator
from scipy.optimize import isotonic_regression

from ..analysis.legible import legible
from ..core.errors import NothingMeasuredError
from ..core.options import phrase, shared
from . import Drawing
from . import _curve_groups as groups
from . import _scales as scales
from . import _style as style
from ._curve_groups import AXES, LONGEST, OTHER, Curve, Row

COLUMN_INCHES, LABEL_INCHES, LINE_INCHES = 5.6, 0.145, 0.13
NAME_PLACE, MARK_PLACE = 1.06, 1.035
"""Where names begin, and the marks before them that say which curve, of a panel's width."""
GREY_SAID = (
    "Coloured and named: the best at one of the sizes, and the best of each family. Grey: the {} others, whose numbers are in the CSV "
    "beside this figure; --models draws a few alone."
)


def draw(
    cases: pd.DataFrame, metrics: Sequence[str], *, title: str, notes: Sequence[str], formula: str = ""
) -> Drawing:
    """A row of panels per axis along which something was measured twice, a panel per metric that has numbers.

    `formula` names a metric that is drawn dotted and hollow beside the measured one, in the first panel of each row.
    Raises NothingMeasuredError where no two cases differ in batch size or image size only.
    """
    cases = legible(cases, style.LONGEST_TEXT)
    measured = [name for name in metrics if name in cases and (cases[name] > 0).any()]
    looks = style.looks(cases["model"])
    rows, grey = groups.with_leaders([row for x in AXES for row in groups.rows_of(cases, x, measured, looks)], measured)
    if not rows:
        raise NothingMeasuredError(
            f"no model has {' or '.join(metrics)} at two batch sizes or two image sizes: "
            "lambdabench run --suite NAME --batch-size 1,2,4,8 or --image-px 160,224,288"
        )
    with style.context():
        figure, placed = _panels(rows, measured, formula)
        style.heading(figure, title)
        style.caption(figure, (*notes, *([GREY_SAID.format(grey)] if grey else [])))
        style.settle(figure)
        for axes, names in placed:
            _spread(axes, names)
    shown = [*measured, *([formula] if formula in cases else [])]
    besides = ["status", "reason", "case_id"]
    return Drawing(figure=figure, numbers=scales.numbers(cases, shown, besides, ["model", "image_px", "batch_size"]))


Named = list[tuple[Annotation, float, Curve]]


def _panels(rows: Sequence[Row], metrics: Sequence[str], formula: str) -> tuple[Figure, list[tuple[Axes, Named]]]:
    most = max(sum(curve.is_named for curve in curves) for row in rows for curves in row.panels)
    height = max(3.4, 0.9 + LABEL_INCHES * most)
    figure = Figure(figsize=(COLUMN_INCHES * len(metrics), 0.9 + height * len(rows)), layout="constrained")
    grid: Any = figure.subplots(len(rows), len(metrics), squeeze=False)
    placed: list[tuple[Axes, Named]] = []
    for row, line in zip(rows, grid, strict=True):
        for metric, curves, axes in zip(metrics, row.panels, line, strict=True):
            _prepare(axes, row, metric, curves)
            for item in curves:
                _draw_curve(axes, item, row.x, metric)
                if axes is line[0] and item.is_named and formula in item.points:
                    _draw_formula(axes, item, row.x, formula)
            scales.plain_log_ticks(axes.yaxis)
            placed.append((axes, [_name_end(axes, curve, row.x, metric) for curve in curves if curve.is_named]))
    figure.align_ylabels()
    return figure, placed


def _prepare(axes: Axes, row: Row, metric: str, curves: list[Curve]) -> None:
    x = row.x
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.margins(x=0.06, y=0.08)
    asked = {int(value) for curve in curves for value in (*curve.points[x], *curve.holes[x])}
    axes.xaxis.set_major_locator(FixedLocator(_clear_of_each_other(sorted(asked))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(AXES[x])
    axes.set_ylabel(scales.label(metric))
    fixed = sorted({int(value) for curve in curves for value in curve.points[OTHER[x]]})
    at = f"at {groups.word(OTHER[x], fixed[0])}" if len(fixed) == 1 else ""
    axes.set_title(", ".join(name for name in (row.title, at, _shared(curves)) if name), fontsize=9, loc="left")


def _shared(curves: Sequence[Curve]) -> str:
    """The options that all curves have alike, which no name tells."""
    options = [json.loads(curve.points["options"].iloc[0]) for curve in curves]
    return phrase(options[0], shared(options)) if options else ""


def _clear_of_each_other(values: list[int]) -> list[int]:
    """The values whose tick labels fit: at least a fourteenth of the axis apart."""
    kept = values[:1]
    for value in values[1:]:
        if np.log(value / kept[-1]) >= np.log(values[-1] / values[0]) / 14:
            kept.append(value)
    return kept


def _draw_curve(axes: Axes, curve: Curve, x: str, metric: str) -> None:
    """Line, markers and bars; a hole is a cross at the height of the nearest number, tied to it. What it is stands in the name."""
    points, colour = curve.points, curve.colour
    wide, order = (1.3, 2.0) if curve.is_named else (0.7, 1.5)
    axes.plot(
        points[x], scales.scaled(points[metric], metric), curve.dashes, color=colour, lw=wide, zorder=order, gid="curve"
    )
    for _, point in points.iterrows() if curve.is_named else ():
        axes.errorbar(
            point[x],
            scales.scale(point[metric], metric),
            yerr=scales.error(point, metric),
            fmt=curve.marker,
            color=colour,
            ms=4.5,
            elinewidth=0.9,
            capsize=2,
            zorder=3,
        )
    for _, hole in curve.holes.iterrows():
        nearest = _nearest(curve, x, hole[x])
        y = scales.scale(nearest[metric], metric)
        axes.plot([nearest[x], hole[x]], [y, y], ":", color=colour, lw=0.8, alpha=0.6)
        axes.plot(hole[x], y, "x", color=colour, ms=6, mew=1.6, gid="hole", zorder=3)


def _nearest(curve: Curve, x: str, value: float) -> pd.Series:
    """The point with the nearest x, as ratios go."""
    return curve.points.iloc[int(np.abs(np.log(curve.points[x].to_numpy(float) / value)).argmin())]


def _draw_formula(axes: Axes, curve: Curve, x: str, formula: str) -> None:
    rows = curve.points[curve.points[formula].notna() & (curve.points[formula] > 0)]
    if rows.empty:
        return
    axes.plot(
        rows[x],
        scales.scaled(rows[formula], formula),
        curve.marker,
        ls=(0, (1, 1.5)),
        color=curve.colour,
        mfc="white",
        ms=4.5,
        lw=1,
        gid="formula",
    )


def _name_end(axes: Axes, curve: Curve, x: str, metric: str) -> tuple[Annotation, float, Curve]:
    """(The name and its holes to the right of the axes, tied to the line's end; the end's height in shown units; the curve)."""
    last = max(float(value) for value in (*curve.points[x], *curve.holes[x]))
    end = (last, scales.scale(_nearest(curve, x, last)[metric], metric))
    holes = [f"{hole['status']} at {hole[x]:g}" for _, hole in curve.holes.sort_values(x).iterrows()]
    text = "; ".join([curve.name, *holes])
    if len(text) > max(LONGEST, len(curve.name)):
        text = f"{text[: max(LONGEST - 1, len(curve.name))]}…"
    tie = {"arrowstyle": "-", "color": curve.colour, "lw": 0.7, "alpha": 0.8, "shrinkA": 0, "shrinkB": 3}
    name = axes.annotate(
        text,
        end,
        (NAME_PLACE, 0.5),
        textcoords="axes fraction",
        va="center",
        fontsize=7,
        color="#222222",
        arrowprops=tie | {"relpos": (0, 0.5)},
        annotation_clip=False,
    )
    return name, end[1], curve


def _spread(axes: Axes, names: Named) -> None:
    """Moves names to the heights of their ends, as near as they may be without touching (least squares, order kept), and marks them as
    their curves are, so that no name is told by its colour alone."""
    if not names:
        return
    bottom, top = axes.transAxes.transform([(0, 0), (0, 1)])[:, 1]
    gap = LINE_INCHES * axes.get_figure(root=True).dpi / (top - bottom)  # pyright: ignore[reportOptionalMemberAccess]
    ordered = sorted(names, key=lambda name: name[1])
    wanted = [
        float(axes.transAxes.inverted().transform(axes.transData.transform((1, height)))[1]) for _, height, _ in ordered
    ]
    steps = np.arange(len(ordered)) * gap
    heights = np.clip(isotonic_regression(np.asarray(wanted) - steps).x, 0, max(0.0, 1 - steps[-1])) + steps
    for (name, _, curve), height in zip(ordered, heights, strict=True):
        name.set_position((NAME_PLACE, float(height)))
        axes.plot(
            MARK_PLACE,
            float(height),
            curve.marker,
            color=curve.colour,
            ms=4.5,
            transform=axes.transAxes,
            clip_on=False,
            scalex=False,
            scaley=False,
            gid="mark",
        )
