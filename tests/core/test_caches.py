"""What is kept between runs is optional: no folder, a full one or a damaged file stops nothing."""

import errno
import getpass
import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from lambdabench.core import caches, codec
from lambdabench.core.spec import Rates

RATES = Rates(backend="fake", device="cpu", mode="inference", dtype="float32", flop_s=((1.0, 2.0),))


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    caches._tried.cache_clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.delenv(caches.PLACE, raising=False)


def test_files_are_kept_below_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert caches.home() == caches.folder() == tmp_path / "xdg" / "lambdabench"
    assert stat.S_IMODE(caches.folder().stat().st_mode) == 0o700
    assert caches.problem() == ""
    assert caches.write(caches.folder() / "room" / "a.json", RATES)
    assert caches.read(Rates, caches.folder() / "room" / "a.json") == RATES
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert caches.home() == tmp_path / ".cache" / "lambdabench"


@pytest.mark.parametrize("place", ["a file", "read-only", "absent"])
def test_without_a_folder_to_keep_files_in_a_run_goes_on_and_a_line_says_so(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", {"a file": str(tmp_path / "file"), "read-only": "/proc"}.get(place, ""))
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as without HOME and an entry of the user
    assert caches.home() is None
    assert caches.problem().startswith("nothing can be kept between runs, ")
    assert caches.problem().endswith(": this one goes on without")
    assert "\n" not in caches.problem()
    assert caches.folder() == caches.private()
    assert stat.S_IMODE(caches.private().stat().st_mode) == 0o700
    assert caches.write(caches.folder() / "room" / "a.json", RATES), "for this process"
    assert caches.environment()[caches.PLACE] == str(caches.private()), "its workers share it"


def test_a_full_disk_keeps_nothing_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", full)
        assert "No space left on device" in caches.problem()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert not caches.write(tmp_path / "room" / "a.json", RATES)
    assert not list((tmp_path / "room").iterdir())


def test_a_user_id_without_a_name_gets_one_in_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setenv("USER", "somebody")
    assert "USER" not in caches.environment()
    monkeypatch.setattr(getpass, "getuser", nobody)
    assert caches.environment()["USER"] == f"uid{os.getuid()}"
    caches.settle()
    assert os.environ["USER"] == f"uid{os.getuid()}"


def test_libraries_of_this_process_get_a_folder_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc")
    caches.settle()
    assert os.environ["MPLCONFIGDIR"] == str(caches.private() / "matplotlib")
    monkeypatch.setenv("MPLCONFIGDIR", "/mine")
    caches.settle()
    assert os.environ["MPLCONFIGDIR"] == "/mine"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"backend": "fake"', b"[]", b"3", b'"text"', b"null", b"\x00\xff", b"[" * 100_000, b"{}"],
)
def test_a_damaged_file_is_as_good_as_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert caches.read(Rates, path) is None
    path.write_bytes(content)
    assert caches.read(Rates, path) is None
    path.unlink()
    path.mkdir()
    assert caches.read(Rates, path) is None


@pytest.mark.parametrize("name", ["backend", "flop_s", "element_bytes"])
@pytest.mark.parametrize("wrong", [None, 7, "abc", {"a": 1}, ["a"], [["a", "b"]]])
def test_a_value_of_another_type_is_damage(name: str, wrong: object, tmp_path: Path) -> None:
    if (name, wrong) == ("backend", "abc"):
        return
    (tmp_path / "a.json").write_text(json.dumps(codec.encode(RATES) | {name: wrong}))
    assert caches.read(Rates, tmp_path / "a.json") is None
