"""Numbers against batch size or image size: which cases are one curve, and curves drawn with bars, holes and names at their ends."""

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator
from scipy.optimize import isotonic_regression

from ..analysis.legible import legible
from ..core import fields
from ..core.errors import NothingMeasuredError
from ..core.options import differing, phrase, shared
from . import Drawing
from . import _scales as scales
from . import _style as style

AXES = {"batch_size": "batch size [images]", "image_px": "image size [px a side]"}
OTHER = {"batch_size": "image_px", "image_px": "batch_size"}
SAME = ("options", *(field.name for field in fields.FIELDS if field.parts or field.name == "model_hash"))
"""Cases that differ in one of these are never on one curve."""
COLUMN_INCHES, LABEL_INCHES, LINE_INCHES = 5.6, 0.145, 0.13
LONGEST = 48
"""Characters of a name at a line's end, where curves can be told apart by so many."""
FEWEST = 12
"""Characters of a long name that are kept from its beginning."""
TOLD_BY_VALUE = re.compile(r"\b\w+=(?!true\b|false\b)(?=[a-z])")
"""The key of an option whose value, a word, tells by itself: kernel=conv2d."""
CROWD = 14
"""More curves than these in one panel are parted by their conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Cases equal in all but x. `points` have a number; `holes` were asked for and have none."""

    name: str
    colour: str
    marker: str
    dashes: str
    points: pd.DataFrame
    holes: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels along one axis, one a metric."""

    x: str
    title: str
    panels: list[list[Curve]]


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
    rows = [row for x in AXES for row in _rows(cases, x, measured, looks)]
    if not rows:
        raise NothingMeasuredError(
            f"no model has {' or '.join(metrics)} at two batch sizes or two image sizes: "
            "lambdabench run --suite NAME --batch-size 1,2,4,8 or --image-px 160,224,288"
        )
    with style.context():
        figure, placed = _panels(rows, measured, formula)
        style.heading(figure, title)
        style.caption(figure, notes, width=95 * len(measured))
        figure.draw_without_rendering()  # names are placed in pixels: the layout must be final
        for axes, names in placed:
            _spread(axes, names)
    shown = [*measured, *([formula] if formula in cases else [])]
    besides = ["status", "reason", "case_id"]
    return Drawing(figure=figure, numbers=scales.numbers(cases, shown, besides, ["model", "image_px", "batch_size"]))


def find(cases: pd.DataFrame, x: str, metric: str, looks: dict[str, tuple[str, str]]) -> list[Curve]:
    """The curves of a metric along x; none where no case has a second one. Lone points only where curves are that they compare with."""
    keys = [name for name in ("model", *SAME, OTHER[x]) if name in cases]
    has = cases[metric].notna() & (cases[metric] > 0)
    groups = {key: group for key, group in cases.groupby(keys, dropna=False, sort=True) if has[group.index].any()}
    long = {key for key, group in groups.items() if group.loc[has, x].nunique() > 1}
    fixed = {key[-1] for key in long}
    models = {key[0] for key in long}
    kept = {key: rows for key, rows in groups.items() if key in long or (key[-1] in fixed and key[0] not in models)}
    if not long:
        return []
    names = _names(list(kept), keys)
    turn: dict[str, int] = {}
    curves: list[Curve] = []
    for (key, group), name in zip(kept.items(), names, strict=True):
        model = str(key[0])
        turn[model] = turn.get(model, -1) + 1
        colour, marker = looks[model]
        curves.append(
            Curve(
                name=name,
                colour=colour,
                marker=marker,
                dashes=style.DASHES[turn[model] % len(style.DASHES)],
                points=group[has[group.index]].sort_values(x),
                holes=group[~has[group.index] & (group["status"] != "ok")],
            )
        )
    return curves


def _rows(cases: pd.DataFrame, x: str, metrics: Sequence[str], looks: dict[str, tuple[str, str]]) -> list[Row]:
    """The rows of panels along x: one, or one for each of the conditions where that would be crowded."""
    together = [find(cases, x, name, looks) for name in metrics]
    if max((len(curves) for curves in together), default=0) <= CROWD:
        return [Row(x=x, title="", panels=together)] if any(together) else []
    apart = [name for name in SAME if name != "options" and name in cases]
    names = _told(cases[apart].astype(str))
    rows: list[Row] = []
    for _, same in cases.groupby(apart, dropna=False):
        panels = [find(same, x, name, looks) for name in metrics]
        if any(panels):
            rows.append(Row(x=x, title=", ".join(_word(name, same[name].iloc[0]) for name in names), panels=panels))
    return rows


def _told(frame: pd.DataFrame) -> list[str]:
    """The columns in which rows differ, but those that another column settles."""
    names: list[str] = []
    for column in frame:
        settled = fields.NAMED[str(column)].settled_by if column in fields.NAMED else ""
        before = frame[settled].nunique() if settled in frame else 1
        if len(frame[[name for name in (settled, column) if name in frame]].drop_duplicates()) > before:
            names.append(str(column))
    return names


def _names(keys: list[tuple[Any, ...]], columns: list[str]) -> list[str]:
    """Each curve's model with the conditions and options in which curves of this panel differ, but those that another one settles."""
    frame = pd.DataFrame(keys, columns=columns).astype(str)
    own = ["model", columns[-1]] if frame[columns[-1]].nunique() > 1 else ["model"]
    options = [json.loads(text) for text in frame["options"]]
    differ = differing(list(zip(frame["model"], options, strict=True)))
    frame["options"] = [phrase(option, differ) for option in options]
    names = [*own, *_told(frame[columns[1:-1]])]
    return _shortened(
        [", ".join(filter(None, (_word(name, row[name]) for name in names))) for _, row in frame.iterrows()]
    )


