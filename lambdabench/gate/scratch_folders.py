"""Folders of a check's own, each with its owner in it, and the end of those whose owner has been killed."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

from ..core.errors import GateError
from . import folder_owners

PREFIX = "lambdabench-"
OWNER = "owner.txt"
KINDS = ("check", "users", "side", "pair")


@contextlib.contextmanager
def folder(kind: str) -> Generator[Path]:
    """An empty folder of one of `KINDS`, gone afterwards. Raises GateError where none can be made."""
    assert kind in KINDS
    with contextlib.ExitStack() as opened:
        try:
            made = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{kind}-", ignore_cleanup_errors=True)
            place = Path(opened.enter_context(made)).resolve()
            claim(place)
        except OSError as error:
            name = error.strerror or error
            raise GateError(
                f"check needs a folder for a while, and cannot make one: {name}; "
                "make room, or let TMPDIR name another place"
            ) from error
        yield place


def claim(place: Path) -> None:
    """Writes that a folder is this process's, for as long as it runs."""
    (place / OWNER).write_text(f"{folder_owners.ourselves()}\n")


def owner_of(place: Path) -> folder_owners.Owner | None:
    """Who has claimed a folder, where it is a folder of this user's; None where nobody has."""
    try:
        lstat = place.lstat()
        mine = not hasattr(os, "geteuid") or lstat.st_uid == os.geteuid()
        if not mine or not stat.S_ISDIR(lstat.st_mode) or not stat.S_ISREG((place / OWNER).lstat().st_mode):
            return None
        return folder_owners.parse((place / OWNER).read_text())
    except (OSError, ValueError):
        return None


def prune() -> None:
    """Removes the folders of checks that were killed. Those of checks that run, and whatever is not ours, stay."""
    prune_in(Path(tempfile.gettempdir()), tuple(f"{PREFIX}{name}-*" for name in KINDS))


def prune_in(where: Path, globs: Sequence[str] = ("*",)) -> None:
    """The same of folders anywhere else that were claimed."""
    here = folder_owners.ourselves()
    for place in _matching(where, globs):
        owner = owner_of(place)
        if owner is not None and folder_owners.is_dead(owner, here):
            shutil.rmtree(place, ignore_errors=True)


def _matching(where: Path, globs: Sequence[str]) -> list[Path]:
    try:
        return [path for glob in globs for path in where.glob(glob)]
    except OSError:
        return []
