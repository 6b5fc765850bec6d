"""Folders that files are written to: tried before the work whose result goes there, and written with errors that say where."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Collection, Generator
from pathlib import Path

from .errors import StoreError

RESULTS, REPORTS = Path("results"), Path("reports")
"""Where rows, and figures and pages, lie where nothing else is said."""

MOST_NAME = 100
"""Characters of a folder's name: file systems take 255 bytes of what is made of it."""


def name_problem(name: str, reserved: Collection[str] = ()) -> str:
    """Why a text is no name for one folder of ours, and nothing above or below it; empty where it is one."""
    if name in reserved:
        return f"{name} is a folder of our own"
    if not name or name.startswith((".", "-", "~")) or name != name.strip():
        return "it must begin with a letter or digit, and end with no space"
    if len(name) > MOST_NAME:
        return f"it has {len(name)} characters, expected {MOST_NAME} at most"
    strange = next((text for text in name if not text.isprintable() or text in '/\\:*?"<>|'), None)
    return "" if strange is None else f"it holds {strange!r}"


def refuse_unwritable(folder: Path, mend: str) -> None:
    """Raises StoreError where a folder cannot be made or written to, tried in the nearest one that is there. Leaves no trace."""
    try:
        there = next(parent for parent in (folder, *folder.absolute().parents) if _is_there(parent))
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}; {mend}") from error


def _is_there(folder: Path) -> bool:
    """Whether a folder is there. Raises OSError where its name is that of a link to nothing, or to itself: none can be made there."""
    try:
        folder.stat()
    except FileNotFoundError:
        if not os.path.lexists(folder):
            return False
        raise FileNotFoundError(
            errno.ENOENT, f"{folder} is a link to {os.readlink(folder)}, which is not there"
        ) from None
    return True


@contextlib.contextmanager
def writing(path: Path, mend: str) -> Generator[None]:
    """Makes the folder of a file that is written within. An error of the system becomes StoreError."""
    refuse_unwritable(path.parent, mend)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}; {mend}") from error
