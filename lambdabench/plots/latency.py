"""How long a step takes usually and at worst: p50 to p95 to p99 of each model with their bounds, and the share over a limit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..analysis.answers import INTERVAL, columns_of
from ..analysis.legible import legible
from ..analysis.pareto import asked_batch
from ..analysis.tail_columns import columns_in, over_of, tail_of
from ..core import fields, foreign
from ..core.errors import NothingMeasuredError
from ..core.units import format_time
from . import Drawing
from . import _scales as scales
from . import _style as style

TITLE = "Latency, usual and at worst"
METRICS = ("latency",)
MS = 1e3
COLOURS, MARKERS = ("#0072b2", "#e69f00", "#d55e00", "#000000"), "osD^"
"""Of the quantiles from the lowest on, as in `_style`, so that they are told apart in grey as well; a fifth one begins anew."""
SPREAD = 0.5
"""Of a line's height: over so much of it its quantiles are laid out, so that bars do not cover each other."""
LINE_INCHES, CLOSE_INCHES, LEAST_INCHES, PANEL_INCHES, NAME_INCHES = 0.36, 0.22, 2.0, 4.6, 0.065
MANY_LINES, MOST_LINES = 24, 60
"""More lines than these stand closer; of more, the slowest are left to the numbers."""
ARROW_POINTS = 20
LEGEND_LIFT = 2.8
"""Of the legend over a panel's upper edge, in its letters: its title stands below."""
OF_A_LINE = tuple(field for field in fields.FIELDS if field.name not in ("model", "batch_size", "suite"))
"""What tells lines of one model apart."""


def draw(cases: pd.DataFrame, *, title: str, notes: Sequence[str] = (), limit_s: float | None = None) -> Drawing:
    """The figure of a wide table with quantiles: a panel a batch size, a line a model and whatever else tells cases apart, the quickest
    first. Raises NothingMeasuredError where no case has quantiles."""
    names = columns_in(cases)
    timed = cases[cases[f"latency_{names[0]}"].notna()] if names else cases.iloc[:0]
    if timed.empty:
        raise NothingMeasuredError(
            "no case has calls whose latency was stored: lambdabench run --suite quickstart --at p95"
        )
    lines = _lines(legible(timed, style.LONGEST_NAME), names)
    every, batches = list(dict.fromkeys(lines["line"])), sorted(set(lines["asked"]))
    order = every[:MOST_LINES]
    rest = f"The quickest {len(order)} of {len(every)}; the others are in the CSV beside this figure, and --models draws those you name."
    with style.context():
        wide = NAME_INCHES * max(map(len, order)) + PANEL_INCHES * len(batches)
        each = LINE_INCHES if len(order) <= MANY_LINES else CLOSE_INCHES
        figure = Figure(figsize=(wide, 1.7 + max(LEAST_INCHES, each * len(order))), layout="constrained")
        grid: Any = figure.subplots(1, len(batches), sharey=True, squeeze=False)
        for axes, batch in zip(grid[0], batches, strict=True):
            shown = lines[(lines["asked"] == batch) & lines["line"].isin(order)]
            _draw_panel(axes, shown, order, names, limit_s)
            axes.set_title(f"batch {batch}", fontsize=9, loc="left")
        _draw_legend(grid[0][0], names, lines)
        style.heading(figure, title)
        style.caption(figure, (*notes, *([rest] if len(order) < len(every) else [])))
    return Drawing(figure=figure, numbers=_numbers(timed, names))


