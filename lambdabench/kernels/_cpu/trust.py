"""Which library of a cache folder may be loaded: one that this user's own process put there, as it was put there."""

import contextlib
import hashlib
import os
import shutil
import stat
from pathlib import Path

OTHERS = stat.S_IWGRP | stat.S_IWOTH
DIGITS = 16


def digest_of(path: Path) -> str:
    """Of a file's content, as a kept library's name ends with it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]


def folder_problem(folder: Path, user: int) -> str:
    """Why nothing in a folder can be trusted; empty where it can. One of the user's own that others may write is closed to them first."""
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        return f"{folder} is no folder"
    if status.st_uid not in (user, 0):
        return f"{folder} is of another user"
    if status.st_mode & OTHERS:
        with contextlib.suppress(OSError):
            folder.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)
        if folder.stat().st_mode & OTHERS:
            return f"others may write to {folder}"
    return ""


def file_problem(path: Path, user: int) -> str:
    """Why a kept library must not be loaded; empty where it may: a wrong one ends the process (SIGBUS, SIGSEGV) or is somebody else's."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is no file"
    if status.st_uid not in (user, 0):
        return f"{path} is of another user"
    if status.st_mode & OTHERS:
        return f"others may write to {path}"
    return "" if path.stem.endswith(f"-{digest_of(path)}") else f"{path} is not what was built"


def kept(folder: Path, name: str, user: int) -> tuple[Path | None, list[str]]:
    """(A library of a name that may be loaded, what is wrong with others, which are removed). Raises OSError for a folder that cannot
    be read."""
    wrong: list[str] = []
    for path in sorted(folder.glob(f"{name}-*.so")):
        why = file_problem(path, user)
        if not why:
            return path, wrong
        wrong.append(why)
        with contextlib.suppress(OSError):
            path.unlink()
    return None, wrong


def keep(built: Path, folder: Path, name: str) -> Path:
    """Puts a library into a folder under its name and its content's digest, for this user alone. Raises OSError."""
    target = folder / f"{name}-{digest_of(built)}.so"
    aside = folder / f".{target.name}.{os.getpid()}"
    try:
        shutil.copyfile(built, aside)
        aside.chmod(0o700)
        aside.replace(target)  # whoever comes second replaces it by the same
    finally:
        aside.unlink(missing_ok=True)
    return target
