"""The paper's claims: a specification curve of each, every condition with its interval and its settings below, and one figure of all.

After Simonsohn, Simmons and Nelson, "Specification curve analysis" (Nature Human Behaviour 4, 2020): who shows one condition has chosen it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..analysis.claim_bench import Tested
from ..analysis.claim_conditions import label, said
from ..analysis.claim_witness import Witnessed
from ..analysis.claims import Judged, Row
from ..core.errors import NothingMeasuredError
from . import Drawing
from . import _scales as scales
from . import _style as style

TITLE = "Claims of the paper, under every condition"
METRICS = ("throughput",)
COLOURS = {"paper's": "#d55e00", "ours": "#0072b2", "": "#000000"}
LAYERS = {"paper's": "the paper's listing (einsum)", "ours": "our kernels", "": "a count"}
MARKERS = {"today's": "s"}
"""Of recipes; a circle for all others."""
QUOTED, EVEN = "#222222", "#999999"
WORDS = {"True": "yes", "False": "no", "None": "", "default": "", "0": ""}
"""Of settings that have others than their own; those that say nothing are not told."""
LINE_INCHES, COLUMN_INCHES, MATRIX_INCHES = 0.24, 0.22, 0.16
ROOM = 1.15
"""Of the axis beyond the greatest and the least number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A condition of a claim as a column of its figure."""

    row: Row
    tested: Tested

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """(Axis, its value), the lines of the matrix that have a mark here."""
        assert self.tested.condition is not None
        pairs = [("layer", "einsum" if self.row.kernel == "paper's" else "ours"), ("against", self.row.recipe)]
        pairs += [
            (field.title, WORDS.get(str(value), str(value))) for field, value in said(self.tested.condition.setting)
        ]
        return tuple(pair for pair in pairs if pair[1])


def draw(
    cases: pd.DataFrame | None,
    *,
    title: str,
    notes: Sequence[str] = (),
    claims: Sequence[Judged] = (),
    witnesses: Sequence[Witnessed] = (),
) -> Drawing:
    """One figure of all claims: the ratio here of each headline with its interval, the range of its conditions, and the paper's. Published
    tables stand below, hollow. Raises NothingMeasuredError where there are no claims: a suite's own figures have none."""
    lines = [(item, row) for item in claims for row in item.rows if row.headline.is_usable]
    seen = [witness for witness in witnesses if witness.value is not None]
    if not lines and not seen:
        raise NothingMeasuredError(
            "no claim has a ratio yet: lambdabench run --suite claims, then lambdabench plot claims"
        )
    names = list(dict.fromkeys(witness.name for witness in seen))
    with style.context():
        figure = Figure(figsize=(9.5, 1.6 + LINE_INCHES * (len(lines) + len(names))), layout="constrained")
        axes: Any = figure.subplots()
        for place, (item, row) in enumerate(lines):
            _draw_line(axes, item, row, place)
        for place, name in enumerate(names, len(lines)):
            _draw_witness(axes, [witness for witness in seen if witness.name == name], place)
        labels = [_line_label(item, row) for item, row in lines] + [f"{name} (published tables)" for name in names]
        axes.set_yticks(range(len(labels)), labels, fontsize=7)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        _draw_scale(axes, "x", "times as fast, or as small  (claim →)")
        _draw_legend(axes, lines, has_witness=bool(names))
        style.heading(figure, title)
        style.caption(figure, notes)
    return Drawing(figure=figure, numbers=numbers(claims, witnesses))


def curve(item: Judged, *, title: str, notes: Sequence[str] = ()) -> Drawing:
    """The specification curve of one claim: conditions by their ratio, those without one last, their settings as a matrix below. Raises
    NothingMeasuredError where no condition has a ratio."""
    columns = [_Column(row=row, tested=tested) for row in item.rows for tested in row.tested if tested.condition]
    columns.sort(key=lambda column: (not column.tested.is_usable, column.tested.value or 0.0))
    if not any(column.tested.is_usable for column in columns):
        raise NothingMeasuredError(
            f"{item.claim.id} has no ratio under any condition; lambdabench claims says what is missing"
        )
    settings = _matrix(columns)
    with style.context():
        size = (max(6.5, 2.4 + COLUMN_INCHES * len(columns)), 3.6 + MATRIX_INCHES * len(settings))
        figure = Figure(figsize=size, layout="constrained")
        ratios = [2.2, MATRIX_INCHES * len(settings) + 0.2]
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=ratios)  # pyright: ignore[reportGeneralTypeIssues]
        _draw_curve(top, item, columns)
        _draw_matrix(bottom, columns, settings)
        style.heading(figure, title)
        style.caption(figure, (*_said(item, columns), *notes))
    return Drawing(figure=figure, numbers=numbers([item]))


