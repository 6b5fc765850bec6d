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
from lambdabench.core.identity import case_id
from lambdabench.core.pairing import PairAsked, Terms
from lambdabench.core.serving import PAIR, READY
from lambdabench.core.spec import Case, Job, Sampling, options_from
from lambdabench.core.visits import Answered, Asked, Length
from lambdabench.launch import hands, starting
from lambdabench.launch.hands import Crew, Ended, Hand, Key
from lambdabench.launch.wire import Wire

KEY = Key(framework="", threads=1, forks=True)
LENGTH = Length(timed_s=0.2, cold_s=0.01, least=2, most=200)


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with Crew() as found:
        yield found


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


def ask(hand: Hand, one: Job, what: str, **more: object) -> Answered:
    asked = Asked(what=what, job_id=one.job_id, job=one if what == "open" else None, **more)  # pyright: ignore[reportArgumentType]
    return hand.ask(asked, one)


@pytest.mark.parametrize("forks", [True, False])
def test_a_case_is_opened_visited_and_closed(crew: Crew, forks: bool) -> None:
    hand, one = crew.start(Key(framework="", threads=1, forks=forks)), job(latency_s=0.01, jitter=0.0)
    opened = ask(hand, one, "open")
    assert opened.outcome is not None
    assert opened.outcome.status == "ok"
    assert [answer.metric for answer in opened.outcome.measurements] == ["parameters", "flops"]
    assert opened.step_s == pytest.approx(0.01)
    visit = ask(hand, one, "visit", round=4, length=LENGTH).visit
    assert visit is not None
    assert visit.round == 4
    assert len(visit.cold) == 1
    assert visit.seconds == pytest.approx((0.01,) * 20)
    assert abs(visit.started_s - time.time()) < 60
    assert visit.noise.cpu_per_wall is not None
    closed = ask(hand, one, "close").outcome
    assert closed is not None
    assert closed.status == "ok"
    assert closed.effective.device == "fake"


def test_forks_come_from_one_process_and_are_gone_with_it(crew: Crew) -> None:
    first, second = crew.start(KEY), crew.start(KEY)
    ask(first, job(latency_s=0.01), "open")
    ask(second, job(latency_s=0.02), "open")
    assert first._process.pid != second._process.pid
    assert len(crew._cradles) == 1
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
    crew: Crew, options: dict[str, object], status: str, reason: str
) -> None:
    hand, good = crew.start(KEY), job(latency_s=0.01)
    ask(hand, good, "open")
    outcome = ask(hand, job(**options), "open").outcome
    assert outcome is not None
    assert (outcome.status, reason in outcome.reason) == (status, True)
    assert ask(hand, good, "visit", length=LENGTH).visit is not None


def test_a_network_that_hangs_is_a_timeout_and_its_process_gone(crew: Crew) -> None:
    hand = crew.start(KEY)
    outcome = ask(hand, dataclasses.replace(job(fail="hang"), timeout_s=0.3), "open").outcome
    assert outcome is not None
    assert outcome.status == "timeout"
    assert hand.is_gone


def test_a_process_that_ends_is_told_by_its_last_words(crew: Crew) -> None:
    hand, one = crew.start(KEY), job(latency_s=0.01)
    ask(hand, one, "open")
    hand._log.write_text("the library said why\n")
    os.kill(hand._process.pid, signal.SIGSEGV)
    outcome = ask(hand, one, "visit", length=LENGTH).outcome
    assert outcome is not None
    assert outcome.status == "crash"
    assert "SIGSEGV: the library said why" in outcome.reason


def test_a_process_that_was_killed_with_memory_to_spare_is_no_oom(crew: Crew) -> None:
    hand, one = crew.start(KEY), job(latency_s=0.01)
    ask(hand, one, "open")
    os.kill(hand._process.pid, signal.SIGKILL)
    outcome = ask(hand, one, "visit", length=LENGTH).outcome
    assert outcome is not None
    assert (outcome.status, outcome.flags) == ("crash", ("killed",))
    assert "killed from outside" in outcome.reason


def test_a_process_over_its_memory_is_stopped(crew: Crew) -> None:
    hand, one = crew.start(KEY), dataclasses.replace(job(latency_s=0.01, sleep_s=0.5), memory_limit_bytes=2**20)
    outcome = ask(hand, one, "open").outcome
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
    hand, one = Hand(process, Wire(ours), tmp_path / "log", is_ready=False), dataclasses.replace(job(), timeout_s=0.2)
    answer = json.dumps(READY) + "\n" + json.dumps(codec.encode(Answered(step_s=7.0))) + "\n"
    threading.Timer(0.5, theirs.sendall, (answer.encode(),)).start()
    with theirs:
        assert ask(hand, one, "open").step_s == 7.0
        process.ended = True
        hand.close()
    assert process.freed


