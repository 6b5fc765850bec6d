"""`lambdabench plot scaling|memory`, and a suite's plots at the end of a run and in its report, on scripted times."""

import contextlib
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from lambdabench.cli import plot_commands
from lambdabench.cli.app import app
from lambdabench.core.errors import NothingMeasuredError, UnknownNameError
from lambdabench.core.metric import axes

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
    result = call("plot", "scaling", "--suite", "mine", "--models", "res*,none", "--out", "figures")
    assert result.exit_code == 0, result.output
    assert "saved figures/scaling.svg" in result.output
    numbers = pd.read_csv(measured / "figures" / "scaling.csv")
    assert set(numbers["model"]) == {"resnet50"}
    assert list(numbers["batch_size"]) == [1, 4]
    assert call("plot", "memory", "--results", "results", "--device", "fake").exit_code == 0
    assert drawn(measured / "reports" / "all") == {"memory"}


def test_one_batch_size_is_no_curve(measured: Path) -> None:
    result = call("plot", "scaling", "--batch-size", "4")
    assert isinstance(result.exception, NothingMeasuredError)
    assert "at two batch sizes or two image sizes" in str(result.exception)


def test_a_report_shows_the_figures_of_its_suite(measured: Path) -> None:
    assert call("report", "mine.toml").exit_code == 0
    page = (measured / "reports" / "mine" / "index.md").read_text()
    assert [name for name in ("pareto", "scaling", "memory") if f"![{name}.svg]" in page] == [
        "pareto",
        "scaling",
        "memory",
    ]


def test_a_figure_that_the_rows_do_not_suffice_for_is_left_out_of_a_run(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE.replace("[1, 4]", "4"))
    assert call("run", "--suite", "mine.toml").exit_code == 0
    assert drawn(away / "reports" / "mine") == {"pareto"}


def test_a_filter_that_leaves_nothing_is_named_and_a_suite_needs_no_folder_of_its_own(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE)
    assert call("run", "--suite", "mine.toml").exit_code == 0
    for path in (away / "results" / "mine").iterdir():
        path.rename(away / "results" / path.name)
    assert call("plot", "pareto", "--suite", "mine", "--weights", "best").exit_code == 0
    for flags, said in (
        (("--models", "zz*"), "no case of results has model zz*; there is resnet50, vit_small_patch16_224"),
        (("--batch-size", "7"), "has batch_size 7; there is 1, 4"),
        (("--suite", "yours"), "no results of yours in results; there are rows of mine"),
    ):
        result = call("plot", "pareto", *flags)
        assert isinstance(result.exception, NothingMeasuredError)
        assert said in str(result.exception)
    wrong = call("plot", "pareto", "--weights", "ns_jtf_in1k")
    assert isinstance(wrong.exception, UnknownNameError)
    assert "did you mean 'ns_jft_in1k'" in str(wrong.exception)


def test_ceilings_need_no_filter_to_let_them_pass(away: Path) -> None:
    reference = Path(__file__).parents[1] / "results" / "reference" / "xeon-2-cores" / "kernels"
    result = call(
        "plot", "roofline", "--results", str(reference), "--batch-size", "8", "--models", "lambda_layer", "--out", "x"
    )
    assert result.exit_code == 0, result.output
    assert set(pd.read_csv(away / "x" / "roofline.csv")["batch_size"]) == {8}


def test_every_axis_that_help_names_can_be_drawn() -> None:
    named = plot_commands.AXES.partition(": ")[2].removesuffix(", ...").split(", ")
    assert set(named) <= set(axes())


def test_programs_have_fronts_apart_unless_one_is_asked_for(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE.replace('"pareto", "scaling", "memory"', "").replace("[1, 4]", "4"))
    for layout in ("contiguous", "channels_last"):
        assert call("run", "--suite", "mine.toml", "--layout", layout, "--mode", "inference").exit_code == 0
    assert call("run", "--suite", "mine.toml", "--mode", "train").exit_code == 0
    assert call("plot", "pareto", "--mode", "inference", "--out", "apart").exit_code == 0
    numbers = pd.read_csv(away / "apart" / "pareto.csv", keep_default_na=False)
    assert set(numbers["front"]) == {"contiguous", "channels_last"}
    assert set(numbers["mode"]) == {"inference"}
    picture = (away / "apart" / "pareto.svg").read_text()
    assert "A front each of layout (channels_last, contiguous)" in picture
    assert "Times of the backend fake are a script" in picture
    assert call("plot", "pareto", "--mode", "inference", "--across", "layout", "--out", "one").exit_code == 0
    assert set(pd.read_csv(away / "one" / "pareto.csv", keep_default_na=False)["front"]) == {""}
    assert "resnet50 (channels_last" in (away / "one" / "pareto.svg").read_text()
    wrong = call("plot", "pareto", "--across", "fingerprint")
    assert isinstance(wrong.exception, UnknownNameError)
    assert "'fingerprint'; known: backend, caches, calibration, compile_cache, " in str(wrong.exception)


def test_show_takes_the_filters_of_a_figure(measured: Path) -> None:
    result = call("show", "resnet50", "--batch-size", "4", "--backend", "fake", "--mode", "inference")
    assert result.exit_code == 0, result.output
    assert result.output.count("case ") == 1
    assert "batch_size 4" in result.output
    none = call("show", "resnet50", "--mode", "train")
    assert isinstance(none.exception, NothingMeasuredError)
    assert "no case of resnet50 has mode train; there is inference" in str(none.exception)