def numbers(claims: Sequence[Judged], witnesses: Sequence[Witnessed] = ()) -> pd.DataFrame:
    """What the figures show, a row a condition; quoted ones of published tables last."""
    rows = [_number(item, row, tested) for item in claims for row in item.rows for tested in row.tested]
    rows += [
        {
            "claim": item.name,
            "against": item.recipe,
            "condition": item.table,
            "ratio": item.value,
            "status": "quoted",
            "reason": item.reason,
        }
        for item in witnesses
    ]
    columns = [
        "claim",
        "layer",
        "against",
        "condition",
        "headline",
        "status",
        "ratio",
        "low",
        "high",
        "paper",
        "verdict",
        "reason",
    ]
    return pd.DataFrame(rows, columns=columns)


def _number(item: Judged, row: Row, tested: Tested) -> dict[str, Any]:
    low, high = tested.interval or (None, None)
    return {
        "claim": item.claim.id,
        "layer": LAYERS[row.kernel],
        "against": row.recipe,
        "condition": "" if tested.condition is None else label(tested.condition),
        "headline": tested is row.headline,
        "status": tested.status,
        "ratio": tested.value,
        "low": low,
        "high": high,
        "paper": item.claim.quoted if item.paper is not None else None,
        "verdict": row.finding if tested is row.headline else "",
        "reason": tested.fault.says if tested.fault is not None else tested.reason,
    }


def _line_label(item: Judged, row: Row) -> str:
    words = [{"paper's": "einsum", "ours": "ours", "": ""}[row.kernel], f"vs {row.recipe}" if row.recipe else ""]
    phrase = ", ".join(filter(None, words))
    return f"{item.claim.id}{f' ({phrase})' if phrase else ''}"


def _draw_line(axes: Axes, item: Judged, row: Row, place: int) -> None:
    """The range of all conditions, the headline with its interval, the paper's ratio, the verdict."""
    colour = COLOURS[row.kernel]
    values = [tested.value for tested in row.usable if tested.value is not None]
    axes.plot(
        [min(values), max(values)], [place, place], color=colour, lw=3, alpha=0.25, solid_capstyle="butt", gid="range"
    )
    headline = row.headline
    if headline.interval is not None:
        axes.plot(headline.interval, [place, place], color=colour, lw=1.3, gid="interval")
    marker = MARKERS.get(row.recipe, "o")
    axes.plot(
        _number_of(headline.value),
        place,
        marker,
        color=colour,
        mfc=_face(headline, colour),
        ms=5,
        zorder=4,
        gid="headline",
    )
    axes.plot(item.claim.quoted, place, "D", color=QUOTED, mfc="white", ms=4.5, zorder=3, gid="paper")
    axes.annotate(
        row.finding, (1.01, place), xycoords=("axes fraction", "data"), fontsize=6.5, va="center", gid="verdict"
    )


def _draw_witness(axes: Axes, seen: Sequence[Witnessed], place: int) -> None:
    for item in seen:
        marker = MARKERS.get(item.recipe, "o")
        colour = EVEN if item.fault is not None else "#555555"
        axes.plot(_number_of(item.value), place, marker, color=colour, mfc="white", ms=5, gid="witness")
    axes.annotate(
        "quoted", (1.01, place), xycoords=("axes fraction", "data"), fontsize=6.5, va="center", color="#555555"
    )


def _draw_curve(axes: Axes, item: Judged, columns: Sequence[_Column]) -> None:
    for place, column in enumerate(columns):
        tested, colour = column.tested, COLOURS[column.row.kernel]
        if not tested.is_usable:
            continue
        if tested.interval is not None:
            axes.plot([place, place], tested.interval, color=colour, lw=1.1, gid="interval")
        is_headline = tested is column.row.headline
        axes.plot(
            place,
            _number_of(tested.value),
            MARKERS.get(column.row.recipe, "o"),
            color=colour,
            mfc=_face(tested, colour),
            ms=7 if is_headline else 4,
            zorder=4,
            gid="headline" if is_headline else "condition",
        )
    axes.axhline(item.claim.quoted, color=QUOTED, lw=1, ls="--", zorder=1, gid="paper")
    axes.annotate(
        f"paper {item.claim.printed}",
        (1.0, item.claim.quoted),
        xycoords=("axes fraction", "data"),
        fontsize=7,
        va="bottom",
        ha="right",
    )
    _draw_scale(axes, "y", "ratio here")
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    marks = [
        Line2D([], [], color=COLOURS[kernel], marker="o", ms=4, lw=1.1, label=LAYERS[kernel])
        for kernel in dict.fromkeys(column.row.kernel for column in columns)
    ]
    marks.append(Line2D([], [], color="#555555", marker="o", ms=7, ls="", label="headline"))
    axes.legend(
        handles=marks,
        fontsize=7,
        frameon=False,
        ncols=len(marks),
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        borderpad=0,
    )