def _lines(timed: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The cases with `asked`, the batch size of their panel, and `line`, what names them there; by their second quantile in the first
    panel, the longest last."""
    rows = [{str(key): item for key, item in row.items()} for row in timed.to_dict("records")]
    texts = fields.labels(rows, OF_A_LINE)
    named = [
        foreign.cut(str(row["model"]), style.LONGEST_NAME) + (f" ({text})" if text else "")
        for row, text in zip(rows, texts, strict=True)
    ]
    frame = timed.assign(asked=asked_batch(timed), line=named)
    by = f"latency_{names[min(1, len(names) - 1)]}"
    return frame.sort_values(["asked", by], kind="stable").drop_duplicates(["asked", "line"])


def _draw_panel(
    axes: Axes, lines: pd.DataFrame, order: Sequence[str], names: Sequence[str], limit_s: float | None
) -> None:
    axes.set_xscale("log")
    places = {line: place for place, line in enumerate(order)}
    heights = np.linspace(-SPREAD / 2, SPREAD / 2, len(names)) if len(names) > 1 else np.zeros(1)
    for row in ({str(key): item for key, item in row.items()} for row in lines.to_dict("records")):
        _draw_line(axes, row, names, places[row["line"]] + heights)
        if limit_s is not None:
            _tell_share(axes, row, places[row["line"]])
    if limit_s is not None:
        axes.axvline(MS * limit_s, color="#222222", lw=1, ls="--", zorder=1, gid="limit")
        axes.annotate(f"over {format_time(limit_s)}", (1.02, 1.0), xycoords="axes fraction", fontsize=7, va="bottom")
    axes.set_yticks(range(len(order)), order, fontsize=7.5)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    axes.set_xlabel("latency [ms]  (← faster)")
    scales.plain_log_ticks(axes.xaxis)


def _draw_line(axes: Axes, row: dict[str, Any], names: Sequence[str], heights: Any) -> None:
    """Quantiles from the lowest down to the highest with their bars, tied to each other, and the longest call."""
    values = [MS * float(row[f"latency_{name}"]) for name in names]
    axes.plot(values, heights, color="#bbbbbb", lw=0.9, zorder=2, gid="line")
    axes.plot(MS * row["latency_longest"], heights[-1], "|", color="#999999", ms=6, zorder=2, gid="longest")
    for name, value, height, (colour, marker) in zip(names, values, heights, _looks(names), strict=True):
        tail = tail_of(row, name)
        assert tail is not None
        low, high = (value if number is None else MS * number for number in (tail.low, tail.high))
        is_open = tail.high is None
        axes.plot([low, high], [height, height], color=colour, lw=1.1, zorder=3, gid=f"bar {name}")
        if is_open:
            arrow = {"arrowstyle": "<-", "color": colour, "lw": 1.0, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", (value, height), (ARROW_POINTS, 0), textcoords="offset points", arrowprops=arrow)
        face = "white" if is_open else colour
        axes.plot(
            value,
            height,
            marker,
            color=colour,
            mfc=face,
            ms=4.5,
            mew=1.1,
            zorder=4,
            gid=f"{'open' if is_open else 'point'} {name}",
        )


def _tell_share(axes: Axes, row: dict[str, Any], place: float) -> None:
    if share := over_of(row):
        text, at = share.told(), (1.02, place)
        axes.annotate(text, at, xycoords=("axes fraction", "data"), fontsize=7, va="center", gid="share")


def _draw_legend(axes: Axes, names: Sequence[str], lines: pd.DataFrame) -> None:
    """Between the title and the panel's, where it covers nothing."""
    marks = [
        Line2D([], [], color=colour, marker=marker, ms=4.5, lw=1.1, label=name)
        for name, (colour, marker) in zip(names, _looks(names), strict=True)
    ]
    if any(lines[f"latency_{name}_high"].isna().any() for name in names):
        marks.append(Line2D([], [], color="#555555", marker="o", mfc="white", ms=4.5, ls="", label="not bounded"))
    marks.append(Line2D([], [], color="#999999", marker="|", ms=6, ls="", label="longest call"))
    axes.legend(handles=marks, ncols=len(marks), **style.legend_above(LEGEND_LIFT))


def _looks(names: Sequence[str]) -> list[tuple[str, str]]:
    """(Colour, marker) of each quantile."""
    return [(COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]) for place in range(len(names))]


def _numbers(timed: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The columns behind the figure, seconds a step; shares of calls over the limit are from 0 to 1."""
    ends = ("", *INTERVAL)
    texts = [*columns_of([f"latency_{name}" for name in names], ends), "latency_longest"]
    counts = [*(f"latency_{name}_calls" for name in names), "latency_calls", "latency_visits"]
    over = columns_of(["latency_over"], ends)
    rows = scales.numbers(timed, ["latency"], [*texts, *counts, *over, "case_id"], ["model", "image_px", "batch_size"])
    return rows.rename(columns={name: f"{name} [s/step]" for name in texts})
