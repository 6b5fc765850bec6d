"""What is kept between runs below the user's cache folder, always optional: what cannot be kept there is kept for this process alone, and
what is damaged is as good as absent."""

import atexit
import functools
import getpass
import os
import shutil
import tempfile
from pathlib import Path
from typing import TypeVar

import platformdirs

from . import codec
from .registry import ROOT

T = TypeVar("T")
PLACE = "LAMBDABENCH_CACHE"
"""Names the folder itself: to a worker, whose parent could not keep one."""
TRIED_BYTES = 2**16
"""What a folder must take before anything is kept in it: a full disk still makes empty files."""
DAMAGED = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a file of ours raises that is no such file."""


def home() -> Path | None:
    """Our folder below the user's cache folder, made where it is not there; None where nothing can be kept in it (see `problem`)."""
    return _tried(_place())[0]


def problem() -> str:
    """Why nothing can be kept, as a line to show; empty where it can."""
    why = _tried(_place())[1]
    return f"nothing can be kept between runs, {why}: this one goes on without" if why else ""


def folder() -> Path:
    """`home`, or a folder of this process alone where there is none."""
    return home() or private()


@functools.cache
def private() -> Path:
    """A folder of this process alone, which nobody else may enter and which is gone with it."""
    made = Path(tempfile.mkdtemp(prefix=f"{ROOT}-cache-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def environment() -> dict[str, str]:
    """Variables that a worker needs so that caches, ours and the frameworks', do without a home folder or a name of the user.

    The user's home folder stays what it is: packages and weights may be read from it.
    """
    name = _name()
    if home() is None:
        name[PLACE] = str(private())
        name |= {} if "TRITON_CACHE_DIR" in os.environ else {"TRITON_CACHE_DIR": str(private() / "triton")}
    return name


def settle() -> None:
    """Sets what libraries of this process ask for and complain about, each in lines of its own, where nothing can be kept."""
    os.environ.update(_name())
    if home() is None:
        os.environ.setdefault("MPLCONFIGDIR", str(private() / "matplotlib"))


def _name() -> dict[str, str]:
    """A name for a user id without an entry, as containers have; empty for others."""
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):
        return {"USER": f"uid{os.getuid()}"}
    return {}


def read(kind: type[T], path: Path) -> T | None:
    """The value of type `kind` in a file that `write` made; None where there is none, or it is damaged."""
    try:
        return codec.read(kind, path)
    except DAMAGED:
        return None


def write(path: Path, value: object) -> bool:
    """Keeps a value in a file; False where it cannot be kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        codec.write(path, value)
    except OSError:
        return False
    return True


def _place() -> str:
    """The folder that is ours: where a variable names one, else where the platform keeps caches, which on Linux and macOS XDG_CACHE_HOME
    decides where it is an absolute path; empty where the user has no home."""
    if named := os.environ.get(PLACE):
        return named
    try:
        return platformdirs.user_cache_dir(ROOT, appauthor=False)
    except RuntimeError:  # it finds no home folder
        return ""


@functools.cache
def _tried(place: str) -> tuple[Path | None, str]:
    """(The folder, what is wrong with it); one of them."""
    if not place:
        return None, "this user has no home folder (HOME, XDG_CACHE_HOME)"
    path = Path(place)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(bytes(TRIED_BYTES))
    except OSError as error:
        return None, f"{path} cannot be written ({error.strerror or error})"
    return path, ""
