"""Folders that files are written to: tried before the work whose result goes there, and written with errors that say where."""

import contextlib
import tempfile
from collections.abc import Generator
from pathlib import Path

from .errors import StoreError


def refuse_unwritable(folder: Path, mend: str) -> None:
    """Raises StoreError where a folder cannot be made or written to, tried in the nearest one that is there. Leaves no trace."""
    try:
        there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}; {mend}") from error


@contextlib.contextmanager
def writing(path: Path, mend: str) -> Generator[None]:
    """Makes the folder of a file that is written within. An error of the system becomes StoreError."""
    refuse_unwritable(path.parent, mend)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}; {mend}") from error
