"""`lambdabench plot scaling|memory`, and a suite's plots at the end of a run and in its report, on scripted times."""

import contextlib
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from lambdabench.cli.app import app
from lambdabench.core.errors import NothingMeasuredError

SUITE = """
schema = 1
title = "Scripted"
metrics = ["latency", "throughput", "extra_memory", "peak_memory"]
plots = ["pareto", "scaling", "memory"]
[defaults]
backend = "fake"
device = "fake"
batch_size = [1, 4]
[[grid]]
model = ["resnet50", "vit_small_patch16_224"]
"""


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run's results and reports."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "mine.toml").write_text(SUITE)
    with contextlib.chdir(folder):
        assert call("run", "--suite", "mine.toml").exit_code == 0
    return folder


@pytest.fixture
def measured(away: Path, once: Path) -> Path:
    """A copy of it, to work in."""
    shutil.copytree(once, away, dirs_exist_ok=True)
    return away


def drawn(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.svg")}


def test_a_suites_plots_are_drawn_after_its_run_and_by_name(measured: Path) -> None:
    assert drawn(measured / "reports" / "mine") == {"pareto", "scaling", "memory"}
    found = call("plot", "scaling", "--suite", "mine", "--models", "res*,none", "--out", "figures")
    assert found.exit_code == 0, found.output
    assert "saved figures/scaling.svg" in found.output
    numbers = pd.read_csv(measured / "figures" / "scaling.csv")
    assert set(numbers["model"]) == {"resnet50"}
    assert list(numbers["batch_size"]) == [1, 4]
    assert call("plot", "memory", "--results", "results", "--device", "fake").exit_code == 0
    assert drawn(measured / "reports" / "all") == {"memory"}


def test_one_batch_size_is_no_curve(measured: Path) -> None:
    found = call("plot", "scaling", "--batch-size", "4")
    assert isinstance(found.exception, NothingMeasuredError)
    assert "at two batch sizes or two image sizes" in str(found.exception)


def test_a_report_shows_the_figures_of_its_suite(measured: Path) -> None:
    assert call("report", "mine.toml").exit_code == 0
    page = (measured / "reports" / "mine" / "index.md").read_text()
    assert [one for one in ("pareto", "scaling", "memory") if f"![{one}.svg]" in page] == [
        "pareto",
        "scaling",
        "memory",
    ]


def test_a_figure_that_the_rows_do_not_suffice_for_is_left_out_of_a_run(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE.replace("[1, 4]", "4"))
    assert call("run", "--suite", "mine.toml").exit_code == 0
    assert drawn(away / "reports" / "mine") == {"pareto"}
