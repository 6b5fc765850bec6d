"""`run --load`, and what is told of requests that wait, on scripted times."""

import contextlib
import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import lambdabench as lb
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError

SUITE = """
schema = 1
title = "Scripted"
metrics = ["latency", "energy"]
[sampling]
processes = 2
rounds = 4
case_budget_s = 1
load_budget_s = 8
[defaults]
backend = "fake"
device = "fake"
[[grid]]
model = "resnet18"
options = { latency_s = 0.01, jitter = 0.1 }
"""


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of a run under two loads, and what it said."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "mine.toml").write_text(SUITE)
    with contextlib.chdir(folder):
        return folder, call("run", "--suite", "mine.toml", "--load", "0.5,60/s")


@pytest.fixture
def measured(away: Path, once: tuple[Path, Result]) -> Path:
    """A copy of it, to work in."""
    shutil.copytree(once[0], away, dirs_exist_ok=True)
    return away


def test_a_run_says_what_requests_wait_and_what_it_could_not_measure(once: tuple[Path, Result]) -> None:
    said = once[1].output
    assert once[1].exit_code == 0, said
    assert re.search(r"resnet18 +50 % +1\d\.\d", said)
    assert re.search(r"resnet18 +60/s +1\d\.\d", said)
    assert "no coordinated omission" in said
    assert "energy of 1 case is unsupported: this machine shows no energy counter of fake" in said
    assert "load.svg" in said


def test_what_is_there_is_kept_and_another_load_is_measured(measured: Path) -> None:
    assert "1 kept from before" in call("run", "--suite", "mine.toml", "--load", "0.5,60/s").output
    said = call("run", "--suite", "mine.toml", "--load", "0.9").output
    assert "0 kept from before" in said
    assert re.search(r"resnet18 +90 % ", said)
    assert re.search(r"resnet18 +50 % ", said), "what was measured before is told too"


def test_show_tells_each_load_and_why_there_is_no_energy(measured: Path) -> None:
    said = call("show", "resnet18").output
    assert re.search(r"load +50 % p50 1\d\.\d .*requests", said)
    assert "Poisson arrivals, 60 a second" in re.sub(r"\s+", " ", said)
    assert "unsupported: this machine shows no energy counter" in re.sub(r"\s+", " ", said)


def test_plot_load_and_report_draw_it(measured: Path) -> None:
    assert call("plot", "load", "--suite", "mine.toml", "--out", "figures").exit_code == 0
    assert (measured / "figures" / "load.csv").read_text().count("\n") == 2
    result = call("report", "mine.toml")
    assert result.exit_code == 0, result.output
    page = (measured / "reports" / "mine" / "index.md").read_text()
    assert "## Latency under load" in page
    assert "energy of 1 case is unsupported" in page
    data = json.loads((measured / "reports" / "mine" / "index.json").read_text())
    assert "load.svg" in json.dumps(data)


def test_from_python_a_load_is_columns_and_answers(measured: Path) -> None:
    rows = lb.read("results/mine")
    (case,) = lb.wide(rows).to_dict("records")
    assert case["latency_under_load_50_p50"] < case["latency_under_load_50_p99"]
    assert case["latency_under_load_60_per_s_p95_low"] > 0.009
    assert case["saturation_rate"] == pytest.approx(100, rel=0.05)
    named = {answer.metric.title for answer in lb.answers(rows)}
    assert {"Latency under load of 50 %", "Latency under load of 60/s", "Saturation rate"} <= named


@pytest.mark.parametrize("load", ["1.0", "0", "50%", "fast"])
def test_what_is_no_load_is_refused_before_anything_is_written(load: str, away: Path) -> None:
    (away / "mine.toml").write_text(SUITE)
    result = call("run", "--suite", "mine.toml", "--load", load)
    assert result.exit_code == 2 or isinstance(result.exception, LambdabenchError)
    assert "--load" in str(result.output) + str(result.exception)
    assert not (away / "results").exists()


def test_a_suite_file_with_what_is_no_load_says_where(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE.replace("processes = 2", "processes = 2\nloads = [0.5, 1.5]"))
    result = call("run", "--suite", "mine.toml", "--dry-run")
    assert "mine.toml:7: sampling.loads.1: found 1.5" in str(result.output) + str(result.exception)


def test_the_metrics_are_listed_with_what_they_are() -> None:
    said = re.sub(r"\s+", " ", call("list", "metrics").output)
    assert "energy Joules an image, by the hardware's own counters" in said
    assert "latency_under_load Seconds until a request is answered, from when it was *scheduled* to arrive" in said
    assert "saturation_rate Requests a second that one process serves at most" in said
