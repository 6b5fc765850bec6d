"""A kept library is loaded as it was built, from where nobody else could have put it; else it is built anew or refused, and said."""

import ctypes
import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core import caches
from lambdabench.kernels._cpu import build, trust

pytestmark = pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
STAND_IN = 'extern "C" long lambda_lanes() { return 8; }\n'


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Path:
    """A source of one function, which compiles in a moment."""
    caplog.set_level(logging.WARNING)
    path = tmp_path / "stand_in.cpp"
    path.write_text(STAND_IN)
    monkeypatch.setattr(build, "SOURCE", path)
    monkeypatch.setattr(build, "HEADERS", ())
    monkeypatch.setattr(build, "FLAGS", ("-fPIC", "-shared"))
    monkeypatch.setattr(build, "_notices", [])
    alone = tmp_path / "alone"
    alone.mkdir()
    monkeypatch.setattr(caches, "private", lambda: alone)
    return path


def lanes(path: Path) -> int:
    return int(ctypes.CDLL(str(path)).lambda_lanes())


def said(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = caplog.records
    assert "\n" not in record.message
    assert build.notices() == (record.message,)
    return record.message


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def linked(path: Path) -> None:
    moved = path.with_suffix(".moved")
    path.rename(moved)
    path.symlink_to(moved)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: os.truncate(path, 5000),
    "zeroed": zeroed,
    "another library": lambda path: path.write_bytes(b"\x7fELF and something else"),
    "one bit": lambda path: path.write_bytes(path.read_bytes()[:-9] + b"\x01" + path.read_bytes()[-8:]),
    "writable by all": lambda path: path.chmod(0o777),
    "writable by the group": lambda path: path.chmod(0o720),
    "a link": linked,
}


def test_a_library_is_kept_for_this_user_alone_and_found_again(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o002)
    try:
        path = build.built(tmp_path / "kept", source)
    finally:
        os.umask(before)
    assert lanes(path) == 8
    assert [stat.S_IMODE(item.stat().st_mode) for item in (path, path.parent)] == [0o700, 0o700]
    monkeypatch.setattr(build, "_compile", lambda asked: pytest.fail("built twice"))
    assert build.built(tmp_path / "kept", source) == path
    assert not caplog.records


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_library_is_built_anew_and_a_line_says_so(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    path = build.built(tmp_path / "kept", source)
    DAMAGE[damage](path)
    again = build.built(tmp_path / "kept", source)
    assert again == path, "the same content has the same name"
    assert lanes(again) == 8
    assert trust.file_problem(again, os.geteuid()) == ""
    assert said(caplog).endswith(": built anew")


def test_a_library_that_another_user_planted_is_not_loaded(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build.built(tmp_path / "kept", source)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 7)
    planted = trust.file_problem(path, os.geteuid())
    if path.stat().st_uid != 0:  # what the administrator put there is not planted
        assert "is of another user" in planted
    else:
        os.chown(path, 12345, 12345)
        assert "is of another user" in trust.file_problem(path, 0)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        again = build.built(tmp_path / "kept", source)
        assert again.stat().st_uid == 0
        assert "is of another user: built anew" in said(caplog)


def test_a_folder_that_others_may_write_is_closed_and_one_of_others_is_not_used(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert build.built(shared, source).parent == shared
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert not caplog.records
    monkeypatch.setattr(trust, "folder_problem", lambda folder, user: f"{folder} is of another user")
    assert build.built(shared, source).parent == caches.private()
    assert said(caplog).endswith("is of another user: the CPU kernel is built for this process alone")


def test_a_folder_of_another_user_is_told(tmp_path: Path) -> None:
    owner = tmp_path.stat().st_uid
    if owner == 0:
        os.chown(tmp_path, 12345, -1)
        owner = 12345
    assert trust.folder_problem(tmp_path, owner) == ""
    assert trust.folder_problem(tmp_path, owner + 1) == f"{tmp_path} is of another user"


@pytest.mark.parametrize("place", ["a file", "read-only", "full"])
def test_where_nothing_can_be_kept_the_library_is_built_for_this_process(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    folder = {"a file": tmp_path / "stand_in.cpp", "read-only": Path("/proc/kernels")}.get(place, tmp_path / "full")
    if place == "full":
        copy = shutil.copyfile

        def full(made: Path, to: Path) -> None:
            if Path(to).parent == folder:
                raise OSError(28, os.strerror(28))
            copy(made, to)

        monkeypatch.setattr(shutil, "copyfile", full)
    path = build.built(folder, source)
    assert path.parent == caches.private()
    assert lanes(path) == 8
    assert "for this process alone" in said(caplog)
    monkeypatch.setattr(build, "_compile", lambda asked: pytest.fail("built twice"))
    assert build.built(folder, source) == path
    if folder.is_dir():
        assert not list(folder.iterdir())


def test_a_library_without_our_functions_is_a_reason_and_the_portable_kernel_runs(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build.built(tmp_path / "kept", source)
    monkeypatch.setattr(build, "built", lambda folder: made)
    loaded, why = build._found.__wrapped__()  # pyright: ignore[reportPrivateUsage]
    assert loaded is None
    assert why.startswith("the CPU kernel cannot be loaded: ")
    assert "undefined symbol: lambda_forward" in why
    assert why.endswith("; the portable kernel runs")


def test_a_compiler_that_writes_nothing_is_a_reason(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    monkeypatch.setenv("CXX", str(silent))
    with pytest.raises(build.UnavailableError, match="silent cannot build the CPU kernel: no message; the portable"):
        build.built(tmp_path / "kept", source)


def test_two_processes_that_build_at_once_keep_one_library(tmp_path: Path) -> None:
    (tmp_path / "stand_in.cpp").write_text(STAND_IN)
    script = (
        "from pathlib import Path\n"
        "from lambdabench.kernels._cpu import build\n"
        f"here = Path({str(tmp_path)!r})\n"
        "build.SOURCE, build.HEADERS, build.FLAGS = here / 'stand_in.cpp', (), ('-fPIC', '-shared')\n"
        "print(build.built(here / 'kept', build.SOURCE))"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (popen.communicate()[0].strip() for popen in both)
    assert first == second
    assert [str(path) for path in (tmp_path / "kept").iterdir()] == [first]
