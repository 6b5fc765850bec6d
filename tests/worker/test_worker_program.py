"""The protocol of the second program: one file when a job begins, one when it ends, and no next job in a suspect process."""

from pathlib import Path
from typing import Any

import pytest

from lambdabench.core import codec
from lambdabench.core.record import Outcome
from lambdabench.core.spec import Case, Job, Sampling, options_from
from lambdabench.worker.__main__ import main


def job(name: str, **options: Any) -> Job:
    case = Case(
        model="resnet50", backend="fake", device="fake", image_px=8, param_dtype="float32", threads=1,
        options=options_from(options),
    )  # fmt: skip
    return Job(job_id=name, case_id="0" * 12, case=case, metrics=("latency",), sampling=Sampling())


def run(folder: Path, *jobs: Job) -> dict[str, str]:
    """Statuses by job, of the outcome files that `run` left."""
    codec.write(folder / "jobs.json", jobs)
    assert main(["run", str(folder)]) == 0
    files = [path for path in folder.glob("*.json") if path.name != "jobs.json"]
    return {path.stem: codec.read(Outcome, path).status for path in files}


def test_every_job_leaves_a_start_and_an_outcome(tmp_path: Path) -> None:
    assert run(tmp_path, job("a"), job("b")) == {"a": "ok", "b": "ok"}
    assert sorted(path.name for path in tmp_path.glob("*.started")) == ["a.started", "b.started"]


@pytest.mark.parametrize("fail", ["oom", "crash"])
def test_nothing_runs_after_a_failure_that_taints_the_process(fail: str, tmp_path: Path) -> None:
    assert run(tmp_path, job("a", fail=fail), job("b")) == {"a": fail}
    assert not (tmp_path / "b.started").exists()


@pytest.mark.parametrize("fail", ["unsupported", "mismatch", "wrong_output"])
def test_the_next_job_runs_after_a_clean_failure(fail: str, tmp_path: Path) -> None:
    assert run(tmp_path, job("a", fail=fail), job("b")) == {"a": fail, "b": "ok"}


@pytest.mark.parametrize("arguments", [[], ["run"], ["measure", "folder"]])
def test_other_arguments_are_answered_with_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == "usage: python -m lambdabench.worker run|probe|convert FOLDER\n"
