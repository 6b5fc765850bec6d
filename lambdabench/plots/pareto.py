"""Accuracy against speed, one panel a front, with every interval, and what is missing."""

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cbook import pts_to_poststep as step_post
from matplotlib.cbook import pts_to_prestep as step_pre
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..analysis.accuracies import MEASURED
from ..analysis.legible import legible
from ..analysis.node_tables import over_nodes
from ..analysis.pareto import BATCH, Group, best, front, groups, joined, parted_by
from ..core import fields, foreign
from ..core.errors import NothingMeasuredError
from ..core.metric import metric
from . import Drawing
from . import _labels as labels
from . import _scales as scales
from . import _style as style

TITLE = "Accuracy against speed, with the Pareto front"
BAND = "#dddddd"
MOST_BESIDE = 5
"""Entries of the legend in one line, as wide as a panel."""
LEGEND_LIFT = 2.6
"""Lines of text between a panel and the legend above it: its title has its place there."""
MOST_NAMES = 60
"""In a panel of more points those that are on the front, or may be, have names."""
CROWD = 12
"""In a panel of more points some may find no room for a name."""
MANY = 24
"""In a panel of more points names stand near their points, those of the front excepted."""
PERHAPS = 0.05
UNNAMED = "Points without a name: there was no room; the CSV beside this figure names them all."
BESIDES = (
    BATCH,
    "top1_tag",
    "top1_data",
    "top1_source",
    "top1_origin",
    "on_front",
    "front",
    "membership",
    "case_id",
)
"""Columns of the numbers behind the figure, besides the axes and what tells cases apart."""
MACHINE = ("device_name", "device", "fingerprint")
"""Fields that say where something ran."""
OF_A_MODEL = (*(field for field in fields.SETTINGS if not field.parts), fields.NAMED["image_px"])
"""What tells points of one model apart that stand on one front."""


def draw(
    points: pd.DataFrame, *, x: str, y: str, title: str, notes: Sequence[str] = (), across: Sequence[str] = ()
) -> Drawing:
    """The figure of `analysis.pareto`'s frame, made with this `across`: a column a batch size, a row for each of the other things
    that fronts are apart by. Raises NothingMeasuredError where no case has both numbers."""
    if points.empty:
        raise NothingMeasuredError(
            f"no case has both {x} and {y}: measure models with a published accuracy at their size "
            f"(lambdabench run --suite quickstart), or choose other axes with --x and --y"
        )
    points = legible(points, style.LONGEST_TEXT)
    result = groups(points, across)
    batches, rows = sorted({group.batch for group in result}), list(dict.fromkeys(group.told for group in result))
    with style.context():
        size = (max(6.4, 5.2 * len(batches)), 5.2 if len(rows) == 1 else 1.2 + 4.2 * len(rows))
        figure = Figure(figsize=size, layout="constrained")
        alike = all(field.joins or field.name in MACHINE for field in parted_by(points, across))
        shared: Any = "col" if alike else "none"  # machines and runtimes of one task are read off one axis
        grid: Any = figure.subplots(len(rows), len(batches), sharex=shared, sharey=True, squeeze=False)
        panels = _draw_panels(grid, {(group.told, group.batch): group for group in result}, points, (x, y))
        style.heading(figure, title)
        _draw_legend(panels[0][0], points)
        more = (UNNAMED,) if any(len(mine) > CROWD for _, mine in panels) else ()
        style.caption(figure, (*notes, *more))
        style.settle(figure)
        for axes, mine in panels:
            _name_points(axes, mine, (x, y), names(mine, across, are_mixed=len(_origins(points)) > 1))
    return Drawing(figure=figure, numbers=scales.numbers(points, (x, y), BESIDES, [BATCH, "front", x]))


Panels = list[tuple[Axes, pd.DataFrame]]


