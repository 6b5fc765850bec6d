"""A table of the page stays a table whatever a reason or an interval holds."""

from pathlib import Path

import pandas as pd

from lambdabench import report
from lambdabench.core.spec import Case, Cell, Suite

SUITE = Suite(name="s", cells=(Cell(case=Case(model="a"), grid="g"),), metrics=("throughput",))
CASE = {"model": "a", "image_px": 224, "batch_size": 1, "top1": None, "top1_tag": "", "on_front": None}


def table(folder: Path, **cells: object) -> list[str]:
    page = report.page(pd.DataFrame([CASE | cells]), SUITE, report.Beside(notes=("A condition.",)))
    markdown, *_ = report.write(page, folder)
    return [line for line in markdown.read_text(encoding="utf-8").splitlines() if line.startswith("|")]


def test_a_reason_with_bars_and_lines_stays_one_cell(tmp_path: Path) -> None:
    rows = table(tmp_path, status="crash", reason="found int | None\nexpected int")
    assert rows[2:] == ["| a | 224 | 1 | – | crash: found int \\| None expected int |"]


def test_a_number_without_interval_stands_alone(tmp_path: Path) -> None:
    rows = table(tmp_path, status="ok", reason="", throughput=1234.5, throughput_low=None, throughput_high=None)
    assert rows[2] == "| a | 224 | 1 | – | 1,230 | ok |"


def test_the_page_names_the_suite_and_how_to_repeat_it(tmp_path: Path) -> None:
    table(tmp_path, status="ok", reason="")
    page = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert page.startswith("# s\n")
    assert "- A condition." in page
    assert "lambdabench run --suite s --fresh" in page
