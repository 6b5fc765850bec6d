"""Accuracy against speed, one panel a batch size, with the front, every interval, and what is missing."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import textalloc
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis.pareto import BETTER, FRONT_OF
from ..core.errors import NothingMeasuredError
from . import Drawing
from . import _scales as scales
from . import _style as style

TITLE = "Accuracy against speed, with the Pareto front"
BESIDES = (
    "asked_batch_size",
    "top1_tag",
    "top1_data",
    "top1_source",
    "on_front",
    "membership",
    "case_id",
    "fingerprint",
)
"""Columns of the numbers behind the figure, besides the axes."""
BATCH = "asked_batch_size"


def draw(points: pd.DataFrame, *, x: str, y: str, title: str, notes: Sequence[str] = ()) -> Drawing:
    """The figure of `analysis.pareto`'s frame. Raises NothingMeasuredError where no case has both numbers."""
    if points.empty:
        raise NothingMeasuredError(
            f"no case has both {x} and {y}: measure models with a published accuracy at their size "
            f"(lambdabench run --suite quickstart), or choose other axes with --x and --y"
        )
    batches = sorted(points[BATCH].unique())
    with style.context():
        figure = Figure(figsize=(max(6.4, 5.2 * len(batches)), 5.2), layout="constrained")
        panels: Any = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
        for axes, batch in zip(panels, batches, strict=True):
            _draw_panel(axes, points[points[BATCH] == batch], x, y)
            axes.set_title(f"batch {batch}", fontsize=9, loc="left")
        panels[0].set_ylabel(scales.label(y))
        style.heading(figure, title)
        _draw_legend(panels[-1], points)
        style.caption(figure, notes, width=95 * len(batches))
        figure.draw_without_rendering()  # labels are placed in pixels: the layout must be final
        for axes, batch in zip(panels, batches, strict=True):
            _name_points(axes, points[points[BATCH] == batch], x, y)
    return Drawing(figure=figure, numbers=scales.numbers(points, (x, y), BESIDES, [BATCH, x]))


def _draw_panel(axes: Axes, points: pd.DataFrame, x: str, y: str) -> None:
    axes.set_xscale("log")
    for _, comparable in points.groupby([name for name in FRONT_OF if name in points], dropna=False):
        _draw_front(axes, comparable[comparable["on_front"]].sort_values(x), x, y)
    for _, point in points.iterrows():
        colour, marker = style.FAMILIES[style.family(str(point["model"]))]
        axes.errorbar(
            scales.scale(point[x], x),
            scales.scale(point[y], y),
            xerr=scales.error(point, x),
            yerr=scales.error(point, y),
            fmt=marker,
            color=colour,
            alpha=1.0 if point["on_front"] else 0.55,
            ms=6 if point["on_front"] else 5,
            elinewidth=0.8,
            capsize=1.5,
            zorder=3,
        )
    axes.margins(x=0.18, y=0.12)
    scales.plain_log_ticks(axes.xaxis)
    axes.set_xlabel(
        scales.label(x) + ("  (← faster)" if x == "latency" else "  (faster →)" if x == "throughput" else "")
    )


def _name_points(axes: Axes, points: pd.DataFrame, x: str, y: str) -> None:
    """Labels that keep clear of each other and of the points, where the layout leaves them."""
    xs, ys = scales.scaled(points[x], x), scales.scaled(points[y], y)
    textalloc.allocate(
        axes,
        xs,
        ys,
        [_name(point) for _, point in points.iterrows()],
        x_scatter=xs,
        y_scatter=ys,
        textsize=7,
        linecolor="#bbbbbb",
    )


def _name(point: pd.Series) -> str:
    """The model, with the batch that fitted where it is not the panel's, and the data beyond ImageNet-1k that its accuracy is of."""
    batch = "" if point["batch_size"] == point[BATCH] else f"batch {point['batch_size']}"
    besides = [one for one in (batch, point.get("top1_data", "")) if one]
    return str(point["model"]) + (f" ({', '.join(besides)})" if besides else "")


def _draw_front(axes: Axes, front: pd.DataFrame, x: str, y: str) -> None:
    stairs = "steps-post" if BETTER[x] == "lower" else "steps-pre"  # the best accuracy that is had at least this fast
    axes.plot(
        scales.scaled(front[x], x),
        scales.scaled(front[y], y),
        color="#222222",
        lw=1.2,
        zorder=2,
        gid="front",
        drawstyle=stairs,
    )


def _draw_legend(axes: Axes, points: pd.DataFrame) -> None:
    for name in dict.fromkeys(style.family(str(model)) for model in points["model"]):
        colour, marker = style.FAMILIES[name]
        axes.plot([], [], marker, color=colour, label=name)
    axes.plot([], [], color="#222222", lw=1.2, label="front")
    axes.legend(fontsize=7, frameon=False, loc="best")