def _draw_matrix(axes: Axes, columns: Sequence[_Column], settings: Sequence[tuple[str, str]]) -> None:
    """A mark where a condition has a setting; a cross where it has no ratio."""
    for place, column in enumerate(columns):
        mine = set(column.settings)
        rows = [number for number, setting in enumerate(settings) if setting in mine]
        is_usable = column.tested.is_usable
        axes.plot(
            [place] * len(rows),
            rows,
            "o" if is_usable else "x",
            color="#222222" if is_usable else "#bbbbbb",
            ms=3.2,
            gid="setting",
        )
    axes.set_yticks(range(len(settings)), [f"{axis}: {value}" for axis, value in settings], fontsize=6.5)
    axes.set_ylim(len(settings) - 0.5, -0.5)
    axes.set_xlim(-0.7, len(columns) - 0.3)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.set_xlabel("conditions, by their ratio; × failed or not run")


def _matrix(columns: Sequence[_Column]) -> list[tuple[str, str]]:
    """The settings in which the conditions differ, axis by axis."""
    pairs = list(dict.fromkeys(pair for column in columns for pair in column.settings))
    axes = list(dict.fromkeys(axis for axis, _ in pairs))
    of_axis = {axis: [value for name, value in pairs if name == axis] for axis in axes}
    return [(axis, value) for axis in axes if len(of_axis[axis]) > 1 for value in of_axis[axis]]


def _said(item: Judged, columns: Sequence[_Column]) -> Iterator[str]:
    yield f"{item.claim.says} ({item.claim.where})."
    reached = sum(row.reached for row in item.rows)
    without = sum(not column.tested.is_usable for column in columns)
    yield f"{reached} of {len(columns)} conditions reach it; {without} failed or were not run."
    for row in item.rows:
        if row.headline.is_usable:
            yield f"Headline, {_line_label(item, row)}: {row.headline.value:.2f}, {row.finding}."


def _number_of(value: float | None) -> float:
    """A ratio as a place; NaN, where nothing is drawn, for none."""
    return math.nan if value is None else value


def _face(tested: Tested, colour: str) -> str:
    """Hollow where a known fault stands behind a number."""
    return "white" if tested.fault is not None else colour


def _draw_scale(axes: Axes, which: str, title: str) -> None:
    """A logarithmic axis of ratios with a line at 1."""
    is_x = which == "x"
    (axes.set_xscale if is_x else axes.set_yscale)("log")
    low, high = axes.get_xlim() if is_x else axes.get_ylim()
    ends = min(low, 1.0) / ROOM, max(high, 1.0) * ROOM
    (axes.set_xlim if is_x else axes.set_ylim)(*ends)
    (axes.axvline if is_x else axes.axhline)(1.0, color=EVEN, lw=1, zorder=1, gid="even")
    axis = axes.xaxis if is_x else axes.yaxis
    if math.isfinite(ends[0]) and np.log10(ends[1] / ends[0]) > 0:
        scales.plain_log_ticks(axis)
    (axes.set_xlabel if is_x else axes.set_ylabel)(title)


def _draw_legend(axes: Axes, lines: Sequence[tuple[Judged, Row]], *, has_witness: bool) -> None:
    kernels = dict.fromkeys(row.kernel for _, row in lines)
    marks = [
        Line2D([], [], color=COLOURS[kernel], marker="o", ms=5, lw=1.3, label=LAYERS[kernel]) for kernel in kernels
    ]
    if any(row.recipe in MARKERS for _, row in lines) or has_witness:
        marks.append(Line2D([], [], color="#555555", marker="s", ms=5, ls="", label="over today's recipes"))
    if lines:
        marks.append(
            Line2D([], [], color=QUOTED, marker="D", mfc="white", ms=4.5, ls="", label="the paper's ratio, quoted")
        )
    if has_witness:
        marks.append(
            Line2D([], [], color="#555555", marker="o", mfc="white", ms=5, ls="", label="of a published table")
        )
    axes.legend(
        handles=marks, fontsize=7, frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1.0), borderpad=0
    )
