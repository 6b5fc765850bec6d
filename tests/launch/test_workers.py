"""Processes that hold open cases, with scripted times: asked, forked, lost."""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdabench.core import codec
from lambdabench.core.gate_protocol import PairAsked, Terms
from lambdabench.core.identity import case_id
from lambdabench.core.spec import Case, Job, Sampling, options_from
from lambdabench.core.visit_protocol import Answered, Asked, Length
from lambdabench.core.worker_protocol import PAIR, READY
from lambdabench.launch import process_start, workers
from lambdabench.launch.json_socket import Wire
from lambdabench.launch.workers import Ended, Key, Worker, WorkerPool

KEY = Key(framework="", threads=1, forks=True)
LENGTH = Length(timed_s=0.2, cold_s=0.01, least=2, most=200)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool() as worker_pool:
        yield worker_pool


def job(**options: object) -> Job:
    case = Case(
        model="scripted",
        backend="fake",
        device="fake",
        image_px=8,
        threads=1,
        param_dtype="float32",
        options=options_from(options),  # pyright: ignore[reportArgumentType]
    )
    identity = case_id(case, {})
    return Job(
        job_id=f"{identity}-0",
        case_id=identity,
        case=case,
        metrics=("latency", "throughput", "parameters", "flops"),
        sampling=Sampling(case_budget_s=1.0),
    )


def ask(worker: Worker, item: Job, what: str, **more: object) -> Answered:
    asked = Asked(what=what, job_id=item.job_id, job=item if what == "open" else None, **more)  # pyright: ignore[reportArgumentType]
    return worker.ask(asked, item)


@pytest.mark.parametrize("forks", [True, False])
def test_a_case_is_opened_visited_and_closed(pool: WorkerPool, forks: bool) -> None:
    worker, item = pool.start(Key(framework="", threads=1, forks=forks)), job(latency_s=0.01, jitter=0.0)
    opened = ask(worker, item, "open")
    assert opened.outcome is not None
    assert opened.outcome.status == "ok"
    assert [answer.metric for answer in opened.outcome.measurements] == ["parameters", "flops"]
    assert opened.step_s == pytest.approx(0.01)
    visit = ask(worker, item, "visit", round=4, length=LENGTH).visit
    assert visit is not None
    assert visit.round == 4
    assert len(visit.cold) == 1
    assert visit.seconds == pytest.approx((0.01,) * 20)
    assert abs(visit.started_s - time.time()) < 60
    assert visit.noise.cpu_per_wall is not None
    closed = ask(worker, item, "close").outcome
    assert closed is not None
    assert closed.status == "ok"
    assert closed.effective.device == "fake"


def test_forks_come_from_one_process_and_are_gone_with_it(pool: WorkerPool) -> None:
    first, second = pool.start(KEY), pool.start(KEY)
    ask(first, job(latency_s=0.01), "open")
    ask(second, job(latency_s=0.02), "open")
    assert first._process.pid != second._process.pid
    assert len(pool._forkservers) == 1
    first.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first._process.pid, 0)
    assert ask(second, job(latency_s=0.02), "visit", length=LENGTH).visit is not None


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({"fail": "crash"}, "crash", "asked to crash"),
        ({"fail": "oom"}, "oom", "asked to run out of memory"),
        ({"fail": "unsupported"}, "unsupported", "asked to be unsupported"),
        ({"fail": "mismatch"}, "mismatch", "asked for a mismatch"),
        ({"fail": "wrong_output"}, "wrong_output", "asked for a wrong output"),
    ],
)
def test_a_failure_is_an_outcome_and_others_stay_open(
    pool: WorkerPool, options: dict[str, object], status: str, reason: str
) -> None:
    worker, good = pool.start(KEY), job(latency_s=0.01)
    ask(worker, good, "open")
    outcome = ask(worker, job(**options), "open").outcome
    assert outcome is not None
    assert (outcome.status, reason in outcome.reason) == (status, True)
    assert ask(worker, good, "visit", length=LENGTH).visit is not None


def test_a_network_that_hangs_is_a_timeout_and_its_process_gone(pool: WorkerPool) -> None:
    worker = pool.start(KEY)
    outcome = ask(worker, dataclasses.replace(job(fail="hang"), timeout_s=0.3), "open").outcome
    assert outcome is not None
    assert outcome.status == "timeout"
    assert worker.is_gone


