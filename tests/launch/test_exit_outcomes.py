"""What the end of a process without an answer means: memory that ran out is told from a kill by somebody else."""

import signal
from pathlib import Path

import pytest

from lambdabench.core.foreign import MOST_CHARACTERS
from lambdabench.core.record import Outcome
from lambdabench.core.spec import Case, Job, Sampling
from lambdabench.core.statuses import SETTLED
from lambdabench.launch import exit_outcomes, memory_watch
from lambdabench.launch.memory_watch import Witness

GIB = 2**30


def job(limit_bytes: int | None = None) -> Job:
    return Job(
        job_id="j1",
        case_id="c1",
        case=Case(model="m", backend="fake", device="fake", threads=1),
        metrics=("latency",),
        sampling=Sampling(),
        memory_limit_bytes=limit_bytes,
    )


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel counts four kills by now, and 100 GiB are allowed."""
    monkeypatch.setattr(memory_watch.cgroups, "oom_kills", lambda: 4)
    monkeypatch.setattr(exit_outcomes.host, "allowed_bytes", lambda: 100 * GIB)


def test_a_process_killed_without_want_of_memory_is_a_crash_that_is_tried_again(kills: None) -> None:
    outcome = exit_outcomes.killed(job(), Witness(free_bytes=100 * GIB, kills=4), GIB)
    assert (outcome.status, outcome.flags) == ("crash", ("killed",))
    assert (
        "killed from outside (SIGKILL), and nothing says that memory ran out: it held 1.0 GiB of 100.0 GiB"
        in outcome.reason
    )
    assert "the kernel counts no kill" in outcome.reason
    assert "other processes" not in outcome.reason
    beside = exit_outcomes.killed(job(), Witness(free_bytes=100 * GIB, kills=4), GIB, has_others=True)
    assert "other processes of this run, which were open beside it, may have filled memory" in beside.reason
    assert outcome.status not in SETTLED, "the next run tries it again"


def test_a_kill_that_the_kernel_counts_is_want_of_memory(kills: None) -> None:
    outcome = exit_outcomes.killed(job(), Witness(free_bytes=100 * GIB, kills=3), GIB)
    assert (outcome.status, outcome.flags) == ("oom", ())
    assert "killed for want of memory: the kernel counts it" in outcome.reason


@pytest.mark.parametrize(
    ("code", "said"), [(-signal.SIGABRT, "signal SIGABRT"), (3, "exit code 3"), (0, "exit code 0")]
)
def test_an_end_is_named_with_the_last_words(code: int, said: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert exit_outcomes.lost(job(), code, log).reason == f"the worker ended with {said}"
    log.write_text("first\nsecond\nthird\nfourth\n")
    assert exit_outcomes.lost(job(), code, log).reason == f"the worker ended with {said}: second / third / fourth"


def test_of_a_hundred_megabytes_that_a_process_said_the_end_is_its_reason(tmp_path: Path) -> None:
    """A hole in its log, which takes no room."""
    with (tmp_path / "log").open("wb") as log:
        log.seek(10**8)
        log.write(b"https://u:pw@host is the \x1b[1mreason")
    outcome = exit_outcomes.lost(job(), 3, tmp_path / "log")
    assert outcome.reason.startswith("the worker ended with exit code 3: ")
    assert outcome.reason.endswith("https://***@host is the \x1b[1mreason")
    assert len(outcome.reason) <= MOST_CHARACTERS


@pytest.mark.parametrize(
    ("peak", "limit", "kills", "said"),
    [
        (95, None, None, "it held 95.0 GiB of 100.0 GiB that were free"),
        (75, 80, None, "it held 75.0 GiB of its limit of 80.0 GiB"),
        (50, 80, None, ""),
        (50, None, 3, ""),
        (1, None, 4, "the kernel counts it, at 1.0 GiB"),
    ],
)
def test_only_what_is_seen_proves_want_of_memory(peak: int, limit: int | None, kills: int | None, said: str) -> None:
    witness = Witness(free_bytes=100 * 2**30, kills=3)
    assert witness.proof(peak * 2**30, limit and limit * 2**30, kills=kills or 3) == said


@pytest.mark.parametrize(("free", "flags", "mend"), [(39, ("crowded",), "close programs"), (41, (), "--batch-size")])
def test_what_others_left_is_no_answer_for_good(
    free: int, flags: tuple[str, ...], mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exit_outcomes.host, "allowed_bytes", lambda: 100)
    outcome = exit_outcomes.full(job(), "stopped", free)
    assert (outcome.status, outcome.flags, mend in outcome.reason) == ("oom", flags, True)


def test_out_of_memory_beside_others_on_a_device_is_no_answer_for_good() -> None:
    full, well = (Outcome(job_id="j", status=status, reason="full") for status in ("oom", "ok"))
    outcome = exit_outcomes.beside("process 7 holds 40.0 GiB", full)
    assert (outcome.status, outcome.flags) == ("oom", ("crowded",))
    assert outcome.reason == "full; process 7 holds 40.0 GiB: run again when the device is free"
    assert exit_outcomes.beside("process 7 holds 40.0 GiB", well) == well
    assert exit_outcomes.beside("", full) == full
