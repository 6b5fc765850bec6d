"""Where everything of a page's figure stands, in pixels of its SVG."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...analysis.chart import Chart, Panel, Point
from ...analysis.page import CaseCard
from ...core import foreign
from ...core.units import format_significant
from ...plots import _scales as scales

MARKERS = {
    "o": "M-4.6 0a4.6 4.6 0 1 0 9.2 0a4.6 4.6 0 1 0 -9.2 0Z",
    "s": "M-4.2 -4.2H4.2V4.2H-4.2Z",
    "D": "M0 -5.6L5.6 0L0 5.6L-5.6 0Z",
    "^": "M0 -5.4L5.2 4H-5.2Z",
    "v": "M0 5.4L5.2 -4H-5.2Z",
    "P": "M-1.8 -5H1.8V-1.8H5V1.8H1.8V5H-1.8V1.8H-5V-1.8H-1.8Z",
    "X": "M-5 -2.5L-2.5 -5L0 -2.5L2.5 -5L5 -2.5L2.5 0L5 2.5L2.5 5L0 2.5L-2.5 5L-5 2.5L-2.5 0Z",
    "*": "M0 -6L1.8 -1.9L6 -1.9L2.7 1L3.8 5.4L0 2.9L-3.8 5.4L-2.7 1L-6 -1.9L-1.8 -1.9Z",
    "h": "M-5.2 0L-2.6 -4.6H2.6L5.2 0L2.6 4.6H-2.6Z",
}
"""Outlines of matplotlib's markers."""
WIDTH, HEIGHT, ROW = 440.0, 330.0, 17.0
TOP, BOTTOM, LEFT, RIGHT = 18.0, 40.0, 40.0, 14.0
CHARACTER, LINE = 6.3, 11.0
"""Pixels of a label's character, and of its height."""
LONGEST_ROW, LONGEST_LABEL = 30, 30
BESIDE = (
    (9, 4, "start"),
    (-9, 4, "end"),
    (0, -10, "middle"),
    (0, 18, "middle"),
    (8, -8, "start"),
    (8, 15, "start"),
    (-8, -8, "end"),
    (-8, 15, "end"),
    (14, -14, "start"),
    (-14, -14, "end"),
    (14, 21, "start"),
    (-14, 21, "end"),
)
"""Where a name may stand from its point, to the right and down, and which end of it is there; the best first."""
HAIR = 1.0
"""Pixels that a name keeps from a line."""
MOST_LABELS = 60
"""In a panel of more points those of the front alone have a name beside them."""
SPOKEN = 3
"""Lines of a card, besides its last, that a point is described by; all are in the card."""
PAD = 0.06
"""Of an axis, beyond its outermost numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A number at an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name beside a point."""

    x: float
    y: float
    anchor: str
    text: str

    @property
    def box(self) -> "Box":
        """Where its letters are."""
        wide = CHARACTER * len(self.text)
        left = {"start": self.x, "end": self.x - wide, "middle": self.x - wide / 2}[self.anchor]
        return left, self.y - LINE + 2, left + wide, self.y + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point with its bars."""

    case: int
    series: int
    x: float
    y: float
    bar: str
    is_on_front: bool
    words: str
    label: Label | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelView:
    """A panel, all of it in pixels."""

    title: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    front: str
    band: str


Place = Callable[[float], float]
Box = tuple[float, float, float, float]
"""(Left, top, right, bottom)."""


def draw(chart: Chart | None, cards: Sequence[CaseCard]) -> tuple[PanelView, ...]:
    """The panels of a chart."""
    if chart is None:
        return ()
    rows = [name for panel in chart.panels for name in panel.rows]
    longest = max((min(len(name), LONGEST_ROW) for name in rows), default=0)
    left = 12 + CHARACTER * longest if rows else LEFT
    return tuple(_panel(panel, _alike(panel, chart.panels), cards, left) for panel in chart.panels)


def _alike(panel: Panel, panels: Sequence[Panel]) -> list[Point]:
    """The points of all panels that share a panel's axes."""
    return [
        point
        for other in panels
        if other is panel or (panel.axis and other.axis == panel.axis)
        for point in other.points
    ]


def _panel(panel: Panel, alike: Sequence[Point], cards: Sequence[CaseCard], left: float) -> PanelView:
    height = TOP + BOTTOM + ROW * len(panel.rows) if panel.rows else HEIGHT
    bottom, right = height - BOTTOM, WIDTH - RIGHT
    low, high = _span([math.log(end) for point in alike for end in (point.x_low, point.x_high, point.x)], math.log(1.3))
    x = _line(low, high, left, right, math.log)
    y, y_ticks = _heights(panel, alike, bottom)
    ticks = scales.log_ticks(math.exp(low), math.exp(high))
    front = "".join(
        f"M{x(at):.1f} {y(up):.1f}" if not place else f"V{y(up):.1f}H{x(at):.1f}"
        for place, (at, up) in enumerate(panel.front)
    )
    return PanelView(
        title=panel.title,
        width=WIDTH,
        height=height,
        left=left,
        right=right,
        top=TOP,
        bottom=bottom,
        x_ticks=tuple(Tick(at=round(x(tick), 1), text=format_significant(tick, 2)) for tick in ticks),
        y_ticks=y_ticks,
        marks=_marks(panel, cards, (x, y), (left, right)),
        front=front,
        band=_band(panel, x, y, (left, right)),
    )