def test_a_process_that_ends_is_told_by_its_last_words(pool: WorkerPool) -> None:
    worker, item = pool.start(KEY), job(latency_s=0.01)
    ask(worker, item, "open")
    worker._log.write_text("the library said why\n")
    os.kill(worker._process.pid, signal.SIGSEGV)
    outcome = ask(worker, item, "visit", length=LENGTH).outcome
    assert outcome is not None
    assert outcome.status == "crash"
    assert "SIGSEGV: the library said why" in outcome.reason


def test_a_process_that_was_killed_with_memory_to_spare_is_no_oom(pool: WorkerPool) -> None:
    worker, item = pool.start(KEY), job(latency_s=0.01)
    ask(worker, item, "open")
    os.kill(worker._process.pid, signal.SIGKILL)
    outcome = ask(worker, item, "visit", length=LENGTH).outcome
    assert outcome is not None
    assert (outcome.status, outcome.flags) == ("crash", ("killed",))
    assert "killed from outside" in outcome.reason


def test_a_process_over_its_memory_is_stopped(pool: WorkerPool) -> None:
    worker, item = pool.start(KEY), dataclasses.replace(job(latency_s=0.01, sleep_s=0.5), memory_limit_bytes=2**20)
    outcome = ask(worker, item, "open").outcome
    assert outcome is not None
    assert outcome.status == "oom"
    assert "stopped at its limit" in outcome.reason


class Scripted:
    """A process that is none: it ends with 3 as soon as it is `ended`."""

    def __init__(self) -> None:
        self.pid, self.ended, self.freed = 2**31 - 1, False, False

    def poll(self) -> int | None:
        return 3 if self.ended else None

    def let_go(self) -> None:
        self.freed = True


def test_what_a_process_imports_is_not_the_time_of_its_case(tmp_path: Path) -> None:
    process, (ours, theirs) = Scripted(), socket.socketpair()
    worker, item = (
        Worker(process, Wire(ours), tmp_path / "log", is_ready=False),
        dataclasses.replace(job(), timeout_s=0.2),
    )
    answer = json.dumps(READY) + "\n" + json.dumps(codec.encode(Answered(step_s=7.0))) + "\n"
    threading.Timer(0.5, theirs.sendall, (answer.encode(),)).start()
    with theirs:
        assert ask(worker, item, "open").step_s == 7.0
        process.ended = True
        worker.close()
    assert process.freed


def test_a_process_that_is_not_ready_in_time_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_LIMIT_S", 0.1)
    monkeypatch.setattr(workers, "END_S", 0.0)
    ours, theirs = socket.socketpair()
    with theirs:
        outcome = ask(Worker(Scripted(), Wire(ours), tmp_path / "log", is_ready=False), job(), "open").outcome
    assert outcome is not None
    assert outcome.status == "timeout"
    assert outcome.reason.startswith("the worker was not ready after 0.1 s")


def test_a_process_that_has_ended_is_gone_though_its_child_holds_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, process = iter((100, 100, 0)), Scripted()

    def found(self: object) -> int:
        bytes_ = next(held, 0)
        process.ended = not bytes_
        return bytes_

    monkeypatch.setattr("lambdabench.launch.memory_watch.Memory._found_bytes", found)
    ours, theirs = socket.socketpair()
    with theirs:
        outcome = ask(Worker(process, Wire(ours), tmp_path / "log"), job(), "open").outcome
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("crash", "the worker ended with exit code 3")


def test_each_process_writes_to_a_log_of_its_own_and_leaves_no_pipe(pool: WorkerPool) -> None:
    plain = Key(framework="", threads=1, forks=False)
    first, second = pool.start(plain), pool.start(KEY)
    assert isinstance(first._process, workers._Started)
    pipe = first._process._process.stdin
    assert pipe is not None
    ask(first, job(latency_s=0.01), "open")
    first.close()
    assert pipe.closed
    third = pool.start(KEY)
    fourth = pool.start(KEY)
    assert len({item._log for item in (first, second, third, fourth)}) == 4
    for worker in (second, third, fourth):
        worker.close()


