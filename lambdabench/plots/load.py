"""What requests wait that arrive by themselves: p50, p95 and p99 of each model against how much of its service rate arrives, and without
waiting at 0."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from ..analysis.answers import INTERVAL, answer, columns_of, lines
from ..analysis.legible import legible
from ..analysis.load_columns import SATURATION, loads_in, share_of_service
from ..analysis.tail_columns import tail_of
from ..analysis.tails import MS, SHOWN, Tail
from ..core import fields, foreign
from ..core.errors import NothingMeasuredError
from . import Drawing
from . import _scales as scales
from . import _style as style

TITLE = "Latency under load"
METRICS = ("latency_under_load",)
LOOKS: dict[str, tuple[str, str]] = dict(
    zip(SHOWN, (("#0072b2", "o"), ("#e69f00", "s"), ("#d55e00", "D")), strict=True)
)
"""Colour and marker, as `latency` has them."""
MOST_COLUMNS, MOST_PANELS = 4, 24
LEAST_INCHES, CAPTION_INCHES, PANEL_INCHES = 5.2, 1.9, (2.6, 2.5)
LEGEND_LIFT = 4.4
"""Of the legend over the first panel, in its letters: a title of two lines stands below."""
AROUND = 2.0
"""The axis of latencies reaches so many times beyond them."""
SHIFT = 0.012
"""Of a quantile's marks to the left or right, so that bars do not cover each other."""
ARROW_POINTS = 16
OF_A_PANEL = tuple(field for field in fields.FIELDS if field.name not in ("model", "suite"))
Point = tuple[float, Tail]


def draw(cases: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Drawing:
    """The figure of a wide table with quantiles under loads: a panel a case, the quickest first, one scale for all. Raises
    NothingMeasuredError where no case was under a load."""
    loads = loads_in(cases)
    shown = cases[cases[list(loads)].notna().any(axis=1)] if loads else cases.iloc[:0]
    if shown.empty:
        raise NothingMeasuredError(
            "no case was under a load: lambdabench run --suite service, or --load 0.5,0.9 of any suite"
        )
    shown = legible(shown, style.LONGEST_NAME).sort_values(next(iter(loads)), kind="stable")
    every = lines(shown)
    rows = every[:MOST_PANELS]
    rest = f"The quickest {len(rows)} of {len(every)}; the others are in the CSV beside this figure, and --models draws those you name."
    names = [foreign.cut(str(row["model"]), style.LONGEST_NAME) for row in rows]
    wide = min(len(rows), MOST_COLUMNS)
    high = math.ceil(len(rows) / wide)
    with style.context():
        size = (max(LEAST_INCHES, 0.8 + PANEL_INCHES[0] * wide), CAPTION_INCHES + PANEL_INCHES[1] * high)
        figure = Figure(figsize=size, layout="constrained")
        grid: Any = figure.subplots(high, wide, sharex=True, sharey=True, squeeze=False)
        for axes, row, name, label in zip(grid.flat, rows, names, fields.labels(rows, OF_A_PANEL), strict=False):
            _draw_panel(axes, row)
            axes.set_title(_panel_title(row, f"{name}{f' ({label})' if label else ''}"), fontsize=8, loc="left")
        for axes in list(grid.flat)[len(rows) :]:
            axes.set_visible(False)
        _draw_axes(grid, rows)
        style.heading(figure, title)
        style.caption(figure, (*notes, *([rest] if len(rows) < len(every) else [])))
    return Drawing(figure=figure, numbers=_numbers(shown, list(loads)))


def points(row: Mapping[str, Any], quantile: str) -> list[Point]:
    """A quantile of a case at each share of its service rate: 0 is that of its own calls, which wait for nothing."""
    alone = tail_of(row, quantile)
    result: list[Point] = [] if alone is None else [(0.0, alone)]
    for name, load in loads_in(row).items():
        tail, share = tail_of(row, quantile, name), share_of_service(row, load)
        if tail is not None and share is not None:
            result.append((share, tail))
    return sorted(result, key=lambda point: point[0])


def _draw_panel(axes: Axes, row: Mapping[str, Any]) -> None:
    axes.set_yscale("log")
    for place, (quantile, (colour, _)) in enumerate(LOOKS.items()):
        curve = points(row, quantile)
        shift = SHIFT * (place - 1)
        places = [share + shift for share, _ in curve]
        axes.plot(
            places, [MS * tail.value for _, tail in curve], color=colour, lw=1.1, zorder=2, gid=f"curve {quantile}"
        )
        for at, (_, tail) in zip(places, curve, strict=True):
            _draw_point(axes, at, tail, quantile)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}"))
    axes.set_xlim(-0.06, 1.04)
    axes.tick_params(labelsize=8)


def _draw_point(axes: Axes, at: float, tail: Tail, quantile: str) -> None:
    """A quantile with its bar; hollow with an arrow where nothing bounds it from above."""
    (colour, marker), value = LOOKS[quantile], MS * tail.value
    low, high = (value if end is None else MS * end for end in (tail.low, tail.high))
    axes.plot([at, at], [low, high], color=colour, lw=1.0, zorder=3, gid=f"bar {quantile}")
    is_open = tail.high is None
    if is_open:
        arrow = {"arrowstyle": "<-", "color": colour, "lw": 0.9, "shrinkA": 0, "shrinkB": 2}
        axes.annotate("", (at, value), (0, ARROW_POINTS), textcoords="offset points", arrowprops=arrow)
    face = "white" if is_open else colour
    axes.plot(at, value, marker, color=colour, mfc=face, ms=3.8, mew=1.0, zorder=4, gid=f"point {quantile}")


def _panel_title(row: Mapping[str, Any], name: str) -> str:
    rate = answer(row, SATURATION)
    return name if rate.value is None else f"{name}\nat most {rate.words()} request/s"


def _draw_axes(grid: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """One scale for all panels, from the values: a bar may leave it. Labels at the left and the lower edge, marks explained above
    the first panel."""
    values = [MS * tail.value for row in rows for quantile in SHOWN for _, tail in points(row, quantile)]
    first = grid[0][0]
    first.set_ylim(min(values) / AROUND, max(values) * AROUND)
    scales.plain_log_ticks(first.yaxis)
    for line in grid:
        line[0].set_ylabel("latency [ms]  (↓ faster)", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("arrivals [% of the service rate]", fontsize=8)
    marks = [
        Line2D([], [], color=colour, marker=marker, ms=4, lw=1.1, label=name)
        for name, (colour, marker) in LOOKS.items()
    ]
    marks.append(Line2D([], [], color="#555555", marker="o", mfc="white", ms=4, ls="", label="not bounded"))
    first.legend(handles=marks, ncols=len(marks), columnspacing=1.0, **style.legend_above(LEGEND_LIFT))


def _numbers(shown: pd.DataFrame, loads: Sequence[str]) -> pd.DataFrame:
    """The columns behind the figure, seconds a request."""
    ends = ("", *INTERVAL, "_calls")
    texts = [
        column for name in ("latency", *loads) for column in columns_of([f"{name}_{item}" for item in SHOWN], ends)
    ]
    rates = columns_of([SATURATION], ("", *INTERVAL))
    rows = scales.numbers(shown, ["latency", *loads], [*texts, *rates, "case_id"], ["model", "image_px", "batch_size"])
    seconds = [name for name in texts if not name.endswith("_calls")]
    return rows.rename(columns={name: f"{name} [s/step]" for name in (*seconds, *loads)})
