"""The protocol of the second program: one file when a job begins, one when it ends, and no next job in a suspect process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambdabench.core import codec
from lambdabench.core.record import Outcome
from lambdabench.core.spec import Case, Job, ModelFacts, Sampling, Wish, options_from
from lambdabench.worker import probe
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
    assert capsys.readouterr().err == "usage: python -m lambdabench.worker run|probe|describe|convert FOLDER\n"


def test_a_thread_that_a_network_left_running_keeps_nothing_waiting() -> None:
    program = (
        "import atexit, threading, time\nfrom lambdabench.worker.__main__ import end\n"
        "atexit.register(print, 'tidied', flush=True)\nthreading.Thread(target=time.sleep, args=(60,)).start()\nend(3)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (3, "tidied\n")


def test_networks_are_described_one_by_one_once_frameworks_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends the process leaves the answers before it."""

    def described(wish: Wish) -> ModelFacts:
        assert (tmp_path / "started").exists()
        if wish.image_px == 64:
            raise SystemExit(3)
        return ModelFacts(name=wish.model, family="user", native_px=8)

    monkeypatch.setattr(probe.models, "describe", described)
    monkeypatch.setattr(probe.models, "warm", lambda: None)
    codec.write(tmp_path / "wishes.json", (Wish(model="a.py:b"), Wish(model="a.py:b", image_px=64)))
    with pytest.raises(SystemExit):
        main(["describe", str(tmp_path)])
    assert codec.read(ModelFacts, tmp_path / "0.json").name == "a.py:b"
    assert not (tmp_path / "1.json").exists()
