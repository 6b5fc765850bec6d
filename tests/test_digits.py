"""The suite of measured accuracy, through scripted times and accuracies: rows, resume, figure, table, page."""

import contextlib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import lambdabench as lb
from lambdabench import commands, models, suite
from lambdabench.cli.app import app
from lambdabench.core.record import TRAINED
from lambdabench.suite.overrides import Overrides

SOURCE = "scikit-learn's digits, 1000 test images, 3 trainings"
SUITE = """
schema    = 1
title     = "Scripted digits"
metrics   = ["top1", "throughput", "parameters"]
reference = { model = "digits_conv_s" }
[sampling]
seeds = 3
[defaults]
backend    = "fake"
batch_size = [1, 64]
[[grid]]
model = "digits_conv_s"
options = { latency_s = 0.010, top1 = 95.0 }
[[grid]]
model = "digits_lambda_s"
options = { latency_s = 0.020, top1 = 98.0 }
[[grid]]
model = "digits_attention_s"
options = { latency_s = 0.030, top1 = 92.0 }
"""


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["run", "--suite", "digits_scripted.toml", *words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite's file, its results and its figure."""
    place = tmp_path_factory.mktemp("digits")
    (place / "digits_scripted.toml").write_text(SUITE)
    with contextlib.chdir(place):
        item = run()
        (place / "said.txt").write_text(item.output)
        assert item.exit_code == 0, item.output
    return place


def test_the_shipped_suite_is_of_networks_that_can_be_trained_and_quotes_nothing() -> None:
    wanted = suite.load("digits")
    names = [cell.case.model for cell in wanted.cells]
    assert set(names) <= set(models.recipes())
    assert {name.split("_")[1] for name in names} == {"conv", "attention", "lambda"}
    assert "top1" in wanted.metrics
    assert wanted.sampling.seeds >= 3


def test_accuracies_are_rows_of_the_case_and_the_run_in_a_process_of_their_own(folder: Path) -> None:
    rows = lb.read(folder / "results")
    trained = rows[rows["metric"] == "top1"]
    assert set(trained["replicate"]) == {TRAINED}
    assert set(rows[rows["metric"] != "top1"]["replicate"]) == {0, 1, 2}
    assert sorted(trained["case_id"]) == sorted(set(rows["case_id"])), "each once"
    assert trained["run_id"].nunique() == rows["fingerprint"].nunique() == 1
    assert set(trained["unit"]) == {"%"}
    assert set(trained["origin"]) == {"measured"}
    assert set(trained["source"]) == {SOURCE}
    assert {len(sample) for sample in trained["samples"]} == {3}
    assert (trained["low"] < trained["value"]).all()
    assert (trained["value"] < trained["high"]).all()
    same = trained[trained["model"] == "digits_lambda_s"]
    assert len(same) == 2, "two batch sizes"
    assert same["value"].nunique() == 1, "of one network, which is trained once"


def test_the_wide_table_has_them_beside_speed_and_says_that_they_were_measured(folder: Path) -> None:
    wide = lb.wide(lb.read(folder / "results"))
    assert len(wide) == 6
    assert set(wide["top1_origin"]) == {"measured"}
    assert set(wide["top1_source"]) == {SOURCE}
    assert set(wide["weights"]) == {"none"}, "of the network that was timed"
    by_model = wide[wide["batch_size"] == 64].set_index("model")
    assert by_model.loc["digits_lambda_s", "top1"] == pytest.approx(98, abs=0.3)
    assert by_model.loc["digits_lambda_s", "throughput"] == pytest.approx(64 / 0.020, rel=0.01)


def test_the_front_is_of_measured_against_measured_with_their_own_errors(folder: Path) -> None:
    front = lb.pareto(lb.read(folder / "results")).set_index(["model", "batch_size"])
    on = {model: share for (model, batch), share in front["membership"].items() if batch == 64}
    assert on["digits_conv_s"] > 0.95
    assert on["digits_lambda_s"] > 0.95
    assert on["digits_attention_s"] < 0.05


def test_what_is_printed_marks_nothing_as_quoted(folder: Path) -> None:
    said = (folder / "said.txt").read_text()
    assert f"top-1 measured here: {SOURCE}." in said
    assert "q quoted" not in said
    assert "trained digits_lambda_s b=1: top-1 98." in said or "trained digits_lambda_s b=64: top-1 98." in said


def test_a_second_run_trains_nothing_and_a_fresh_one_all(folder: Path) -> None:
    with contextlib.chdir(folder):
        assert "0 cases" in run("--dry-run").output
        assert "6 cases" in run("--dry-run", "--fresh").output


def test_the_figure_says_on_what_it_was_measured_and_quotes_nothing(folder: Path, tmp_path: Path) -> None:
    words = ["--results", str(folder / "results"), "--out", str(tmp_path)]
    result = CliRunner().invoke(app, ["plot", "pareto", "--suite", "digits_scripted", *words])
    assert result.exit_code == 0, result.output
    drawn = " ".join((tmp_path / "pareto.svg").read_text().split())
    assert "top-1 [%], measured" in drawn
    assert "quoted from" not in drawn
    assert "ImageNet" not in drawn
    for word in ("Accuracy is measured here", "1000 test images", "3 trainings", "how trainings differ"):
        assert word in drawn
    numbers = pd.read_csv(tmp_path / "pareto.csv")
    assert set(numbers["top1_source"]) == {SOURCE}


def test_the_page_and_a_single_case_show_it(folder: Path) -> None:
    with contextlib.chdir(folder):
        result = CliRunner().invoke(app, ["report", "digits_scripted.toml"])
        assert result.exit_code == 0, result.output
        page = next((folder / "reports").glob("*/index.md")).read_text()
        shown = CliRunner().invoke(app, ["show", "digits_lambda_s", "--batch-size", "64"])
    assert "Accuracy is measured here, on " + SOURCE.replace("'", "'") in page.replace("\\", "")
    assert "quoted from" not in page
    assert shown.exit_code == 0, shown.output
    assert f"% measured ({SOURCE})" in shown.output
    assert "training" in shown.output


def test_a_run_that_ends_after_its_trainings_goes_on_without_them(folder: Path, tmp_path: Path) -> None:
    lessons: list[tuple[int, int]] = []

    def note(progress: commands.Progress) -> None:
        if progress.turn.training[0]:
            lessons.append(progress.turn.training)
        if progress.turn.opening:
            raise KeyboardInterrupt

    request = commands.RunRequest(
        suite=str(folder / "digits_scripted.toml"), results=tmp_path / "results", reports=tmp_path / "reports",
        overrides=Overrides(axes={"batch_size": (64,)}),
    )  # fmt: skip
    first = commands.run(request, note)
    assert first.interrupted
    assert lessons == [(1, 3), (2, 3), (3, 3)] * 3
    assert set(first.rows["metric"]) == {"top1"}
    lessons.clear()
    second = commands.run(request, lambda progress: lessons.append(progress.turn.training))
    assert set(lessons) == {(0, 0)}, "nothing is trained"
    assert second.counts == {"ok": 3}
    assert second.cases["top1"].notna().all()
    assert second.cases["throughput"].notna().all()
    assert second.cases["parameters"].notna().all(), "counts are those of the first process that is opened"


def test_a_training_that_fails_is_a_row_and_the_others_are_measured(tmp_path: Path) -> None:
    text = SUITE.replace("top1 = 92.0", 'top1 = 92.0, fail = "train"').replace("[1, 64]", "64")
    (tmp_path / "failing.toml").write_text(text)
    with contextlib.chdir(tmp_path):
        result = CliRunner().invoke(app, ["run", "--suite", "failing.toml"])
        wide = lb.wide(lb.read("results")).set_index("model")
    assert result.exit_code == 1, result.output
    assert "asked to fail where it is trained" in result.output
    assert wide["status"].to_dict() == {"digits_conv_s": "ok", "digits_lambda_s": "ok", "digits_attention_s": "crash"}
    assert wide.loc["digits_conv_s", "top1"] == pytest.approx(95, abs=0.6)