def _heights(panel: Panel, alike: Sequence[Point], bottom: float) -> tuple[Place, tuple[Tick, ...]]:
    if panel.rows:

        def row(value: float) -> float:
            return TOP + ROW * (value + 0.5)

        return row, tuple(
            Tick(at=row(place), text=foreign.cut(name, LONGEST_ROW)) for place, name in enumerate(panel.rows)
        )
    low, high = _span([end for point in alike for end in (point.y_low, point.y_high, point.y)], 1.0)
    y = _line(low, high, bottom, TOP, float)
    return y, tuple(Tick(at=round(y(tick), 1), text=f"{tick:g}") for tick in scales.linear_ticks(low, high))


def _span(values: Sequence[float], least: float) -> tuple[float, float]:
    """The ends of an axis: around its numbers, at least so much apart."""
    low, high = min(values), max(values)
    spare = max(PAD * (high - low), (least - (high - low)) / 2)
    return low - spare, high + spare


def _line(low: float, high: float, start: float, end: float, of: Callable[[float], float]) -> Place:
    return lambda value: start + (of(value) - low) / (high - low) * (end - start)


def _band(panel: Panel, x: Place, y: Place, ends: tuple[float, float]) -> str:
    """The outline of the band, as far as the panel reaches."""
    within = [(x(at), y(low), y(high)) for at, low, high in panel.band]
    within = [item for item in within if ends[0] <= item[0] <= ends[1]]
    if len(within) < 2:
        return ""
    path = [*((at, high) for at, _, high in within), *((at, low) for at, low, _ in reversed(within))]
    return "M" + "L".join(f"{at:.1f} {up:.1f}" for at, up in path) + "Z"


def _marks(
    panel: Panel, cards: Sequence[CaseCard], places: tuple[Place, Place], ends: tuple[float, float]
) -> tuple[Mark, ...]:
    x, y = places
    labels = _labels(panel, x, y, ends) if not panel.rows else {}
    return tuple(
        Mark(
            case=point.case,
            series=point.series,
            x=round(x(point.x), 1),
            y=round(y(point.y), 1),
            bar=_bar(point, x, y),
            is_on_front=point.is_on_front or bool(panel.rows),
            words=_words(cards[point.case]),
            label=labels.get(place),
        )
        for place, point in enumerate(panel.points)
    )


def _bar(point: Point, x: Place, y: Place) -> str:
    across = f"M{x(point.x_low):.1f} {y(point.y):.1f}H{x(point.x_high):.1f}" if point.x_low < point.x_high else ""
    along = f"M{x(point.x):.1f} {y(point.y_low):.1f}V{y(point.y_high):.1f}" if point.y_low < point.y_high else ""
    return across + along


def _words(card: CaseCard) -> str:
    """A case in a sentence, for who cannot see the figure."""
    lines = [*card.lines[:SPOKEN], *card.lines[max(SPOKEN, len(card.lines) - 1) :]]
    return "; ".join([card.name, *(f"{title} {words}" for title, words in lines)])


def _labels(panel: Panel, x: Place, y: Place, ends: tuple[float, float]) -> dict[int, Label]:
    """Names that cover neither each other nor a point, clear of the front's line and of bars where there is room; those of the front first.
    What has no room has none, but that a name of the front may be crossed by its line."""
    order = sorted(
        range(len(panel.points)), key=lambda place: (not panel.points[place].is_on_front, panel.points[place].x)
    )
    if len(order) > MOST_LABELS:
        order = [place for place in order if panel.points[place].is_on_front]
    taken = [(x(point.x) - 6, y(point.y) - 6, x(point.x) + 6, y(point.y) + 6) for point in panel.points]
    front, bars = _front_boxes(panel, x, y), [box for point in panel.points for box in _bar_boxes(point, x, y)]
    labels: dict[int, Label] = {}
    for place in order:
        point = panel.points[place]
        text = foreign.cut(foreign.plain(point.label), LONGEST_LABEL)
        for crossed in ([*front, *bars], front, *([[]] if point.is_on_front else [])):
            label = _free(x(point.x), y(point.y), text, [*taken, *crossed], ends)
            if label is not None:
                labels[place] = label
                taken.append(label.box)
                break
    return labels


def _front_boxes(panel: Panel, x: Place, y: Place) -> list[Box]:
    """The front's line, down and then along at each step, as boxes that a name keeps clear of."""
    corners = [(x(at), y(up)) for at, up in panel.front]
    boxes: list[Box] = []
    for (left, high), (right, low) in pairwise(corners):
        boxes += [_around(left, high, left, low), _around(left, low, right, low)]
    return boxes


def _bar_boxes(point: Point, x: Place, y: Place) -> list[Box]:
    """The bars of a point as boxes."""
    across, along = (
        _around(x(point.x_low), y(point.y), x(point.x_high), y(point.y)),
        _around(x(point.x), y(point.y_low), x(point.x), y(point.y_high)),
    )
    return [*([across] if point.x_low < point.x_high else []), *([along] if point.y_low < point.y_high else [])]


def _around(x0: float, y0: float, x1: float, y1: float) -> Box:
    """The box of a line from one corner to another, with a hair on each side."""
    return min(x0, x1) - HAIR, min(y0, y1) - HAIR, max(x0, x1) + HAIR, max(y0, y1) + HAIR


def _free(x: float, y: float, text: str, taken: Sequence[Box], ends: tuple[float, float]) -> Label | None:
    for right, down, anchor in BESIDE:
        label = Label(x=round(x + right, 1), y=round(y + down, 1), anchor=anchor, text=text)
        box = label.box
        is_inside = ends[0] <= box[0] and box[2] <= WIDTH and box[1] >= TOP and box[3] <= HEIGHT - BOTTOM
        if is_inside and not any(_overlap(box, other) for other in taken):
            return label
    return None


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
