"""Which files a folder of results has, the project's own committed ones apart."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import StoreError

REFERENCE = Path("results", "reference")
"""Where a checkout of this project keeps the results that its pages are drawn from."""
PACKAGE = __package__.split(".", maxsplit=1)[0] if __package__ else ""


def files_of(path: Path) -> Iterator[Path]:
    """The results files of a file or folder, in the order of their names. Links are followed, each folder is looked at once.

    A checkout's committed results are left out unless the path leads to them. Raises StoreError where something cannot be read.
    """
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from sorted(_walk(path))
    else:
        raise StoreError(f"{path} is neither a file nor a folder; give --results a folder that lambdabench run wrote")


def committed_in(results: Path) -> list[Path]:
    """The folders of committed results that a folder of results has and that are read only when they are named."""
    reference = results / REFERENCE.name
    if not is_committed(reference) or is_committed(results):
        return []
    return sorted(path for path in reference.iterdir() if path.is_dir())


def is_committed(folder: Path) -> bool:
    """Whether a folder is a checkout's results/reference, or below it."""
    real = folder.resolve()
    return any(
        parent.parts[-2:] == REFERENCE.parts and (parent.parents[1] / PACKAGE / "__init__.py").is_file()
        for parent in (real, *real.parents)
    )


def _walk(top: Path) -> Iterator[Path]:
    named = is_committed(top)
    seen: set[tuple[int, int]] = set()
    for folder, inside, names in os.walk(top, onerror=_refuse, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen or (not named and _is_reference(Path(folder))):
            inside.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield from (Path(folder, name) for name in names if name.endswith(".parquet") and not name.startswith("."))


def _is_reference(folder: Path) -> bool:
    """Links may have other names than what they lead to."""
    return (folder.name == REFERENCE.name or folder.is_symlink()) and is_committed(folder)


def _refuse(error: OSError) -> None:
    raise StoreError(
        f"{error.filename} cannot be read: {error.strerror}; make it readable, or move it out of the results"
    ) from error
