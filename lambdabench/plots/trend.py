"""Ratios over stored runs: a panel a case, its levels drawn, and each change of level marked with what changed with it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis.change_point import SHORTEST
from ..analysis.trend import FEWEST, History
from ..core import foreign
from ..core.errors import NothingMeasuredError
from . import Drawing
from . import _style as style

TITLE = "Ratios over runs"
METRICS = ("latency",)
MOST = 24
"""Panels of a figure; those that moved come first."""
COLUMNS = 3
PANEL_INCHES, WIDE_INCHES = 1.7, 3.4
MOVED, LEVEL, POINT = "#d55e00", "#0072b2", "#6b6b6b"


def draw(histories: Sequence[History], *, title: str, notes: Sequence[str] = ()) -> Drawing:
    """The figure of histories, those that moved first. Raises NothingMeasuredError where none has `FEWEST` runs."""
    long = [history for history in histories if len(history.sessions) >= FEWEST]
    if not long:
        most = max((len(history.sessions) for history in histories), default=0)
        raise NothingMeasuredError(
            f"a change of level takes {FEWEST} runs of a case beside its reference, and the most that one has is {most}: "
            "lambdabench run --fresh measures again"
        )
    ordered = sorted(long, key=lambda history: -max((abs(np.log(move.change)) for move in history.moves()), default=0))
    drawn = ordered[:MOST]
    rows = -(-len(drawn) // COLUMNS)
    columns = min(COLUMNS, len(drawn))
    left_out = [f"{len(ordered) - MOST} cases more that moved less are in the .csv"] if len(ordered) > MOST else []
    with style.context():
        wide = max(5.0, WIDE_INCHES * columns)
        figure = Figure(figsize=(wide, 1.5 + PANEL_INCHES * rows), layout="constrained")
        grid: Any = figure.subplots(rows, columns, squeeze=False)
        for axes, history in zip(grid.flat, drawn, strict=False):
            _draw_panel(axes, history)
        for axes in list(grid.flat)[len(drawn) :]:
            axes.set_axis_off()
        style.heading(figure, title)
        anchors = ", ".join(sorted({history.anchor for history in drawn}))
        has_bars = any(session.low is not None for history in drawn for session in history.sessions)
        bars = " Bars: 95 % within the run's rounds." if has_bars else ""
        said = f"Latency over that of {anchors} in the same run; a rise is slower. A line is a level, of {SHORTEST} runs at least.{bars}"
        style.caption(figure, (said, *left_out, *notes))
    return Drawing(figure=figure, numbers=_numbers(ordered))


def _draw_panel(axes: Axes, history: History) -> None:
    places = np.arange(len(history.sessions))
    for place, session in zip(places, history.sessions, strict=True):
        if session.low is not None and session.high is not None:
            axes.plot([place, place], [session.low, session.high], color=POINT, lw=0.8)
    axes.plot(places, [session.ratio for session in history.sessions], "o", color=POINT, ms=3)
    starts = history.levels()
    for (start, end), level in zip(pairwise([*starts, len(places)]), history.medians(), strict=True):
        axes.plot([start - 0.4, end - 0.6], [level, level], color=LEVEL, lw=1.4)
    for move in history.moves():
        axes.axvline(move.place - 0.5, color=MOVED, lw=0.8, ls="--")
        text = foreign.cut("; ".join(foreign.plain(factor) for factor in move.factors) or "nothing known changed", 44)
        axes.annotate(
            f"{100 * (move.change - 1):+.1f} %\n{text}",
            (move.place - 0.4, 1.0),
            xycoords=("data", "axes fraction"),
            va="top",
            fontsize=6,
            color=MOVED,
        )
    dates = [session.started_at[5:16].replace("T", " ") for session in history.sessions]
    shown = places[:: max(1, len(places) // 4)]
    axes.set_xticks(shown, [dates[place] for place in shown], fontsize=6)
    axes.set_title(foreign.cut(foreign.plain(history.label), style.LONGEST_NAME), fontsize=8, loc="left")
    axes.margins(y=0.35)


def _numbers(histories: Sequence[History]) -> pd.DataFrame:
    rows = [
        {
            "case": history.label,
            "to": history.anchor,
            "run": session.run_id,
            "at": session.started_at,
            "ratio [1]": session.ratio,
            "ratio low [1]": session.low,
            "ratio high [1]": session.high,
            "level": sum(start <= place for start in history.levels()),
            "changed with it": "; ".join(
                factor for move in history.moves() if move.place == place for factor in move.factors
            ),
        }
        for history in histories
        for place, session in enumerate(history.sessions)
    ]
    return pd.DataFrame(rows)
