"""A page begins with its question, and an answer in a sentence that has an interval; layers are laid out by what varies."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench import commands, store
from lambdabench.core.record import Record


@pytest.fixture
def layers(make_record: Callable[..., Record], tmp_path: Path) -> Path:
    """Two kernels over two shapes and two modes, one hole."""
    rows: list[Record] = []
    for kernel, factor in (("cpu", 1.0), ("conv2d", 4.0)):
        for scope, mode in ((7, "inference"), (23, "inference"), (7, "train"), (23, "train")):
            same = {
                "kind": "layer",
                "model": "lambda_layer",
                "options": (("dim", 64), ("kernel", kernel), ("scope", scope)),
                "mode": mode,
                "suite": "kernels",
                "case_id": f"{kernel}{scope}{mode}",
            }
            if (kernel, scope, mode) == ("conv2d", 23, "train"):
                rows.append(make_record(None, status="oom", reason="too large", **same))
            else:
                rows.append(make_record("latency", 0.001 * factor * scope, **same))
    store.write(rows, store.run_path(tmp_path / "results", "kernels", "r1"))
    return tmp_path / "results"


def test_layers_are_laid_out_by_what_varies(layers: Path, tmp_path: Path) -> None:
    text = commands.write_report("kernels", layers, tmp_path)[0].read_text(encoding="utf-8")
    assert "## ms a step: inference, batch 1\n\n| scope | conv2d | cpu |\n| --- | ---: | ---: |\n| 7 | 28.0 [" in text
    assert "| 23 | oom | 23.0 [" in text
    assert "lambda_layer" not in text.partition("## Holes")[0], "what is everywhere the same stands nowhere"
    assert "- Not shown: lambda_layer batch 1 (" in text
    assert "oom: too large" in text


def test_the_answer_has_its_interval(layers: Path, tmp_path: Path) -> None:
    written = commands.report_suite("kernels", layers, tmp_path)
    text = written.pages[0].read_text(encoding="utf-8")
    assert "Which implementation of a layer is fastest, and by how much?" in text
    assert (
        "**a cpu: cpu is fastest in 3 of 3 layers and conditions; it takes 0.250 [0.248, 0.252] times as long" in text
    )
    page = written.page.read_text(encoding="utf-8")
    assert page.count('class="point') == 7, "each case that has a number"
    assert 'data-case="7"' in page


def test_the_page_over_all_suites_tells_each(layers: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    for name in ("index.json", "index.html"):
        (tmp_path / "broken" / name).write_text("{", encoding="utf-8")
    site = commands.report_suite("kernels", layers, tmp_path).site
    text = site.read_text(encoding="utf-8")
    assert '<a href="kernels/index.html">kernels</a>' in text
    assert "7 of 8 cases, 2026-01-01" in text
    assert "broken" not in text


def test_suites_with_rows(layers: Path) -> None:
    assert commands.suites_of(layers) == (("kernels",), ())
