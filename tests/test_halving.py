"""`fit = "halve"`: a batch that is out of memory is halved until it fits; what was asked for is kept, and nothing is tried twice."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from lambdabench import commands, suite
from lambdabench.commands import RunRequest

SUITE = """
schema = 1
metrics = ["latency", "throughput"]
[defaults]
backend = "fake"
device = "fake"
fit = "halve"
[[grid]]
model = "resnet50"
batch_size = 1024
options = { largest_batch = 300, latency_s = 0.125, jitter = 0.001 }
"""


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    (tmp_path / "fits.toml").write_text(SUITE)
    return RunRequest(suite=str(tmp_path / "fits.toml"), results=tmp_path / "results", reports=tmp_path / "reports")


def told(cases: pd.DataFrame) -> list[tuple[int, str, bool]]:
    """(Batch, status, whether it was halved), the largest batch first."""
    rows = cases.sort_values("batch_size", ascending=False)
    return list(zip(rows["batch_size"], rows["status"], rows["flags"].str.contains("halved"), strict=True))


def test_the_batch_is_halved_until_it_fits_and_the_exit_code_is_zero(request_: RunRequest) -> None:
    seen: list[tuple[int, int]] = []
    result = commands.run(request_, lambda step: seen.append((step.visits, step.total)))
    assert told(result.cases) == [(1024, "oom", True), (512, "oom", True), (256, "ok", False)]
    assert (result.exit_code(), result.exit_code(strict=True), dict(result.counts)) == (0, 0, {"ok": 1})
    assert seen[-1] == (9, 9)
    fits = result.cases[result.cases["status"] == "ok"].iloc[0]
    assert fits["requested_batch_size"] == 1024
    assert (fits["latency"], fits["normalized_latency"]) == (pytest.approx(0.125, rel=0.01), 4 * fits["latency"])
    assert fits["throughput"] == pytest.approx(2048, rel=0.01)


def test_nothing_is_tried_again(request_: RunRequest) -> None:
    commands.run(request_)
    again = commands.prepare(request_)
    assert (again.plan.jobs, len(again.plan.kept)) == ((), 3)
    assert told(commands.run(request_).cases)[-1] == (256, "ok", False)


def test_what_cannot_be_halved_is_out_of_memory(tmp_path: Path) -> None:
    (tmp_path / "never.toml").write_text(SUITE.replace("largest_batch = 300", "largest_batch = 0").replace("1024", "6"))
    result = commands.run(
        RunRequest(suite=str(tmp_path / "never.toml"), results=tmp_path / "r", reports=tmp_path / "p")
    )
    assert told(result.cases) == [(6, "oom", True), (3, "oom", False)]
    assert result.exit_code() == 1


def test_fit_is_part_of_no_identity_and_has_one_value(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(SUITE)
    (cell,) = suite.load(str(path)).cells
    path.write_text(SUITE.replace('fit = "halve"', ""))
    (plain,) = suite.load(str(path)).cells
    assert (cell.fit, plain.fit, cell.case == plain.case) == ("halve", "", True)
    path.write_text(SUITE.replace("halve", "shrink"))
    with pytest.raises(Exception, match=r"s.toml:7: defaults.fit: found 'shrink'"):
        suite.load(str(path))


def test_nothing_begins_after_the_budget(tmp_path: Path) -> None:
    """The estimate of a scripted case knows nothing of the sleep in it."""
    text = SUITE.replace('"resnet50"', '["resnet50", "resnet18", "resnet34"]').replace("= 1024", "= 4")
    (tmp_path / "slow.toml").write_text(text.replace("jitter =", "sleep_s = 0.1, jitter ="))
    request = RunRequest(
        suite=str(tmp_path / "slow.toml"), results=tmp_path / "r", reports=tmp_path / "p", budget_s=60.0
    )
    prepared = commands.prepare(request)
    short = dataclasses.replace(prepared, plan=dataclasses.replace(prepared.plan, budget_s=0.5), spent_s=0.0)
    result = commands.execute(short, request, lambda step: None)
    assert dict(result.counts) == {"skipped": 2, "ok": 1}
    assert "spent before its first visit" in "".join(result.cases["reason"])
