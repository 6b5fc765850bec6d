"""Every figure stays readable at a dozen, forty and two hundred models: names, legends and small print by where their letters stand."""

import functools
from collections import Counter

import many_models as many
import numpy as np
import pytest
import word_boxes as words
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lambdabench.analysis.page import CaseCard
from lambdabench.plots import Drawing, latency, memory, pareto, roofline, scaling
from lambdabench.plots import _curve_groups as groups
from lambdabench.plots import _style as style
from lambdabench.report import charts
from lambdabench.report.html import geometry

COUNTS = (12, 40, 200)
NOTE = "A condition that is told at some length, so that the small print takes a line or more. " * 3
DRAW = {
    "pareto": lambda count: pareto.draw(many.points(count, (1, 4)), x="throughput", y="top1", title="T", notes=[NOTE]),
    "latency": lambda count: latency.draw(many.cases(count, (1, 4)), title="T", notes=[NOTE], limit_s=0.025),
    "roofline": lambda count: roofline.draw(many.layers(count), title="T", notes=[NOTE]),
    "scaling": lambda count: scaling.draw(many.cases(count), title="T", notes=[NOTE]),
    "memory": lambda count: memory.draw(many.cases(count), title="T", notes=[NOTE]),
}


@functools.cache
def drawn(kind: str, count: int) -> Drawing:
    drawing = DRAW[kind](count)
    drawing.figure.draw_without_rendering()
    return drawing


def lines(axes: Axes, gid: str) -> list[Line2D]:
    return [line for line in axes.lines if line.get_gid() == gid]


def caption(drawing: Drawing) -> str:
    return " ".join(drawing.figure.get_supxlabel().split())


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", DRAW)
def test_no_words_are_cut_off_and_the_figure_fits_a_page(kind: str, count: int) -> None:
    drawing = drawn(kind, count)
    assert words.cut_off(drawing.figure) == []
    assert NOTE.strip() in caption(drawing)
    wide, high = drawing.figure.get_size_inches()
    assert wide <= 16
    assert high <= 16


def test_what_is_cut_off_or_crossed_is_seen() -> None:
    """So that the tests above and below can fail."""
    figure = Figure(figsize=(3, 3))
    axes = figure.subplots()
    axes.set_xlim(0, 1)
    (line,) = axes.step([0.2, 0.8], [0.8, 0.2], where="pre")
    texts = [axes.text(0.15, 0.48, "on the step"), axes.text(0.5, 0.9, "clear"), axes.text(0.9, 0.6, "too far right")]
    texts.append(axes.text(0.52, 0.9, "also"))
    figure.draw_without_rendering()
    assert words.crossed(texts, line) == ["on the step"]
    assert words.cut_off(figure) == ["too far right"]
    assert len(words.overlapping([words.box(text) for text in texts])) == 1


@pytest.mark.parametrize("count", COUNTS)
def test_names_on_a_front_keep_clear_of_each_other_and_of_its_line(count: int) -> None:
    drawing = drawn("pareto", count)
    points = many.points(count, (1, 4))
    for axes, batch in zip(drawing.figure.axes, (1, 4), strict=True):
        texts = words.names(axes)
        assert words.overlapping([words.box(text) for text in texts]) == []
        (front,) = lines(axes, "front")
        assert words.crossed(texts, front) == []
        mine = points[points["batch_size"] == batch]
        named = {text.get_text().partition(" (")[0] for text in texts}
        on = set(mine.loc[mine["on_front"], "model"])
        assert named <= set(mine["model"])
        if count == 12:
            assert named == set(mine["model"]), "where there is room all have names"
        assert len(named & on) >= 0.6 * len(on), "those of the front come first"


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", ["scaling", "memory"])
def test_curves_are_named_at_their_ends_and_of_many_only_those_that_lead(kind: str, count: int) -> None:
    drawing = drawn(kind, count)
    for axes in drawing.figure.axes:
        texts = words.names(axes)
        assert words.overlapping([words.box(text) for text in texts]) == []
        curves = lines(axes, "curve")
        assert len(curves) == count
        coloured = [curve for curve in curves if to_hex(curve.get_color()) != style.GREY]
        assert len(texts) == len(coloured) == len(lines(axes, "mark"))
        if count == 12:
            assert len(texts) == count
        else:
            assert 3 <= len(texts) <= groups.MOST_LEADERS
            assert f"Grey: the {count - len(texts)} others" in caption(drawing)
        assert max(Counter(mark.get_marker() for mark in lines(axes, "mark")).values()) <= 2, "told apart in grey"


def test_the_curves_that_lead_are_the_best_at_each_size() -> None:
    cases = many.cases(40)
    texts = {text.get_text().partition(";")[0] for text in words.names(drawn("scaling", 40).figure.axes[0])}
    timed = cases[cases["status"] == "ok"]
    best = timed.loc[timed.groupby("batch_size")["throughput"].idxmax(), "model"]
    assert set(best) <= texts


