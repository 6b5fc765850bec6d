"""Workers come and go; every job has an outcome. Real worker processes on the `fake` backend."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lambdabench import launch
from lambdabench.core.record import Outcome
from lambdabench.core.spec import Case, Job, Sampling, Wish, options_from
from lambdabench.machine import host


def job(number: int, limit_bytes: int | None = None, **options: object) -> Job:
    case = Case(
        model="m",
        backend="fake",
        device="fake",
        image_px=8,
        threads=1,
        param_dtype="float32",
        batch_size=number,
        options=options_from(options),  # type: ignore[arg-type]
    )
    return Job(
        job_id=f"j{number}",
        case_id=f"c{number}",
        case=case,
        metrics=("latency",),
        sampling=Sampling(),
        timeout_s=1.5,
        memory_limit_bytes=limit_bytes,
    )


def outcomes(jobs: list[Job]) -> list[Outcome]:
    return [one.outcome for one in launch.run(jobs) if isinstance(one, launch.Finished)]


def test_every_way_to_fail_becomes_an_outcome_and_the_rest_goes_on() -> None:
    fails = ["crash", "oom", "hang", "kill", "unsupported", "mismatch", "wrong_output"]
    jobs = [job(1), *(job(2 + n, fail=fail) for n, fail in enumerate(fails)), job(20)]
    found = outcomes(jobs)
    assert [one.status for one in found] == [
        "ok", "crash", "oom", "timeout", "crash", "unsupported", "mismatch", "wrong_output", "ok",
    ]  # fmt: skip
    assert [one.job_id for one in found] == [one.job_id for one in jobs]
    assert all(one.reason for one in found[1:-1])
    assert "fake.py:" in found[1].reason
    assert "job_timeout_s" in found[3].reason
    assert "killed from outside twice" in found[4].reason


def test_a_worker_over_its_memory_is_stopped() -> None:
    (found,) = outcomes([job(1, limit_bytes=2**20, sleep_s=5)])
    assert found.status == "oom"
    assert "limit of 0.0 GiB" in found.reason


def test_a_worker_that_cannot_start_says_its_last_words() -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no such thing')")
    (_, done) = [None, *(one for one in launch.run([job(1)], command=command) if isinstance(one, launch.Finished))]
    assert done is not None
    assert done.outcome.status == "crash"
    assert "no such thing" in done.outcome.reason


def test_closing_the_iterator_ends_the_worker() -> None:
    running = launch.run([job(1, fail="hang")])
    next(running)
    children = psutil.Process().children(recursive=True)
    assert children
    running.close()  # type: ignore[attr-defined]
    assert not [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_the_parent_is_idle_while_a_child_measures() -> None:
    before, start = time.process_time(), time.monotonic()
    outcomes([job(1, sleep_s=0.04)])
    share = (time.process_time() - before) / (time.monotonic() - start)
    assert share < 0.05, "polling ten times a second costs little"


def test_a_worker_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(
        "import sys; sys.path.insert(0, sys.argv[1])\nimport test_launch\nfrom lambdabench import launch\n"
        "for one in launch.run([test_launch.job(1, sleep_s=0.5)]): print('started', flush=True)\n"
    )
    command = [sys.executable, str(tmp_path / "parent.py"), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        children = psutil.Process(parent.pid).children()
        parent.kill()
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert gone
    assert not alive


def test_workers_get_the_threads_and_the_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TOP_PAD_", "7")
    found = launch.worker_environment(3)
    assert found["OMP_NUM_THREADS"] == "3"
    assert found["MALLOC_TOP_PAD_"] == "7", "the user's own setting stays"
    assert "MALLOC_TRIM_THRESHOLD_" in found


def test_no_setting_of_an_environment_varies_with_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    told = [host.settings(launch.worker_environment(threads)) for threads in (None, 1, 4)]
    assert len(set(told)) == 1


def test_the_probe_is_remembered(tmp_path: Path) -> None:
    first = launch.probe([Wish(model="resnet50", image_px=64)], cache=tmp_path)
    assert first.machine.devices
    start = time.monotonic()
    assert launch.probe([Wish(model="resnet50", image_px=64)], cache=tmp_path) == first
    assert time.monotonic() - start < 1.0
