"""Accuracy against speed, one panel a batch size, with the front, every interval, and what is missing."""

import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd
import textalloc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..core.errors import NothingMeasuredError
from ..core.units import SCALES, format_significant
from . import Drawing
from . import _style as style

TITLE = "Accuracy against speed, with the Pareto front"
UNITS = {
    "throughput": "image/s",
    "latency": "s/step",
    "first_call": "s",
    "extra_memory": "B",
    "peak_memory": "B",
    "parameters": "1",
    "flops": "FLOP/image",
}
LOWER_IS_BETTER = frozenset(UNITS) - {"throughput"}
FRONT_OF = ["dtype", "mode", "device", "fingerprint"]
"""Within a batch size, cases that differ in one of these have fronts apart, as in `analysis.pareto`."""


def draw(points: pd.DataFrame, *, x: str, y: str, title: str, notes: Sequence[str] = ()) -> Drawing:
    """The figure of `analysis.pareto`'s frame. Raises NothingMeasuredError where no case has both numbers."""
    if points.empty:
        raise NothingMeasuredError(
            f"no case has both {x} and {y}: measure models with a published accuracy at their size "
            f"(lambdabench run --suite quickstart), or choose other axes with --x and --y"
        )
    batches = sorted(points["batch_size"].unique())
    with style.context():
        figure = Figure(figsize=(max(6.4, 5.2 * len(batches)), 5.2), layout="constrained")
        panels: Any = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
        for axes, batch in zip(panels, batches, strict=True):
            _draw_panel(axes, points[points["batch_size"] == batch], x, y)
            axes.set_title(f"batch {batch}", fontsize=9, loc="left")
        panels[0].set_ylabel(_label(y))
        figure.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
        _draw_legend(panels[-1], points)
        width = 95 * len(batches)
        caption = "\n".join(line for note in notes for line in textwrap.wrap(note, width))
        figure.supxlabel(caption, fontsize=6.5, color="#555555", x=0.01, ha="left")
        figure.draw_without_rendering()  # labels are placed in pixels: the layout must be final
        for axes, batch in zip(panels, batches, strict=True):
            _name_points(axes, points[points["batch_size"] == batch], x, y)
    return Drawing(figure=figure, numbers=_numbers(points, x, y))


def _draw_panel(axes: Axes, points: pd.DataFrame, x: str, y: str) -> None:
    axes.set_xscale("log")
    for _, comparable in points.groupby(FRONT_OF, dropna=False):
        _draw_front(axes, comparable[comparable["on_front"]].sort_values(x), x, y)
    for _, point in points.iterrows():
        colour, marker = style.FAMILIES[style.family(str(point["model"]))]
        axes.errorbar(
            _scale(point[x], x),
            _scale(point[y], y),
            xerr=_error(point, x),
            yerr=_error(point, y),
            fmt=marker,
            color=colour,
            alpha=1.0 if point["on_front"] else 0.55,
            ms=6 if point["on_front"] else 5,
            elinewidth=0.8,
            capsize=1.5,
            zorder=3,
        )
    axes.margins(x=0.18, y=0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_significant(value, 2)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(_label(x) + ("  (← faster)" if x == "latency" else "  (faster →)" if x == "throughput" else ""))


def _name_points(axes: Axes, points: pd.DataFrame, x: str, y: str) -> None:
    """Labels that keep clear of each other and of the points, where the layout leaves them."""
    xs, ys = _scaled(points[x], x), _scaled(points[y], y)
    textalloc.allocate(
        axes,
        xs,
        ys,
        [str(name) for name in points["model"]],
        x_scatter=xs,
        y_scatter=ys,
        textsize=7,
        linecolor="#bbbbbb",
    )


def _draw_front(axes: Axes, front: pd.DataFrame, x: str, y: str) -> None:
    stairs = "steps-post" if x in LOWER_IS_BETTER else "steps-pre"  # the best accuracy that is had at least this fast
    axes.plot(
        _scaled(front[x], x), _scaled(front[y], y), color="#222222", lw=1.2, zorder=2, gid="front", drawstyle=stairs
    )


def _draw_legend(axes: Axes, points: pd.DataFrame) -> None:
    for name in dict.fromkeys(style.family(str(model)) for model in points["model"]):
        colour, marker = style.FAMILIES[name]
        axes.plot([], [], marker, color=colour, label=name)
    axes.plot([], [], color="#222222", lw=1.2, label="front")
    axes.legend(fontsize=7, frameon=False, loc="best")


def _label(metric: str) -> str:
    if metric == "top1":
        return "ImageNet-1k top-1 [%], quoted"
    return f"{metric.replace('_', ' ')} [{SCALES[UNITS[metric]][0]}]"


def _factor(metric: str) -> float:
    return SCALES[UNITS[metric]][1] if metric in UNITS else 1.0


def _scale(value: Any, metric: str) -> float:
    return float(value) * _factor(metric)


def _scaled(values: pd.Series, metric: str) -> list[float]:
    return [_scale(value, metric) for value in values]


def _error(point: pd.Series, metric: str) -> list[list[float]] | None:
    low, high = point.get(f"{metric}_low"), point.get(f"{metric}_high")
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return None
    centre = point[metric]
    return [[_scale(max(0.0, centre - low), metric)], [_scale(max(0.0, high - centre), metric)]]


def _numbers(points: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The columns behind the figure, stored units in the names."""
    wanted = ["model", "batch_size", "image_px", "dtype", "device_name"]
    wanted += [f"{name}{end}" for name in (x, y) for end in ("", "_low", "_high")]
    wanted += ["top1_tag", "top1_source", "on_front", "membership", "case_id", "fingerprint"]
    numbers = points[[name for name in dict.fromkeys(wanted) if name in points]].sort_values(["batch_size", x])
    units = {f"{name}{end}": f"{name}{end} [{UNITS[name]}]" for name in UNITS for end in ("", "_low", "_high")}
    return numbers.rename(columns=units)
