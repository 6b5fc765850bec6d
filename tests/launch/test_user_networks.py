"""Users' own networks are described by a process of their own: what they do to it costs neither the run nor much time. The worker is a
small script here."""

import contextlib
import time
from pathlib import Path

import psutil
import pytest

from lambdabench.core.spec import ModelFacts, Wish
from lambdabench.launch import one_shot_worker, user_networks

START = """
import os, sys, time, pathlib, subprocess
folder = pathlib.Path(sys.argv[2])
assert sys.argv[1] == "describe"
def answer(index):
    from lambdabench.core import codec
    from lambdabench.core.spec import ModelFacts
    codec.write(folder / f"{index}.json", ModelFacts(name="net.py:make", family="user", native_px=8, parameters=7))
(folder / "started").touch()
"""
WISHES = (Wish(model="net.py:make"), Wish(model="net.py:make", image_px=64))


class Scripted:
    """A worker program of some lines, and what is said meanwhile."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.said, self._program = folder / "kept", list[str](), folder / "scripted_worker" / "worker"
        self._program.mkdir(parents=True)
        (self._program.parent / "__init__.py").touch()
        (self._program / "__init__.py").touch()
        path = [str(folder), str(Path(one_shot_worker.__file__).parents[2])]
        monkeypatch.setenv("PYTHONPATH", ":".join(path))
        monkeypatch.setattr(one_shot_worker, "ROOT", "scripted_worker")

    def describe(self, lines: str, limit_s: float = 30.0, start: str = START) -> tuple[ModelFacts, ...]:
        (self._program / "__main__.py").write_text(start + lines)
        return user_networks.describe(WISHES, self.home, limit_s=limit_s, on_wait=self.said.append)


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    return Scripted(tmp_path, monkeypatch)


def test_a_network_that_hangs_has_its_time_and_no_more(worker: Scripted) -> None:
    begun_s = time.monotonic()
    first, second = worker.describe("answer(0)\ntime.sleep(300)", limit_s=0.5)
    assert time.monotonic() - begun_s < 60
    assert (first.parameters, first.problem) == (7, "")
    assert (second.name, second.native_px, second.image_px, second.problem) == (
        "net.py:make", user_networks.SIZE_PX, 64, "took over 0.5 s",
    )  # fmt: skip
    assert worker.said == [
        "net.py:make: looked at, for at most 0.5 s of its own",
        "net.py:make: took over 0.5 s; goes on without an estimate",
    ]
    assert not worker.home.exists(), "what took too long is tried again"


def test_loading_frameworks_is_not_the_networks_time(worker: Scripted) -> None:
    slow = START.replace('(folder / "started")', 'time.sleep(1.0); (folder / "started")')
    facts = worker.describe("answer(0); answer(1)", limit_s=0.9, start=slow)
    assert [fact.parameters for fact in facts] == [7, 7]


def test_a_process_that_a_network_leaves_is_ended_and_not_waited_for(worker: Scripted, tmp_path: Path) -> None:
    spawn = (
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(left.pid))\nanswer(0); answer(1)\nos._exit(0)"
    )
    begun_s = time.monotonic()
    facts = worker.describe(spawn)
    assert time.monotonic() - begun_s < 60
    assert [fact.parameters for fact in facts] == [7, 7]
    with contextlib.suppress(psutil.NoSuchProcess):  # the kernel takes it away when it comes to it
        left = psutil.Process(int((tmp_path / "pid").read_text()))
        while left.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() - begun_s < 60
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("os._exit(0)", "ended the process"),
        ("sys.exit('my words')", "failed: my words"),
        ("os.kill(os.getpid(), 9)", "failed: exit code -9"),
    ],
)
def test_a_network_that_ends_the_process_has_facts_that_say_so(lines: str, problem: str, worker: Scripted) -> None:
    assert [model_facts.problem for model_facts in worker.describe(lines)] == [problem, problem]
    assert worker.said[1:] == [f"net.py:make: {problem}; goes on without an estimate"]


def test_facts_are_remembered_and_nothing_is_said_again(worker: Scripted) -> None:
    first = worker.describe("answer(0); answer(1)")
    assert worker.describe("sys.exit('not asked')") == first
    assert len(worker.said) == 1


def test_no_wishes_start_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_networks, "ask", lambda *_, **__: pytest.fail("asked"))
    assert user_networks.describe((), tmp_path, limit_s=1.0, on_wait=pytest.fail) == ()
