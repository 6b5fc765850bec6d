"""A plan carried out: rows are written as visits are made, and an end that is wanted comes after the visit in flight."""

import contextlib
import dataclasses
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from scripted_workers import Script, job, run_setup

from lambdabench import store
from lambdabench.conduct import Ledger, Progress, Stop, perform
from lambdabench.core.record import Outcome
from lambdabench.core.row_flags import UNFINISHED
from lambdabench.core.spec import Environment, Job

ENVIRONMENT = Environment(lambdabench="0", cpu="", cpu_flags="", cores=1, memory_gib=1)


def describe(item: Job, outcome: Outcome) -> dict[str, Any]:
    return {
        "run_id": "r",
        "run_order": 1,
        "suite": "s",
        "case_id": item.case_id,
        "fingerprint": "f",
        "replicate": item.replicate,
        "case": dataclasses.replace(item.case, image_px=8, threads=1, param_dtype="float32"),
        "requested_batch_size": item.case.batch_size,
        "device_name": "fake",
        "environment": ENVIRONMENT,
    }


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr("lambdabench.conduct.execution.WorkerPool", lambda: contextlib.nullcontext(made))
    return made


def run(script: Script, path: Path, on_progress: Any = lambda progress: None, stop: Stop | None = None) -> Ledger:
    ledger = Ledger(path, describe)
    jobs = (job("aaaaaaaaaaaa"), job("bbbbbbbbbbbb"))
    perform(jobs, lambda pool: run_setup(script), ledger, stop or Stop(), on_progress)
    return ledger


def test_every_visit_is_told_and_all_rows_are_on_disk(script: Script, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(script, tmp_path / "s" / "r.parquet", seen.append)
    assert (seen[-1].visits, seen[-1].total) == (18, 18)
    rows = store.read(tmp_path)
    latency = rows[rows["metric"] == "latency"]
    assert sorted(latency["replicate"]) == [0, 0, 1, 1, 2, 2]
    assert not rows["flags"].str.contains(UNFINISHED).any()
    assert [list(item) for item in latency[latency["case_id"] == "a" * 12]["visit_round"]] == [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_after_the_visit_in_flight_with_all_rows(script: Script, tmp_path: Path, number: int) -> None:
    stop = Stop()

    def send(progress: Progress) -> None:
        if progress.visits == 5 and not stop():
            os.kill(os.getpid(), number)

    run(script, tmp_path / "s" / "r.parquet", send, stop)
    assert stop.signal == number
    visits = [what for what, _ in script.asked if what == "visit"]
    assert len(visits) == 5
    rows = store.read(tmp_path)
    timed = rows[rows["metric"] == "latency"]
    assert sum(len(item) for item in timed["visit_round"]) == 5
    assert timed["flags"].str.contains(UNFINISHED).all()


def test_a_second_signal_ends_it_at_once_and_what_was_found_is_written(script: Script, tmp_path: Path) -> None:
    def send(progress: Progress) -> None:
        if progress.visits == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(script, tmp_path / "s" / "r.parquet", send)
    assert len(store.read(tmp_path)) > 0


def test_handlers_of_signals_are_as_they_were(script: Script, tmp_path: Path) -> None:
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    run(script, tmp_path / "s" / "r.parquet")
    assert {signals: signal.getsignal(signals) for signals in before} == before


def test_a_signal_that_is_ignored_stays_ignored(script: Script, tmp_path: Path) -> None:
    def send(progress: Progress) -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    stop, before = Stop(), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run(script, tmp_path / "s" / "r.parquet", send, stop)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert stop.signal == 0
    visits = [what for what, _ in script.asked if what == "visit"]
    assert len(visits) == 18


def test_writing_takes_a_small_share_of_the_time(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock by which writing takes two seconds and everything else none."""
    now_s, writes = [0.0], []

    def write(records: Any, path: Path) -> None:
        writes.append(len(records))
        now_s[0] += 2.0

    monkeypatch.setattr(store, "write", write)
    ledger = Ledger(tmp_path / "r.parquet", describe, clock=lambda: now_s[0])
    take = partial(perform, (job("aaaaaaaaaaaa"),), lambda pool: run_setup(script), ledger, Stop())
    take(lambda progress: None)
    assert len(writes) == 2, "the first turn's, and that at the end"
    assert writes[-1] == 6
