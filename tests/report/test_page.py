"""One page, three texts: the same numbers in all, and nothing of a name taken for markup."""

import json

import pytest

from lambdabench.analysis.answers import answer
from lambdabench.analysis.page import Page, data, section
from lambdabench.report import html, markdown

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
    assert '<td>a|b &lt;script&gt;</td><td class="number">41.2 [40.1, 42.3]</td>' in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_programs_get_numbers(page: Page) -> None:
    item = json.loads(json.dumps(data(page)))
    first, second = item["sections"][0]["rows"]
    assert first["model"] == "a|b <script>"
    assert first["image/s"] | {"value": 41.24, "low": 40.1, "high": 42.3, "unit": "image/s"} == first["image/s"]
    assert second["image/s"]["value"] is None