def _shortened(names: Sequence[str]) -> list[str]:
    """The names, long ones without the keys of options whose values are words, and cut in what they have in common with another;
    numbered where that makes them equal."""
    brief = [name if len(name) <= LONGEST else TOLD_BY_VALUE.sub("", name) for name in names]
    short = [_cut(name, [text for text in brief if text != name]) for name in brief]
    turn = {place: f" ({short[: place + 1].count(cut)})" for place, cut in enumerate(short) if short.count(cut) > 1}
    return [
        f"{cut[: LONGEST - len(turn[place])]}{turn[place]}" if place in turn else cut for place, cut in enumerate(short)
    ]


def _cut(name: str, others: Sequence[str]) -> str:
    """The name with its end from the word on in which it differs from its nearest, and as much of its beginning as there is room for."""
    if len(name) <= LONGEST:
        return name
    alike = max((_alike(name, other) for other in others), default=0)
    tail = name[name.rfind(" ", 0, alike) + 1 :][-(LONGEST - FEWEST - 1) :]
    return f"{name[: LONGEST - 1 - len(tail)]}…{tail}"


def _alike(name: str, other: str) -> int:
    """Characters with which both begin."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(name, other, strict=False)))


def _word(column: str, value: Any) -> str:
    """A condition as a name has it; a model and options stand as they are."""
    if column not in fields.NAMED:
        return str(value)
    return fields.phrase({column: None if str(value) in ("nan", "None") else value}, [fields.NAMED[column]])


Named = list[tuple[Annotation, float]]


def _panels(rows: Sequence[Row], metrics: Sequence[str], formula: str) -> tuple[Figure, list[tuple[Axes, Named]]]:
    most = max(len(curves) for row in rows for curves in row.panels)
    height = max(3.4, 0.9 + LABEL_INCHES * most)
    figure = Figure(figsize=(COLUMN_INCHES * len(metrics), 0.9 + height * len(rows)), layout="constrained")
    grid: Any = figure.subplots(len(rows), len(metrics), squeeze=False)
    placed: list[tuple[Axes, Named]] = []
    for row, line in zip(rows, grid, strict=True):
        for metric, curves, axes in zip(metrics, row.panels, line, strict=True):
            _prepare(axes, row, metric, curves)
            for item in curves:
                _draw_curve(axes, item, row.x, metric)
                if axes is line[0] and formula in item.points:
                    _draw_formula(axes, item, row.x, formula)
            scales.plain_log_ticks(axes.yaxis)
            placed.append((axes, [_name_end(axes, curve, row.x, metric) for curve in curves]))
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
    at = f"at {_word(OTHER[x], fixed[0])}" if len(fixed) == 1 else ""
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
    axes.plot(points[x], scales.scaled(points[metric], metric), curve.dashes, color=colour, lw=1.3, gid="curve")
    for _, point in points.iterrows():
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


def _name_end(axes: Axes, curve: Curve, x: str, metric: str) -> tuple[Annotation, float]:
    """(The name and its holes to the right of the axes, tied to the line's end; the end's height in shown units)."""
    last = max(float(value) for value in (*curve.points[x], *curve.holes[x]))
    end = (last, scales.scale(_nearest(curve, x, last)[metric], metric))
    holes = [f"{hole['status']} at {hole[x]:g}" for _, hole in curve.holes.sort_values(x).iterrows()]
    text = "; ".join([curve.name, *holes])
    if len(text) > max(LONGEST, len(curve.name)):
        text = f"{text[: max(LONGEST - 1, len(curve.name))]}…"
    tie = {"arrowstyle": "-", "color": curve.colour, "lw": 0.5, "alpha": 0.5, "shrinkA": 0, "shrinkB": 3}
    name = axes.annotate(
        text,
        end,
        (1.03, 0.5),
        textcoords="axes fraction",
        va="center",
        fontsize=7,
        color=curve.colour,
        arrowprops=tie | {"relpos": (0, 0.5)},
        annotation_clip=False,
    )
    return name, end[1]


def _spread(axes: Axes, names: Named) -> None:
    """Moves names to the heights of their ends, as near as they may be without touching (least squares, order kept)."""
    if not names:
        return
    bottom, top = axes.transAxes.transform([(0, 0), (0, 1)])[:, 1]
    gap = LINE_INCHES * axes.get_figure(root=True).dpi / (top - bottom)  # pyright: ignore[reportOptionalMemberAccess]
    ordered = sorted(names, key=lambda name: name[1])
    wanted = [
        float(axes.transAxes.inverted().transform(axes.transData.transform((1, height)))[1]) for _, height in ordered
    ]
    steps = np.arange(len(ordered)) * gap
    heights = np.clip(isotonic_regression(np.asarray(wanted) - steps).x, 0, max(0.0, 1 - steps[-1])) + steps
    for (name, _), height in zip(ordered, heights, strict=True):
        name.set_position((1.03, float(height)))
