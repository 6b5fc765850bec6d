"""One page, three texts: the same numbers in all, and nothing of a name taken for markup."""

import base64
import dataclasses
import hashlib
import json

import pytest

from lambdabench.analysis.answers import answer
from lambdabench.analysis.chart import Chart, Panel, Point, Series
from lambdabench.analysis.page import CaseCard, Page, data, section
from lambdabench.report import html, markdown
from lambdabench.report.html import geometry

LINE = {"throughput": 41.24, "throughput_low": 40.1, "throughput_high": 42.3, "throughput_covers": "between processes"}
ROWS = [["a|b <script>", answer(LINE, "throughput")], ["c", answer({}, "throughput")]]


@pytest.fixture
def page() -> Page:
    part = section("A table", ["model", "image/s"], ROWS, ["[low, high]: 95 % interval."])
    return Page(title="Speed & more", figures=("p.svg",), sections=(part,), conditions=("On a *cpu*.",), repeat="a `b`")


def test_markdown(page: Page) -> None:
    text = markdown.render(page)
    assert "# Speed &amp; more\n\n![p.svg](p.svg)\n\n## A table\n\n| model | image/s |\n| --- | ---: |\n" in text
    assert "| a\\|b &lt;script&gt; | 41.2 [40.1, 42.3] |\n| c | – |\n\n- " in text
    assert "- On a \\*cpu\\*." in text
    assert "Repeat: `` a `b` ``" in text


def test_html(page: Page) -> None:
    text = html.render(page)
    assert "<title>Speed &amp; more</title>" in text
    assert '<td>a|b &lt;script&gt;</td><td class="number" data-v="41.24">41.2 [40.1, 42.3]</td>' in text
    assert text.count("<script") == 2, "the cases as data, and the page's own"
    assert "http" not in text.replace("http-equiv", "")


def test_programs_get_numbers(page: Page) -> None:
    item = json.loads(json.dumps(data(page)))
    first, second = item["sections"][0]["rows"]
    assert first["model"] == "a|b <script>"
    assert first["image/s"] | {"value": 41.24, "low": 40.1, "high": 42.3, "unit": "image/s"} == first["image/s"]
    assert second["image/s"]["value"] is None


def test_the_script_that_may_run_is_the_page_s_own(page: Page) -> None:
    text = html.render(page)
    script = text[text.rindex("<script>") + len("<script>") : text.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_names_in_the_data_end_no_script(page: Page) -> None:
    text = html.render(dataclasses.replace(page, cards=(CaseCard(name="</script><b>", command="a </script>"),)))
    assert text.count("</script>") == 2


def test_a_page_of_very_many_cases_stays_under_two_megabytes(page: Page) -> None:
    card = CaseCard(name="a", lines=tuple((f"number {place}", "x" * 80) for place in range(12)), command="c" * 200)
    picture = {"p.svg": b"<svg/>" * 100_000}
    text = html.render(dataclasses.replace(page, cards=(card,) * 3000), picture)
    assert len(text.encode()) < 2e6
    assert "data:image/svg" not in text
    assert "data:image/svg" in html.render(page, picture)


def test_a_page_without_a_chart_begins_with_its_first_figure(page: Page) -> None:
    text = html.render(dataclasses.replace(page, chart=None), {"summary.svg": b"<svg/>", "one.svg": b"<svg/>"})
    first, rest = text.split("<aside", 1)
    assert first.count("<img") == rest.count("<img") == 1
    assert 'alt="summary.svg' in first
    assert "No case has a number" not in text


def test_labels_of_a_figure_cover_neither_each_other_nor_points() -> None:
    points = tuple(
        Point(
            case=0,
            x=x,
            x_low=x,
            x_high=x,
            y=y,
            y_low=y,
            y_high=y,
            series=0,
            is_on_front=place % 3 == 0,
            label="efficientnet_b0",
        )
        for place, (x, y) in enumerate((10 + 7 * (place % 6), 70 + place // 6) for place in range(36))
    )
    chart = Chart(
        x_label="x",
        y_label="y",
        x_is_better_up=True,
        series=(Series(name="s", colour="#0072b2", marker="o"),),
        panels=(Panel(title="p", points=points),),
    )
    (panel,) = geometry.draw(chart, (CaseCard(name="a"),))
    boxes = [mark.label.box for mark in panel.marks if mark.label]
    assert boxes
    places = [(mark.x, mark.y) for mark in panel.marks]
    for place, box in enumerate(boxes):
        assert all(
            box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
            for other in boxes[place + 1 :]
        )
        assert not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in places)


def test_panels_of_one_axis_can_be_read_against_each_other() -> None:
    def panel(title: str, x: float, axis: str) -> Panel:
        point = Point(case=0, x=x, x_low=x, x_high=x, y=70 + x, y_low=70 + x, y_high=70 + x, series=0)
        return Panel(title=title, points=(point,), axis=axis)

    panels = (panel("a", 1.0, "batch 4"), panel("b", 10.0, "batch 4"), panel("c", 10.0, ""))
    series = (Series(name="s", colour="#0072b2", marker="o"),)
    chart = Chart(x_label="x", y_label="y", x_is_better_up=True, series=series, panels=panels)
    first, second, alone = geometry.draw(chart, (CaseCard(name="a"),))
    assert (first.x_ticks, first.y_ticks) == (second.x_ticks, second.y_ticks)
    assert first.marks[0].x < second.marks[0].x
    assert first.marks[0].y > second.marks[0].y, "upwards is more"
    assert alone.x_ticks != second.x_ticks