def test_a_process_that_is_not_ready_in_time_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands, "START_LIMIT_S", 0.1)
    monkeypatch.setattr(hands, "END_S", 0.0)
    ours, theirs = socket.socketpair()
    with theirs:
        outcome = ask(Hand(Scripted(), Wire(ours), tmp_path / "log", is_ready=False), job(), "open").outcome
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

    monkeypatch.setattr("lambdabench.launch.want.Memory._found_bytes", found)
    ours, theirs = socket.socketpair()
    with theirs:
        outcome = ask(Hand(process, Wire(ours), tmp_path / "log"), job(), "open").outcome
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("crash", "the worker ended with exit code 3")


def test_each_process_writes_to_a_log_of_its_own_and_leaves_no_pipe(crew: Crew) -> None:
    plain = Key(framework="", threads=1, forks=False)
    first, second = crew.start(plain), crew.start(KEY)
    assert isinstance(first._process, hands._Started)
    pipe = first._process._process.stdin
    assert pipe is not None
    ask(first, job(latency_s=0.01), "open")
    first.close()
    assert pipe.closed
    third = crew.start(KEY)
    fourth = crew.start(KEY)
    assert len({one._log for one in (first, second, third, fourth)}) == 4
    for one in (second, third, fourth):
        one.close()


def test_what_is_no_runs_is_answered_as_it_is_and_an_end_is_told(crew: Crew) -> None:
    hand = crew.start(Key(framework="", threads=1, forks=False))
    message = {PAIR: codec.encode(PairAsked(what="visit", label="a", terms=Terms()))}
    with pytest.raises(Ended, match=r"^the process ended with 1.*KeyError: 'a'"):
        hand.say(message, 60.0)
    assert hand.is_gone
    late = crew.start(KEY)
    with pytest.raises(Ended, match=r"^no answer after 0 s$"):
        late.say(message, 0.0)
    assert late.is_gone


def test_a_crew_starts_processes_with_the_variables_and_in_the_folder_it_is_given(tmp_path: Path) -> None:
    asked: list[int | None] = []

    def environment(threads: int | None) -> dict[str, str]:
        asked.append(threads)
        return starting.worker_environment(threads)

    with Crew(environment, tmp_path) as crew:
        for forks in (True, False):
            crew.start(Key(framework="", threads=1, forks=forks)).close()
        assert asked == [1, 1]
        assert sorted(one.name for one in tmp_path.iterdir()) == ["0.txt", "1.txt", "cradle--1.txt"]
    assert tmp_path.is_dir(), "it is whose it was"


@pytest.mark.parametrize(("platform", "forks"), [("linux", True), ("darwin", False)])
def test_a_case_tells_what_kind_of_process_it_wants(
    platform: str, forks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert hands.kind_of(Case(model="a", threads=2)) == Key(framework="torch", threads=2, forks=forks)
    assert not hands.kind_of(Case(model="a", backend="jax_jit")).forks


def test_a_process_has_its_place_and_descriptors_and_ends_with_its_context(tmp_path: Path) -> None:
    out, into = os.pipe()
    told = f"import os, time; os.write({into}, os.getcwd().encode()); time.sleep(60)"
    place = tmp_path / "place"
    place.mkdir()
    with starting.process(tmp_path, (sys.executable, "-c", told), os.environ, place, (into,)) as process:
        os.close(into)
        assert os.read(out, 4096).decode() == str(place.resolve())
    os.close(out)
    assert process.returncode == -signal.SIGKILL


def test_a_cradle_that_forks_nothing_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def fork(self: object, log: Path, theirs: socket.socket) -> None:
        asked.append(log)

    monkeypatch.setattr(hands._Cradle, "fork", fork)
    with Crew() as crew:
        crew.start(KEY)
        crew.start(KEY)
    assert len(asked) == 1


ORPHAN = """
import os, sys, time
from lambdabench.launch.hands import Crew, Key
with Crew() as crew:
    hands = [crew.start(Key(framework="", threads=1, forks=forks)) for forks in (True, False)]
    print(*[one._process.pid for one in hands], *[one._process.pid for one in crew._cradles.values()], flush=True)
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
    with Crew() as crew:
        assert crew.free_bytes("cpu") == 0
        wanted = job()
        on_cpu = dataclasses.replace(wanted, case=dataclasses.replace(wanted.case, device="cpu"))
        answered = ask(crew.start(KEY), on_cpu, "open")
        assert answered.outcome is not None
        assert answered.outcome.environment is not None
        assert "+src." in answered.outcome.environment.lambdabench
        assert crew.free_bytes("cpu") == answered.free_bytes > 0
        assert crew.free_bytes("cuda:0") == 0


def test_jax_takes_no_gpu_for_itself_unless_the_user_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(starting.PREALLOCATE, raising=False)
    monkeypatch.setattr(starting.accelerators, "DRIVER", tmp_path / "absent")
    assert starting.PREALLOCATE not in starting.worker_environment(2)
    monkeypatch.setattr(starting.accelerators, "DRIVER", tmp_path)
    assert starting.worker_environment(2)[starting.PREALLOCATE] == "false"
    monkeypatch.setenv(starting.PREALLOCATE, "true")
    assert starting.worker_environment(2)[starting.PREALLOCATE] == "true"
