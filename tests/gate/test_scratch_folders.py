"""What a killed check leaves is taken away by the next one; what runs, and what is somebody else's, stays."""

import dataclasses
import errno
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from lambdabench import cli
from lambdabench.core.errors import GateError
from lambdabench.gate import folder_owners, scratch_folders, trees

from .conftest import Repository

PROGRAM = """
import signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from lambdabench import cli
from lambdabench.gate import scratch_folders, trees

def check():
    with trees.checked_out(trees.find("main", Path(sys.argv[2]))) as base, scratch_folders.folder("pair") as pair:
        print(base, flush=True)
        time.sleep(60)

cli._end_as_if_interrupted()
try:
    check()
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where folders for a while are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def made(make_repository: Callable[[str], Repository], place: Path) -> Repository:
    repository = make_repository("repository")
    repository.write("file", "1")
    repository.commit()
    return repository


@pytest.fixture
def checking(made: Repository) -> Generator[subprocess.Popen[str]]:
    """A check that has its checkout, and waits."""
    command = (sys.executable, "-c", PROGRAM, str(Path(__file__).parents[2]), str(made.folder))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().endswith("/base")
        yield process
        process.kill()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_check_that_is_stopped_leaves_nothing(
    made: Repository, place: Path, checking: subprocess.Popen[str], ending: signal.Signals
) -> None:
    checking.send_signal(ending)
    assert checking.wait(timeout=30) == 130
    assert list(place.iterdir()) == []
    assert len(made.git("worktree", "list").splitlines()) == 1


def test_the_next_check_takes_away_what_a_killed_one_left(
    made: Repository, place: Path, checking: subprocess.Popen[str], tmp_path: Path
) -> None:
    made.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "own"))
    made.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "gone"))
    (tmp_path / "gone").rename(tmp_path / "moved")
    before = sorted(path.name for path in place.iterdir())
    with trees.checked_out(trees.find("main", made.folder)):
        assert set(before) < {path.name for path in place.iterdir()}, "that of a check that runs stays"
        assert len(made.git("worktree", "list").splitlines()) == 5
    checking.send_signal(signal.SIGKILL)
    checking.wait()
    assert len(before) == 2
    with trees.checked_out(trees.find("main", made.folder)) as base:
        assert list(place.iterdir()) == [base.parent]
    assert list(place.iterdir()) == []
    assert len(made.git("worktree", "list").splitlines()) == 3, "people's own stay, those that git would prune too"


def test_a_registration_without_its_folder_goes_too(
    made: Repository, place: Path, checking: subprocess.Popen[str]
) -> None:
    checking.send_signal(signal.SIGKILL)
    checking.wait()
    for path in place.iterdir():
        path.rename(place.parent / path.name)
    assert "lambdabench check host=" in made.git("worktree", "list", "--porcelain")
    trees.prune(made.folder)
    assert len(made.git("worktree", "list").splitlines()) == 1


def test_a_folder_that_only_looks_like_ours_stays(place: Path) -> None:
    other = place / "lambdabench-check-mine"
    other.mkdir()
    (place / "lambdabench-side-link").symlink_to(other)
    (other / "kept").touch()
    scratch_folders.prune()
    assert (other / "kept").exists()
    (other / scratch_folders.OWNER).write_text("host=x")
    scratch_folders.prune()
    assert (other / "kept").exists()
    (other / scratch_folders.OWNER).write_text(str(dataclasses.replace(folder_owners.ourselves(), started="0")))
    scratch_folders.prune()
    assert not other.exists()
    assert (place / "lambdabench-side-link").is_symlink()


def test_an_owner_is_dead_where_its_process_is_no_more() -> None:
    here = folder_owners.ourselves()
    assert folder_owners.parse(str(here)) == here
    assert folder_owners.parse("a folder of mine") is None
    assert not folder_owners.is_dead(here, here)
    assert folder_owners.is_dead(dataclasses.replace(here, started="1"), here), "its number went to another one"
    assert folder_owners.is_dead(dataclasses.replace(here, boot="before"), here)
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        assert os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT) is not None
        ended = dataclasses.replace(here, pid=child.pid)
        assert folder_owners.is_dead(ended, here), "ended, and not waited for"


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"host": "elsewhere", "boot": "b"}, {"space": "pid:[1]"}])
def test_what_cannot_be_asked_is_left_alone_for_a_week(change: dict[str, str]) -> None:
    here = folder_owners.ourselves()
    other = dataclasses.replace(here, pid=2**22 + 1, started="1", **change)  # pyright: ignore[reportArgumentType]
    assert not folder_owners.is_dead(other, here)
    assert folder_owners.is_dead(other, dataclasses.replace(here, since=here.since + 8 * 86400))


def test_no_room_for_a_folder_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scratch_folders, "claim", full)
    with pytest.raises(GateError, match=r"needs a folder for a while, and cannot make one: No space left on device"):
        scratch_folders.folder("check").__enter__()
    assert list(place.iterdir()) == []


def test_an_ending_that_is_ignored_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nohup."""
    handled = {signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_IGN}
    monkeypatch.setattr(cli.signal, "getsignal", handled.get)
    monkeypatch.setattr(cli.signal, "signal", handled.__setitem__)
    cli._end_as_if_interrupted()
    assert handled == {signal.SIGTERM: cli._interrupt, signal.SIGHUP: signal.SIG_IGN}
    with pytest.raises(KeyboardInterrupt):
        cli._interrupt(signal.SIGTERM, None)
    assert handled[signal.SIGTERM] == signal.SIG_IGN, "a second one would stop what puts things in order"
