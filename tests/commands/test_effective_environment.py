"""Rows hold the environment that their worker saw, whatever the plan was made for."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lambdabench import commands, store
from lambdabench.cli import run_view
from lambdabench.commands import RunRequest
from lambdabench.core.identity import fingerprint
from lambdabench.core.spec import Environment
from lambdabench.worker.environment import settled

SUITE = """
schema = 1
metrics = ["latency", "throughput"]
[defaults]
backend = "fake"
device = "fake"
[[grid]]
model = ["resnet50", "resnet18"]
options = { jitter = 0.001 }
"""


@pytest.fixture
def asked(tmp_path: Path) -> RunRequest:
    (tmp_path / "two.toml").write_text(SUITE)
    return RunRequest(suite=str(tmp_path / "two.toml"), results=tmp_path / "results", reports=tmp_path / "reports")


def test_what_the_worker_saw_is_what_was_planned_for_and_a_run_goes_on_there(asked: RunRequest) -> None:
    result = commands.run(asked)
    assert set(result.rows["fingerprint"]) == {result.prepared.fingerprint}
    assert len(commands.prepare(asked).plan.kept) == 2


def test_code_that_was_edited_before_a_worker_loaded_it_is_another_environment(
    asked: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edited(environment: Environment, devices: Any) -> Environment:
        return dataclasses.replace(settled(environment, devices), lambdabench="edited")

    monkeypatch.setattr(sys.modules[commands.run.__module__], "settled", edited)
    result = commands.run(asked)
    (print_,) = set(result.rows["fingerprint"])
    row = store.read(asked.results).iloc[0]
    assert (row["env_lambdabench"], row["fingerprint"]) == ("edited", print_)
    assert print_ == fingerprint(edited(result.prepared.machine.environment, ()))
    assert print_ != result.prepared.fingerprint
    assert len(result.cases) == 2, "what ran is shown all the same"
    console = Console(width=200, record=True)
    run_view.print_result(console, result, 0, repeat=["run"], results=asked.results)
    assert "! 2 cases ran in another environment than was planned for (env_lambdabench)" in console.export_text()
    monkeypatch.undo()
    assert len(commands.prepare(asked).plan.kept) == 0
