"""Two runs never share a device: locks of real processes on a file of these tests."""

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdabench.core.errors import DeviceError
from lambdabench.machine import lease
from lambdabench.machine.accelerators import Accelerator

OTHER = """
import sys
from lambdabench.machine import lease
with lease.hold(sys.argv[1:]):
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(lease.VARIABLE, str(tmp_path / "lease"))
    return tmp_path / "lease"


@contextlib.contextmanager
def other_run(*devices: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds devices."""
    command = [sys.executable, "-c", OTHER, *devices]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"holds\n"
        yield process
        process.kill()


def test_a_second_run_waits_says_for_whom_and_is_refused(file: Path) -> None:
    said: list[str] = []
    slept: list[float] = []
    with other_run("cpu") as other:
        with (
            pytest.raises(DeviceError) as caught,
            lease.hold(("cpu",), said.append, wait_s=2.0, sleep=slept.append),
        ):
            raise AssertionError("held by two")
        assert lease.holder("cpu").startswith(f"process {other.pid} (")
    assert caught.value.exit_code == 2
    assert f"cpu is measured on by process {other.pid} (" in str(caught.value)
    assert "use another --device (LAMBDABENCH_LEASE=off measures all the same)" in str(caught.value)
    assert len(said) == 1
    assert said[0].endswith(": waiting up to 2 s for it")
    assert f"process {other.pid} (" in said[0]
    assert sum(slept) == 2.0
    assert lease.holder("cpu") == "", "a process that has gone holds nothing"


def test_a_run_that_ends_meanwhile_makes_room(file: Path) -> None:
    with other_run("cuda:0", "cpu") as other:

        def end(seconds: float) -> None:
            other.kill()
            other.wait()

        with lease.hold(("cpu",), sleep=end):
            pass


def test_other_devices_and_processors_do_not_meet(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with other_run("cuda:0", "cpu"), lease.hold(("cuda:1", "fake")):
        own = lease.os.sched_getaffinity(0)
        monkeypatch.setattr(lease.os, "sched_getaffinity", lambda pid: {max(own) + 1})
        with lease.hold(("cpu",)):
            pass


def test_what_a_process_holds_it_may_hold_again(file: Path) -> None:
    with lease.hold(("cpu",)):
        with lease.hold(("cpu", "cuda:0"), wait_s=0.0):
            pass
        check = subprocess.run(
            [sys.executable, "-c", "from lambdabench.machine import lease; print(lease.holder('cpu'))"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert check.stdout.startswith(f"process {os.getpid()} ("), "the inner one let nothing of the outer one go"


def test_nobody_waits_for_scripted_times(file: Path) -> None:
    with other_run("fake"), lease.hold(("fake",), wait_s=0.0):
        pass


def test_a_device_is_the_same_under_two_names(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accelerator, two = (Accelerator(kind="cuda", uuid=f"GPU-{name}") for name in "ab")
    monkeypatch.setattr(lease.accelerators, "look", lambda: (accelerator, two))
    first = lease._places("cuda:1")
    monkeypatch.setattr(lease.accelerators, "look", lambda: (two,))
    assert lease._places("cuda:0") == lease._places("cuda") == first
    assert first[0] >= lease.BEYOND


@pytest.mark.parametrize("place", ["off", "folder", "absent/lease", "link", "pipe"])
def test_where_nothing_can_be_locked_nothing_is(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv(lease.VARIABLE, place if place == "off" else str(tmp_path / place))
    assert lease._descriptor() is None
    with lease.hold(("cpu",), wait_s=0.0):
        assert lease.holder("cpu") == ""
    assert (tmp_path / "precious").read_text() == "mine"


def test_every_user_may_lock_the_file_and_one_that_was_cleaned_away_is_made_anew(file: Path) -> None:
    before = os.umask(0o077)
    try:
        with lease.hold(("cpu",)):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    assert file.read_bytes() == b""
    file.unlink()
    with other_run("cpu") as other:
        assert lease.holder("cpu").startswith(f"process {other.pid} (")


def test_another_users_words_reach_no_terminal_raw(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with other_run("cpu") as other:
        words = ["python", "\x1b[31mred\n", "x" * 200]
        monkeypatch.setattr(lease.psutil.Process, "cmdline", lambda self: words)
        name = lease.holder("cpu")
    assert name.startswith(f"process {other.pid} (python [31mred xxx")
    assert name.isprintable()
    assert len(name) < 120