def _draw_panels(
    grid: Any, result: dict[tuple[str, int], Group], points: pd.DataFrame, columns: tuple[str, str]
) -> Panels:
    """The panels that have a front, each with its points."""
    batches, rows = sorted({batch for _, batch in result}), list(dict.fromkeys(name for name, _ in result))
    panels: Panels = []
    for line, text in zip(grid, rows, strict=True):
        line[0].set_ylabel(scales.label(columns[1], points))
        for axes, batch in zip(line, batches, strict=True):
            group = result.get((text, batch))
            if group is None:
                axes.set_axis_off()
                continue
            mine = points.loc[group.members]
            _draw_panel(axes, mine, *columns)
            words = (text, over_nodes(mine), f"batch {batch}")
            axes.set_title(", ".join(filter(None, words)), fontsize=9, loc="left")
            panels.append((axes, mine))
    for axes in grid[-1]:
        axes.set_xlabel(scales.label(columns[0], points) + _better(columns[0]))
    return panels


def _origins(points: pd.DataFrame) -> set[str]:
    """Whether accuracies are quoted, measured, or some the one and some the other."""
    return {str(point) for point in points.get("top1_origin", ()) if point}


def _better(x: str) -> str:
    return "  (← faster)" if x == "latency" else "  (faster →)" if x == "throughput" else ""


def _draw_panel(axes: Axes, points: pd.DataFrame, x: str, y: str) -> None:
    """A front with its points."""
    on = set(front(points, x, y))
    axes.set_xscale("log")
    _draw_band(axes, points, x, y)
    _draw_front(axes, points[points.index.isin(on)].sort_values(x), x, y)
    for label, point in points.iterrows():
        _draw_point(axes, point, x, y, is_on=label in on)
    axes.margins(x=0.18, y=0.12)
    scales.plain_log_ticks(axes.xaxis)
    axes.tick_params(labelbottom=True)


def _draw_point(axes: Axes, point: pd.Series, x: str, y: str, *, is_on: bool) -> None:
    colour, marker = style.FAMILIES[style.family(str(point["model"]))]
    axes.errorbar(
        scales.scale(point[x], x),
        scales.scale(point[y], y),
        xerr=scales.error(point, x),
        yerr=scales.error(point, y),
        fmt=marker,
        color=colour,
        alpha=1.0 if is_on else 0.55,
        ms=6 if is_on else 5,
        elinewidth=0.8,
        capsize=1.5,
        zorder=3,
    )


def _name_points(axes: Axes, points: pd.DataFrame, columns: tuple[str, str], names: list[str]) -> None:
    """Labels that keep clear of each other, of the points and of the front, where the layout leaves them; the front's own first. What has
    no room has no name: the numbers have it."""
    x, y = columns
    xs, ys = scales.scaled(points[x], x), scales.scaled(points[y], y)
    best_ones = set(front(points, x, y))
    on = [label in best_ones for label in points.index]
    # from the better end of x names nest above each other as far as they reach; a crowd starts where there is most room
    way = -metric(x).sign if len(points) <= MOST_NAMES else metric(x).sign
    order = sorted(range(len(points)), key=lambda place: (not on[place], way * xs[place]))
    if len(order) > MOST_NAMES:
        order = [place for place in order if on[place] or _is_in_question(points.iloc[place])]
    (stairs,) = [line for line in axes.lines if line.get_gid() == "front"]
    labels.place(
        axes,
        [labels.Name(x=xs[place], y=ys[place], text=names[place], is_first=on[place]) for place in order],
        points=(xs, ys),
        front=_steps(stairs),
        bars=[bar for _, point in points.iterrows() for bar in _bars(point, columns)],
        towards=_beyond(columns),
        is_crowd=len(points) > MANY,
    )


def _beyond(columns: tuple[str, str]) -> list[str]:
    """Where there are no points: the direction in which both axes are better."""
    east, north = (metric(name).sign > 0 for name in columns)
    across, along = "east" if east else "west", "north" if north else "south"
    return [along + across, along]


def _bars(point: pd.Series, columns: tuple[str, str]) -> list[labels.Line]:
    """The bars of a point, those that it has."""
    x, y = (scales.scale(point[name], name) for name in columns)
    across, along = (scales.error(point, name) for name in columns)
    bars: list[labels.Line] = [([x - across[0][0], x + across[1][0]], [y, y])] if across else []
    if along:
        bars.append(([x, x], [y - along[0][0], y + along[1][0]]))
    return bars


def _steps(stairs: Line2D) -> tuple[list[float], list[float]]:
    """The corners of a front's line."""
    where = stairs.get_drawstyle().removeprefix("steps-")
    xs, ys = (np.asarray(values, float) for values in stairs.get_data())
    step = {"pre": step_pre, "post": step_post}[where]
    corners = step(xs, ys)
    return list(corners[0]), list(corners[1])