@pytest.mark.parametrize("count", COUNTS)
def test_quantiles_are_told_apart_without_colours_and_lines_by_their_names(count: int) -> None:
    drawing = drawn("latency", count)
    first, _ = drawing.figure.axes
    shown = min(count, latency.MOST_LINES)
    labels = first.get_yticklabels()
    assert len(labels) == shown
    assert words.overlapping([words.box(label) for label in labels]) == []
    assert ("The quickest 60 of 200" in caption(drawing)) == (count == 200)
    markers = [{line.get_marker() for line in lines(first, f"point {name}")} for name in many.QUANTILES]
    assert all(len(item) == 1 for item in markers)
    assert len(set.union(*markers)) == len(many.QUANTILES)
    timed = many.cases(count, (1, 4))["latency_p50"].notna().sum()
    assert len(drawing.numbers) == timed > 1.9 * count, "the numbers have them all"


@pytest.mark.parametrize("count", COUNTS)
def test_the_table_of_a_roofline_stands_beside_its_points(count: int) -> None:
    drawing = drawn("roofline", count)
    (axes,) = drawing.figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_window_extent().x0 >= axes.get_window_extent().x1 - 1, "it covers no point"
    texts = legend.get_texts()
    assert len(texts) == min(count, roofline.MOST_NAMED)
    assert words.overlapping([words.box(text) for text in texts]) == []
    marks = [line for line in legend.get_lines() if to_hex(line.get_color()) != style.GREY]
    assert len(marks) == min(count, style.MOST_COLOURED)
    assert len({line.get_marker() for line in marks}) == len(marks), "told apart in grey"
    shares = [float(text.get_text().partition(": ")[2].partition(" %")[0]) for text in texts[: len(marks)]]
    assert shares == sorted(shares, reverse=True), "the nearest to the ceiling first"
    if count > roofline.MOST_NAMED:
        assert texts[-1].get_text().startswith(f"{count - roofline.MOST_NAMED + 1} others: ")
    high = axes.get_ylim()[1]
    assert high >= drawing.numbers["rate_high [FLOP/s]"].max() / 1e9, "no bar is cut"


def test_small_print_and_title_are_wrapped_by_how_wide_their_letters_are() -> None:
    for letter in "Wi":
        with style.context():
            figure = Figure(figsize=(4, 3), layout="constrained")
            figure.subplots()
            style.heading(figure, f"{letter * 9} " * 16)
            style.caption(figure, [f"{letter * 9} " * 60])
            figure.draw_without_rendering()
        assert words.cut_off(figure) == []
        longest = max(figure.get_supxlabel().splitlines(), key=len)
        assert len(longest) > {"W": 30, "i": 120}[letter], "and no narrower than need be"


@pytest.mark.parametrize("count", COUNTS)
def test_names_on_a_page_keep_clear_of_each_other_and_of_the_front(count: int) -> None:
    points = many.points(count)
    chart = charts.of_fronts(points, {label: place for place, label in enumerate(points.index)})
    assert chart is not None
    (panel,) = geometry.draw(chart, [CaseCard(name=str(name)) for name in points["model"]])
    labels = [(mark, mark.label.box) for mark in panel.marks if mark.label]
    boxes = [box for _, box in labels]
    assert not [(a, b) for place, a in enumerate(boxes) for b in boxes[place + 1 :] if _overlap(a, b)]
    steps = _segments(panel.front)
    assert len(steps) >= 4
    assert not [mark.label for mark, box in labels if any(_overlap(box, step) for step in steps)]
    on = [mark for mark in panel.marks if mark.is_on_front]
    assert sum(mark.label is not None for mark in on) >= 0.5 * len(on)
    if count == 12:
        assert len(labels) >= count - 1, "of two that all but coincide one may have none"


Box = tuple[float, float, float, float]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _segments(path: str) -> list[Box]:
    """The steps of an SVG path of M, V and H as boxes without a width."""
    head, *steps = path.removeprefix("M").replace("H", " H").split("V")
    x, y = map(float, head.split())
    boxes: list[Box] = []
    for step in steps:
        down, along = (float(word) for word in step.split(" H"))
        boxes += [(x, min(y, down), x, max(y, down)), (min(x, along), down, max(x, along), down)]
        x, y = along, down
    return boxes


def test_looks_of_one_panel_differ_in_grey() -> None:
    looks = list(style.looks(f"m{place}" for place in range(style.MOST_COLOURED)).values())
    assert len({marker for _, marker in looks}) == style.MOST_COLOURED
    assert np.unique([colour for colour, _ in looks]).size >= style.MOST_COLOURED - 1
