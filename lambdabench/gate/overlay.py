"""Head's tests laid over base's, so that head's definitions drive both sides. Nothing outside base's tree is ever written: links are
made anew and never followed, and whatever stood in the way is taken away first.
"""

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import GateError
from . import project

NOT_COPIED = frozenset({"__pycache__", ".git"})
KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """`place`: of the tests, in head's tree. `fresh`: files of theirs, from the top of the tree, that base did not have."""

    place: Path
    fresh: tuple[str, ...]


def find_tests(path: str, folder: Path, repository: Path) -> Path:
    """The place of head's tests. Raises GateError where there are none, or where they are not apart from what is compared."""
    if not path.strip():
        raise GateError("--pytest: found '', expected a file or folder of tests, such as tests/bench")
    top = repository.resolve()
    try:
        where = (folder / path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links that lead in a circle
        there = os.path.lexists(folder / path)
        name = f"{path} is a link that leads nowhere" if there else f"there is no {path} in {repository}"
        raise GateError(f"--pytest: {name}; give a file or folder of tests in it, such as tests/bench") from error
    if not where.is_relative_to(top):
        raise GateError(f"--pytest: there is no {path} in {repository}: it is {where}; give tests that lie in it")
    held = (
        "the whole repository"
        if where == top
        else next(
            (f"the sources in {source.relative_to(top)}" for source in _sources(top) if source.is_relative_to(where)),
            "",
        )
    )
    if held:
        raise GateError(
            f"--pytest: {path} holds {held}, and head's files there are laid over base's, so that nothing would be compared; "
            "give a file or folder that holds the tests alone, such as tests/bench"
        )
    return where


def overlay(path: str, folder: Path, repository: Path, base: Path) -> Laid:
    """Puts head's tests in place of base's. Raises what `find_tests` raises, and GateError for what cannot be copied."""
    place, top = find_tests(path, folder, repository), repository.resolve()
    _refuse_strange(place, top)
    target = base / place.relative_to(top)
    before = _files(target, base)
    try:
        _make_way(target, base)
        _copy(place, target, top, base)
    except OSError as error:
        name = f"{error.filename or place}: {error.strerror or error}"
        raise GateError(
            f"--pytest: head's {path} cannot be laid over base's: {name}; mend that, or give other tests"
        ) from error
    return Laid(place=place, fresh=tuple(sorted(_files(target, base) - before)))


def _sources(top: Path) -> list[Path]:
    """Folders that hold a repository's package by convention: src, and the project's name."""
    names = ("src", *(title.replace("-", "_") for title in project.titles(top)))
    return [top / name for name in names if (top / name).is_dir()]


def _refuse_strange(place: Path, top: Path) -> None:
    """Raises for what is neither file, folder nor link: reading a pipe would wait for ever."""
    for path in (place, *_walk(place)):
        mode = path.lstat().st_mode
        text = next((name for is_kind, name in KINDS if is_kind(mode)), "")
        if text:
            raise GateError(
                f"--pytest: {path.relative_to(top)} is {text}, which cannot be laid over base's as files, folders and links are; "
                "put it elsewhere"
            )


def _walk(folder: Path) -> list[Path]:
    """All that is below a folder; nothing of where links lead."""
    paths: list[Path] = []
    for root, folders, files in os.walk(folder):
        folders[:] = [folder for folder in folders if folder not in NOT_COPIED]
        paths += (Path(root) / folder for folder in (*folders, *files))
    return paths


def _files(target: Path, base: Path) -> set[str]:
    """Files at or below a target, from the top of base's tree; none through a link."""
    within = target.relative_to(base)
    if any((base / parent).is_symlink() for parent in (within, *within.parents)):
        return set()
    return {path.relative_to(base).as_posix() for path in (target, *_walk(target)) if path.is_file()}


def _make_way(target: Path, base: Path) -> None:
    """Removes the target itself, and makes real folders of all above it, links among them."""
    for parent in reversed(target.relative_to(base).parents):
        place = base / parent
        if place != base and (place.is_symlink() or not place.is_dir()):
            place.unlink(missing_ok=True)
            place.mkdir()
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _copy(place: Path, target: Path, top: Path, base: Path) -> None:
    """A file, a folder with all in it, or a link, to where nothing is."""
    if place.is_symlink():
        target.symlink_to(_moved(place, target, top, base))
    elif place.is_dir():
        target.mkdir()
        for path in sorted(place.iterdir()):
            if path.name not in NOT_COPIED:
                _copy(path, target / path.name, top, base)
    else:
        flags = os.O_NOFOLLOW if hasattr(os, "O_NOFOLLOW") else 0
        with (
            open(place, "rb", opener=lambda name, how: os.open(name, how | flags)) as source,
            target.open("xb") as copy,
        ):
            shutil.copyfileobj(source, copy)
            copy.flush()
        target.chmod(stat.S_IMODE(place.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)


def _moved(link: Path, target: Path, top: Path, base: Path) -> str:
    """Where a link of head's is to lead from base's tree: to base's own file where it stays within the tree, else to the same one."""
    meant = Path(os.path.normpath(link.parent / os.readlink(link)))
    if meant.is_relative_to(top):
        return os.path.relpath(base / meant.relative_to(top), target.parent)
    return str(meant)