def test_what_is_no_runs_is_answered_as_it_is_and_an_end_is_told(pool: WorkerPool) -> None:
    worker = pool.start(Key(framework="", threads=1, forks=False))
    message = {PAIR: codec.encode(PairAsked(what="visit", label="a", terms=Terms()))}
    with pytest.raises(Ended, match=r"^the process ended with 1.*KeyError: 'a'"):
        worker.say(message, 60.0)
    assert worker.is_gone
    late = pool.start(KEY)
    with pytest.raises(Ended, match=r"^no answer after 0 s$"):
        late.say(message, 0.0)
    assert late.is_gone


def test_a_crew_starts_processes_with_the_variables_and_in_the_folder_it_is_given(tmp_path: Path) -> None:
    asked: list[int | None] = []

    def environment(threads: int | None) -> dict[str, str]:
        asked.append(threads)
        return process_start.worker_environment(threads)

    with WorkerPool(environment, tmp_path) as pool:
        for forks in (True, False):
            pool.start(Key(framework="", threads=1, forks=forks)).close()
        assert asked == [1, 1]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["0.txt", "1.txt", "forkserver--1.txt"]
    assert tmp_path.is_dir(), "it is whose it was"


@pytest.mark.parametrize(("platform", "forks"), [("linux", True), ("darwin", False)])
def test_a_case_tells_what_kind_of_process_it_wants(
    platform: str, forks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert workers.kind_of(Case(model="a", threads=2)) == Key(framework="torch", threads=2, forks=forks)
    assert not workers.kind_of(Case(model="a", backend="jax_jit")).forks


def test_a_process_has_its_place_and_descriptors_and_ends_with_its_context(tmp_path: Path) -> None:
    out, into = os.pipe()
    name = f"import os, time; os.write({into}, os.getcwd().encode()); time.sleep(60)"
    place = tmp_path / "place"
    place.mkdir()
    with process_start.process(tmp_path, (sys.executable, "-c", name), os.environ, place, (into,)) as process:
        os.close(into)
        assert os.read(out, 4096).decode() == str(place.resolve())
    os.close(out)
    assert process.returncode == -signal.SIGKILL


def test_a_forkserver_that_forks_nothing_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def fork(self: object, log: Path, theirs: socket.socket) -> None:
        asked.append(log)

    monkeypatch.setattr(workers._ForkServer, "fork", fork)
    with WorkerPool() as pool:
        pool.start(KEY)
        pool.start(KEY)
    assert len(asked) == 1


ORPHAN = """
import os, sys, time
from lambdabench.launch.workers import WorkerPool, Key
with WorkerPool() as pool:
    hands = [pool.start(Key(framework="", threads=1, forks=forks)) for forks in (True, False)]
    print(*[one._process.pid for one in hands], *[one._process.pid for one in pool._forkservers.values()], flush=True)
    time.sleep(60)
"""


def test_no_process_outlives_a_parent_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s and any(_lives(pid) for pid in pids):
        time.sleep(0.1)
    assert len(pids) == 3
    assert not [pid for pid in pids if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_device_has_left_is_told_by_the_process_that_opened_a_case_on_it() -> None:
    with WorkerPool() as pool:
        assert pool.free_bytes("cpu") == 0
        wanted = job()
        on_cpu = dataclasses.replace(wanted, case=dataclasses.replace(wanted.case, device="cpu"))
        answered = ask(pool.start(KEY), on_cpu, "open")
        assert answered.outcome is not None
        assert answered.outcome.environment is not None
        assert "+src." in answered.outcome.environment.lambdabench
        assert pool.free_bytes("cpu") == answered.free_bytes > 0
        assert pool.free_bytes("cuda:0") == 0


def test_jax_takes_no_gpu_for_itself_unless_the_user_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(process_start.PREALLOCATE, raising=False)
    monkeypatch.setattr(process_start.accelerators, "DRIVER", tmp_path / "absent")
    assert process_start.PREALLOCATE not in process_start.worker_environment(2)
    monkeypatch.setattr(process_start.accelerators, "DRIVER", tmp_path)
    assert process_start.worker_environment(2)[process_start.PREALLOCATE] == "false"
    monkeypatch.setenv(process_start.PREALLOCATE, "true")
    assert process_start.worker_environment(2)[process_start.PREALLOCATE] == "true"
