"""`run --at`, and what is told of the slowest calls afterwards, on scripted times."""

import contextlib
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import lambdabench as lb
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError, SuiteError

SUITE = """
schema = 1
title = "Scripted"
metrics = ["throughput", "parameters"]
[sampling]
processes = 1
[defaults]
backend = "fake"
device = "fake"
[[grid]]
model = "resnet50"
options = { latency_s = 0.04, jitter = 0.1 }
[[grid]]
model = "resnet18"
options = { latency_s = 9.0 }
"""


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of a run at p95, and what it said."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "mine.toml").write_text(SUITE)
    with contextlib.chdir(folder):
        return folder, call("run", "--suite", "mine.toml", "--at", "p95")


@pytest.fixture
def measured(away: Path, once: tuple[Path, Result]) -> Path:
    """A copy of it, to work in."""
    shutil.copytree(once[0], away, dirs_exist_ok=True)
    return away


def test_the_table_has_a_column_of_the_quantile_and_says_what_has_no_bound(once: tuple[Path, Result]) -> None:
    said = once[1].output
    assert once[1].exit_code == 0, said
    assert "ms p95, b=1" in said
    assert re.search(r"resnet50.* 4[34]\.\d \[4\d\.\d, 4\d\.\d\]", said)
    assert re.search(r"9,\d+ not bounded: \d+ of 59", said) or "of 59 calls" in said
    assert "p95: of all calls of every visit, disturbed ones too" in said
    assert "reports/mine/latency.svg" in said
    assert "p95 of 1 of 2 cases is not bounded: the same command without --fresh adds visits to them" in said


def test_a_table_without_the_flag_is_as_it_was(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE)
    result = call("run", "--suite", "mine.toml", "--models", "resnet50")
    assert result.exit_code == 0, result.output
    assert "p95" not in result.output


def test_the_plan_counts_the_calls(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE)
    usual, asked = (
        json.loads(call("run", "--suite", "mine.toml", "--dry-run", "--json", *more).output)
        for more in ((), ("--at", "p95"))
    )
    assert [job["visits"] for job in usual["jobs"]] == [9, 9]
    assert [job["visits"] for job in asked["jobs"]] == [59, 59]
    assert all(job["calls"] >= 59 for job in asked["jobs"])
    assert asked["estimate_s"] > usual["estimate_s"]
    name = call("run", "--suite", "mine.toml", "--dry-run", "--at", "p99", "--batch-size", "64").output
    name = name.replace("\n", " ")
    assert "p99: an upper bound takes 299 calls" in name
    assert "2 of 2 cases come to" in name
    assert "calls: not bounded in one run, the next one adds as many" in name


@pytest.mark.parametrize("wrong", ["95", "p100", "p0", "", "p95,p99", "high"])
def test_what_is_no_quantile_is_refused(away: Path, wrong: str) -> None:
    (away / "mine.toml").write_text(SUITE)
    result = call("run", "--suite", "mine.toml", "--at", wrong)
    assert isinstance(result.exception, LambdabenchError)
    assert f"--at: found '{wrong}', expected a quantile between p0 and p100 like p50, p95" in str(result.exception)
    with pytest.raises(LambdabenchError, match=r"^at: found"):
        lb.run("mine.toml", at=wrong)


def test_a_suite_asks_in_its_file(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE.replace("processes = 1", 'processes = 1\nat = "p95"'))
    item = json.loads(call("run", "--suite", "mine.toml", "--dry-run", "--json").output)
    assert [job["visits"] for job in item["jobs"]] == [59, 59]
    (away / "mine.toml").write_text(SUITE.replace("processes = 1", 'at = "p950"'))
    result = call("run", "--suite", "mine.toml", "--dry-run")
    assert isinstance(result.exception, SuiteError)
    assert "mine.toml:6: sampling.at: found 'p950'; expected a quantile between p0 and p100" in str(result.exception)


def test_a_run_goes_on_where_there_is_no_bound_and_keeps_what_has_one(measured: Path) -> None:
    before = lb.wide(lb.read("results")).set_index("model")
    assert set(lb.read("results")["asked_at"]) == {"p95"}
    assert before.loc["resnet50", "latency_p95_high"] > before.loc["resnet50", "latency_p95"]
    assert pd.isna(before.loc["resnet18", "latency_p95_high"])
    again = call("run", "--suite", "mine.toml", "--at", "p95")
    assert "1 kept from before" in again.output
    after = lb.wide(lb.read("results")).set_index("model")
    assert after.loc["resnet18", "latency_calls"] > before.loc["resnet18", "latency_calls"]
    assert after.loc["resnet50", "latency_calls"] == before.loc["resnet50", "latency_calls"]
    assert "2 kept from before" in call("run", "--suite", "mine.toml", "--budget", "1m").output


def test_show_tells_the_tails_and_the_share_over_a_limit(measured: Path) -> None:
    name = call("show", "resnet50", "--limit", "42ms").output
    assert re.search(r"tails   p50 \d\d\.\d \[.*\] ms, p95 4\d\.\d \[.*\] ms, p99 .*, longest 4\d(\.\d)? ms", name)
    assert "each end of an interval with 95 % confidence by itself; what disturbs less than 5 % of the time" in name
    assert re.search(r"tails   2\d % \[1\d, 3\d\] of the calls took longer than 42 ms", name)
    assert re.search(r"repeat  lambdabench run --suite .* --at p95 --fresh", name)
    assert "took longer" not in call("show", "resnet50").output
    for wrong in ("42", "0ms", "fast", ""):
        result = call("show", "resnet50", "--limit", wrong)
        assert isinstance(result.exception, LambdabenchError)
        assert f"--limit: found '{wrong}', expected a time above 0 with its unit, like 25ms" in str(result.exception)


def test_a_figure_and_a_page_tell_them_too(measured: Path) -> None:
    result = call("plot", "latency", "--suite", "mine", "--limit", "42ms", "--out", "figures")
    assert result.exit_code == 0, result.output
    numbers = pd.read_csv(measured / "figures" / "latency.csv").set_index("model")
    assert numbers.loc["resnet50", "latency_p95 [s/step]"] == pytest.approx(0.0438, rel=0.02)
    assert numbers.loc["resnet18", "latency_over"] == 1.0
    picture = " ".join(re.findall(r"<text[^>]*>([^<]*)<", (measured / "figures" / "latency.svg").read_text()))
    assert "Times of the backend fake are a script" in picture
    assert "Bars: each end holds with 95 % confidence by itself" in picture
    assert re.search(r"Hollow, with an arrow: not bounded, (p50 in 1, )?p95 in 1, p99 in 2 of 2 cases", picture)
    assert call("report", "mine.toml").exit_code == 0
    page = (measured / "reports" / "mine" / "index.md").read_text()
    assert "## The slowest calls" in page
    assert "| p50, ms | p95, ms | p99, ms | longest, ms | calls |" in page
    assert "![latency.svg](latency.svg)" in page


def test_a_page_of_a_suite_that_asked_for_none_has_no_such_section(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE)
    assert call("run", "--suite", "mine.toml", "--models", "resnet50").exit_code == 0
    assert call("report", "mine.toml").exit_code == 0
    assert "slowest" not in (away / "reports" / "mine" / "index.md").read_text()
