"""Head's tests are laid over base's, and nothing outside base's tree is written, wherever links lead on either side."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core.errors import GateError
from lambdabench.gate import overlay, trees
from lambdabench.gate.overlay import Laid

from .conftest import Repository

Make = Callable[[str], Repository]
BENCH = "tests/bench"


@pytest.fixture
def made(make_repository: Make) -> Repository:
    """A repository on a branch of its own."""
    repository = make_repository("repository")
    repository.write("kept", "1")
    repository.write(f"{BENCH}/test_it.py", "base's")
    return repository


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file that nobody may write to, in a folder to which nothing may be added."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "precious.json").write_text("precious")
    return folder / "precious.json"


def unchanged(precious: Path) -> bool:
    return precious.read_text() == "precious" and [path.name for path in precious.parent.iterdir()] == [precious.name]


def branch(made: Repository) -> None:
    """Base is what there is now; what comes is head's."""
    made.commit()
    made.git("checkout", "--quiet", "-b", "work")


def link(made: Repository, path: str, target: str | Path) -> None:
    where = made.folder / path
    if where.is_symlink() or where.exists():
        where.unlink()
    where.parent.mkdir(parents=True, exist_ok=True)
    where.symlink_to(target)


def laid(made: Repository, look: Callable[[Path], object], path: str = BENCH) -> tuple[object, Laid]:
    """What is seen in base's tree after head's tests were laid over it."""
    with trees.checked_out(trees.find("main", made.folder)) as base:
        result = overlay.overlay(path, made.folder, made.folder, base)
        return look(base), result


def test_bases_link_gives_way_to_heads_file_and_is_not_followed(made: Repository, precious: Path) -> None:
    link(made, f"{BENCH}/ref.json", precious)
    branch(made)
    (made.folder / BENCH / "ref.json").unlink()
    made.write(f"{BENCH}/ref.json", "head's")
    seen, result = laid(made, lambda base: (base / BENCH / "ref.json").read_text())
    assert seen == "head's"
    assert unchanged(precious)
    assert result.fresh == ()


@pytest.mark.parametrize("path", ["tests", BENCH])
@pytest.mark.parametrize("relative", [False, True])
def test_a_folder_of_bases_that_is_a_link_is_not_followed(
    made: Repository, precious: Path, path: str, relative: bool
) -> None:
    (made.folder / BENCH / "test_it.py").unlink()
    (made.folder / BENCH).rmdir()
    if path == "tests":
        (made.folder / "tests").rmdir()
    link(made, path, os.path.relpath(precious.parent, made.folder / Path(path).parent) if relative else precious.parent)
    branch(made)
    (made.folder / path).unlink()
    made.write(f"{BENCH}/precious.json", "head's")
    seen, _ = laid(made, lambda base: (base / BENCH / "precious.json").read_text())
    assert seen == "head's"
    assert unchanged(precious)


def test_links_on_both_sides_are_made_anew(made: Repository, precious: Path) -> None:
    for name, target in (("same", precious), ("dangling", "/nowhere/at/all"), ("circle", "circle")):
        link(made, f"{BENCH}/{name}", target)
    branch(made)
    link(made, f"{BENCH}/new_dangling", "nothing")
    seen, _ = laid(
        made, lambda base: {path.name: os.readlink(path) for path in (base / BENCH).iterdir() if path.is_symlink()}
    )
    assert isinstance(seen, dict)
    assert seen == {
        "same": str(precious),
        "dangling": "/nowhere/at/all",
        "circle": "circle",
        "new_dangling": "nothing",
    }
    assert unchanged(precious)


def test_a_link_within_the_tree_leads_to_bases_own_file(made: Repository) -> None:
    link(made, f"{BENCH}/relative", "../../kept")
    link(made, f"{BENCH}/absolute", made.folder / "kept")
    branch(made)
    made.write("kept", "2")
    link(made, f"{BENCH}/round", f"../../../{made.folder.name}/kept")
    seen, _ = laid(made, lambda base: [(base / BENCH / name).read_text() for name in ("relative", "absolute", "round")])
    assert seen == ["1"] * 3
    assert (made.folder / "kept").read_text() == "2"


def test_folders_and_files_take_each_others_place(made: Repository) -> None:
    made.write(f"{BENCH}/one", "a file")
    made.write(f"{BENCH}/other/inner", "in a folder")
    made.write(f"{BENCH}/stale/conftest.py", "raise")
    branch(made)
    for kind in ("one", "other/inner", "stale/conftest.py"):
        (made.folder / BENCH / kind).unlink()
    for kind in ("other", "stale"):
        (made.folder / BENCH / kind).rmdir()
    made.write(f"{BENCH}/one/inner", "1")
    made.write(f"{BENCH}/other", "2")
    (made.folder / BENCH / "one/inner").chmod(0o555)
    seen, result = laid(
        made,
        lambda base: [(base / BENCH / name).read_text() for name in ("one/inner", "other")] + os.listdir(base / BENCH),
    )
    assert isinstance(seen, list)
    assert seen[:2] == ["1", "2"]
    assert set(seen[2:]) == {"one", "other", "test_it.py"}, "what head has no more is no definition"
    assert result.fresh == (f"{BENCH}/one/inner", f"{BENCH}/other")


def test_one_file_replaces_a_folder_of_its_name(made: Repository) -> None:
    made.write("bench.py/inner", "a folder")
    branch(made)
    (made.folder / "bench.py/inner").unlink()
    (made.folder / "bench.py").rmdir()
    made.write("bench.py", "a file")
    assert laid(made, lambda base: (base / "bench.py").read_text(), "bench.py")[0] == "a file"


@pytest.mark.parametrize("kind", ["a named pipe", "a socket"])
def test_what_is_no_file_is_refused_with_a_line(
    made: Repository, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(made)
    monkeypatch.chdir(made.folder / BENCH)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        if kind == "a socket":
            listening.bind("strange")
        else:
            os.mkfifo("strange")
        with pytest.raises(
            GateError, match=f"--pytest: {BENCH}/strange is {kind}, which cannot be laid over base's as files"
        ):
            laid(made, lambda base: None)
    assert GateError.exit_code == 2


def test_paths_that_lead_nowhere_or_out_are_told(made: Repository, precious: Path) -> None:
    link(made, "circle", "circle")
    link(made, "out", precious.parent)
    for path, said in {
        "circle": "circle is a link that leads nowhere",
        "out": f"there is no out in {made.folder}: it is {precious.parent}",
        "absent": f"there is no absent in {made.folder}",
    }.items():
        with pytest.raises(GateError, match=said):
            overlay.find_tests(path, made.folder, made.folder)


def test_what_cannot_be_read_is_told(made: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    branch(made)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(overlay.shutil, "copyfileobj", full)
    with pytest.raises(GateError, match=r"head's tests/bench cannot be laid over base's: .*No space left on device"):
        laid(made, lambda base: None)