def _is_in_question(point: pd.Series) -> bool:
    """Whether a point may be on its front."""
    share = point.get("membership")
    return share is not None and not pd.isna(share) and float(share) >= PERHAPS


def names(points: pd.DataFrame, across: Sequence[str], *, are_mixed: bool = False) -> list[str]:
    """Each point's model with what tells it from others of its front: what the front was asked to join, and where points of one model
    stand on it their sizes, options, sources and tags; with the batch that fitted where it is not the panel's, and the data beyond
    ImageNet-1k that its accuracy is of, and where it was measured among others that are quoted (`are_mixed`)."""
    rows: list[dict[str, Any]] = [{str(key): item for key, item in row.items()} for row in points.to_dict("records")]
    over = joined(across)
    text = fields.varying(rows, [field for field in fields.JOINING if field.name in over])
    words: dict[Hashable, str] = {}
    for _, same in points.groupby("model", sort=False):
        places = [int(item) for item in points.index.get_indexer(same.index)]
        alike = [_without(rows[place], text) for place in places]
        words |= dict(zip(places, fields.labels(alike, OF_A_MODEL), strict=True))
        tags = {str(row.get("top1_tag", "")) for row in alike}
        if len(tags) > 1:
            words |= {place: ", ".join(filter(None, (words[place], rows[place]["top1_tag"]))) for place in places}
    origins = [MEASURED if are_mixed and row.get("top1_origin") == MEASURED else "" for row in rows]
    return [_name(row, [fields.phrase(row, text), words[at], origins[at]]) for at, row in enumerate(rows)]


def _without(row: dict[str, Any], text: Sequence[fields.Field]) -> dict[str, Any]:
    """A row without the options that are told already."""
    gone = {field.name.removeprefix(fields.OPTION) for field in text}
    return row | {"options": tuple((key, value) for key, value in fields.options(row).items() if key not in gone)}


def _name(point: dict[str, Any], words: Sequence[str]) -> str:
    batch = "" if point["batch_size"] == point[BATCH] else f"batch {point['batch_size']}"
    besides = [word for word in (*words, batch, point.get("top1_data", "")) if word]
    share = float(point["membership"]) if _is_in_question(pd.Series(point)) else 0.0
    besides += [f"{100 * share:.0f} %"] if PERHAPS <= share <= 1 - PERHAPS else []
    return foreign.cut(str(point["model"]), style.LONGEST_NAME) + (f" ({', '.join(besides)})" if besides else "")


def _draw_front(axes: Axes, points: pd.DataFrame, x: str, y: str) -> None:
    stairs = "steps-post" if metric(x).sign < 0 else "steps-pre"  # the best accuracy that is had at least this fast
    axes.plot(
        scales.scaled(points[x], x),
        scales.scaled(points[y], y),
        color="#222222",
        lw=1.2,
        zorder=2,
        gid="front",
        drawstyle=stairs,
    )


def _draw_band(axes: Axes, points: pd.DataFrame, x: str, y: str) -> None:
    """The front as far as it is known: the best accuracy at each speed, 95 % of it."""
    known = best(points, x, y)
    axes.fill_between(
        scales.scaled(known[x], x),
        scales.scaled(known["low"], y),
        scales.scaled(known["high"], y),
        color=BAND,
        lw=0,
        zorder=1,
        gid="band",
    )


def _draw_legend(axes: Axes, points: pd.DataFrame) -> None:
    """Above the panels, where it covers nothing."""
    for name in dict.fromkeys(style.family(str(model)) for model in points["model"]):
        colour, marker = style.FAMILIES[name]
        axes.plot([], [], marker, color=colour, label=name)
    axes.plot([], [], color="#222222", lw=1.2, label="front")
    if any(collection.get_gid() == "band" and collection.get_paths() for collection in axes.collections):
        axes.fill_between([], [], color=BAND, lw=0, label="front, 95 %")
    marks, texts = axes.get_legend_handles_labels()
    columns = len(marks) if len(marks) <= MOST_BESIDE else math.ceil(len(marks) / 2)
    axes.legend(marks, texts, ncols=columns, columnspacing=1.2, **style.legend_above(LEGEND_LIFT))
