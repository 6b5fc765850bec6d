"""Names beside points, clear of each other, of every point, of the front's line, and of bars where there is room."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import textalloc
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.transforms import Bbox

SIZE = 7
"""Of letters, in points."""
FAR, NEAR = 0.2, 0.07
"""How far a name may stand from its point, of the panel's width: where it is alone, and among many."""
FIRST, LATER = "#000000", "#555555"
"""Colours of names that stand on the front, and of others."""
ALLOCATE: Any = textalloc.allocate  # it says "object" of what it returns
Line = tuple[Sequence[float], Sequence[float]]
"""(xs, ys) of a line's corners, in shown units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What is to stand beside a point, which is at `x` and `y` in shown units."""

    x: float
    y: float
    text: str
    is_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """What names keep clear of, how far from their points they may stand, and in which direction they are tried first."""

    reach: float
    points: Line
    lines: Sequence[Line]
    towards: Sequence[str] | None
    are_leaders_clear: bool = True


@dataclass(slots=True)
class _Taken:
    """Where a panel's names and their leaders stand: as lines, which further names keep clear of, and in pixels."""

    lines: list[Line] = field(default_factory=list)
    boxes: list[Bbox] = field(default_factory=list)
    leaders: list[Path] = field(default_factory=list)

    def add(self, axes: Axes, box: Bbox, leader: Path | None) -> None:
        self.boxes.append(box)
        self.lines += _outline(axes, box)
        if leader is not None:
            self.leaders.append(leader)
            self.lines.append(_shown(axes, leader.vertices))

    def extend(self, other: "_Taken") -> None:
        self.lines += other.lines
        self.boxes += other.boxes
        self.leaders += other.leaders

    def is_crossed_by(self, leader: Path) -> bool:
        """Whether a further leader would go through a name or across another leader."""
        return any(leader.intersects_bbox(box, filled=True) for box in self.boxes) or any(
            leader.intersects_path(other) for other in self.leaders
        )


def place(
    axes: Axes,
    names: Sequence[Name],
    *,
    points: Line,
    front: Line,
    bars: Sequence[Line],
    towards: Sequence[str],
    is_crowd: bool,
) -> None:
    """Draws the names for which there is room, those of the front first, which may stand further off; in a crowd the others stand near
    their points or not at all. `points`: all of the panel, named or not. `towards`: where there is nothing beyond the front, as textalloc
    has directions. The layout must be final: names are placed in pixels."""
    taken = _Taken()
    first, later = ([name for name in names if name.is_first is is_first] for is_first in (True, False))
    best = _Rules(reach=FAR, points=points, lines=(front, *bars), towards=towards)
    left = _allocate(axes, first, best, taken)
    loose = replace(best, lines=(front,), are_leaders_clear=False)
    _allocate(axes, left, loose, taken)
    left = _allocate(axes, later, replace(best, reach=NEAR if is_crowd else FAR, towards=None), taken)
    if not is_crowd:
        _allocate(axes, left, loose, taken)


def _allocate(axes: Axes, names: Sequence[Name], rules: _Rules, taken: _Taken) -> list[Name]:
    """Draws the names that find room, and notes where; those that find none."""
    if not names:
        return []
    lines = [*rules.lines, *taken.lines]
    with contextlib.redirect_stdout(io.StringIO()):  # textalloc prints that it found no room
        _, _, texts, leaders = ALLOCATE(
            axes,
            [name.x for name in names],
            [name.y for name in names],
            [name.text for name in names],
            x_scatter=rules.points[0],
            y_scatter=rules.points[1],
            x_lines=[xs for xs, _ in lines],
            y_lines=[ys for _, ys in lines],
            textsize=SIZE,
            textcolor=[FIRST if name.is_first else LATER for name in names],
            linecolor="#bbbbbb",
            max_distance=rules.reach,
            direction=None if rules.towards is None else list(rules.towards),
            avoid_label_lines_overlap=rules.are_leaders_clear,
            avoid_crossing_label_lines=rules.are_leaders_clear,
            draw_all=False,
            va="bottom",  # so that the room a name is given is the room it takes
        )
    left: list[Name] = []
    fresh = _Taken()
    for name, text, leader in zip(names, texts, leaders, strict=True):
        path = None if leader is None else Path(leader.get_transform().transform(leader.get_xydata()))
        if text is None:
            left.append(name)
        elif rules.are_leaders_clear and leader is not None and path is not None and taken.is_crossed_by(path):
            text.remove()
            leader.remove()
            left.append(name)
        else:
            fresh.add(axes, text.get_window_extent(), path)
    taken.extend(fresh)
    return left


def _outline(axes: Axes, box: Bbox) -> list[Line]:
    """The edges of a name and the line through its middle, which nothing of its height misses."""
    middle = (box.y0 + box.y1) / 2
    corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1), (box.x0, box.y0)]
    return [_shown(axes, line) for line in (corners, [(box.x0, middle), (box.x1, middle)])]


def _shown(axes: Axes, corners: Any) -> Line:
    """Corners in pixels as a line in shown units."""
    ends = np.asarray(axes.transData.inverted().transform(corners))
    return ends[:, 0].tolist(), ends[:, 1].tolist()
