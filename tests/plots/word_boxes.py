"""Where the words of a figure stand, in pixels: what overlaps, what a line crosses, what the canvas cuts off."""

import itertools
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.cbook import STEP_LOOKUP_MAP
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Bbox

HAIR = 0.5
"""Pixels by which boxes may touch."""


def box(text: Text) -> Bbox:
    """Of the letters, without an annotation's arrow."""
    return Text.get_window_extent(text)


def names(axes: Axes) -> list[Text]:
    """The words inside a panel."""
    return [text for text in axes.texts if text.get_text() and text.get_visible()]


def overlapping(boxes: Sequence[Bbox]) -> list[tuple[Bbox, Bbox]]:
    return [(a, b) for a, b in itertools.combinations([item.padded(-HAIR) for item in boxes], 2) if a.overlaps(b)]


def crossed(texts: Sequence[Text], line: Line2D) -> list[str]:
    """Of the texts those that a line goes through."""
    path = _corners(line)
    return [text.get_text() for text in texts if path.intersects_bbox(box(text).padded(-HAIR), filled=False)]


def _corners(line: Line2D) -> Path:
    """A line as it is drawn, with its steps."""
    xs, ys = STEP_LOOKUP_MAP[line.get_drawstyle()](*line.get_data())
    return Path(line.get_transform().transform(list(zip(xs, ys, strict=True))))


def cut_off(figure: Figure) -> list[str]:
    """Words that reach beyond the canvas."""
    ticks = {text for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for text in axis.get_ticklabels()}
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text() and text.get_visible()]
    canvas = figure.bbox.padded(1)
    inside = [text for axes in figure.axes if not axes.get_visible() or not axes.axison for text in axes.findobj(Text)]
    return [
        text.get_text()
        for text in texts
        if text not in ticks
        and text not in inside
        and not all(canvas.contains(x, y) for x, y in (box(text).min, box(text).max))
    ]
