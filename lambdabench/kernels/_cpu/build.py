"""From source to a loaded library in seconds, once a machine: kept under a hash of all it depends on, so two processes may race."""

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...core import caches, cpuinfo
from ...core.registry import ROOT
from . import trust

SOURCE = Path(__file__).with_name("lambda.cpp")
HEADERS = tuple(sorted(Path(__file__).parent.glob("*.h")))
FLAGS = ("-O3", "-march=native", "-std=c++17", "-ffp-contract=fast", "-fPIC", "-shared", "-pthread")
LIMIT_S = 300.0
FUNCTIONS = (
    ("lambda_forward", 6, 1),
    ("lambda_backward", 10, 1),
    ("lambda_layer", 1, 0),
    ("lambda_layer_train", 6, 4),
    ("lambda_layer_back", 7, 4),
    ("lambda_statistics", 2, 0),
)
"""The library's, with how many pointers and then integers each takes."""


_notices: list[str] = []


class UnavailableError(Exception):
    """The kernel cannot be had here; the message says why and what to do."""


@functools.cache
def library() -> ctypes.CDLL | None:
    """The loaded library; None where it cannot be built (see `problem`)."""
    return _found()[0]


@functools.cache
def problem() -> str:
    """Why there is no library, with what to do; empty where there is one."""
    return _found()[1]


def kind() -> str:
    """The vectors that it was compiled for, "256-bit vectors"; empty where there is no library."""
    loaded = library()
    return f"{32 * loaded.lambda_lanes()}-bit vectors" if loaded is not None else ""


def compiler() -> str:
    """What builds the library: the first line of its `--version`, else its name; empty where there is none. Builds nothing."""
    try:
        command, version = _found_compiler()
    except (UnavailableError, OSError):
        return ""
    return next(iter(version.splitlines()), command)


def notices() -> tuple[str, ...]:
    """What was wrong with libraries, or folders of them, that were not loaded for it."""
    return tuple(_notices)


@functools.cache
def _found() -> tuple[ctypes.CDLL | None, str]:
    try:
        loaded = ctypes.CDLL(str(built(home())))
        for name, pointers, integers in FUNCTIONS:
            function = getattr(loaded, name)
            function.restype = None
            function.argtypes = [*[ctypes.c_void_p] * pointers, *[ctypes.c_int64] * integers]
        loaded.lambda_lanes.restype = ctypes.c_int64
    except (UnavailableError, OSError, AttributeError) as error:
        return None, told_problem(error)
    return loaded, ""


def told_problem(error: Exception) -> str:
    """What kept the library from being loaded, as a line that says what runs instead."""
    if isinstance(error, UnavailableError):
        return str(error)
    return f"the CPU kernel cannot be loaded: {error}; the portable kernel runs"


def built(folder: Path, source: Path = SOURCE, flags: Sequence[str] = (), libraries: Sequence[str] = ()) -> Path:
    """The library's file in a folder, compiled where there is none that can be trusted; where the folder can take none, in one of this
    process alone. Raises UnavailableError, OSError."""
    command, version = _found_compiler()
    sources = [path.read_text(encoding="utf-8") for path in (*dict.fromkeys((source, SOURCE)), *HEADERS)]
    text = "\n".join((*sources, " ".join((*FLAGS, *flags, *libraries)), version, _processor()))
    name = f"{source.stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    usable = _usable(folder)
    for place in (*([folder] if usable else []), caches.private()):
        path, wrong = trust.kept(place, name, os.geteuid())
        _notice(*(f"{name}: built anew" for name in wrong))
        if path is not None:
            return path
    with tempfile.TemporaryDirectory(prefix=f"{ROOT}-kernel-") as scratch:
        made = Path(scratch) / f"{name}.so"
        _compile([command, *FLAGS, *flags, str(source), *libraries, "-o", str(made)])
        if usable:
            try:
                return trust.keep(made, folder, name)
            except OSError as error:
                _notice(f"{folder} takes no library ({error.strerror or error}): it is built for this process alone")
        return trust.keep(made, caches.private(), name)


def _usable(folder: Path) -> bool:
    """Whether libraries may be taken from a folder, which is made where it is not there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        why = trust.folder_problem(folder, os.geteuid())
    except OSError as error:
        why = f"{folder} cannot be used ({error.strerror or error})"
    _notice(*([f"{why}: the CPU kernel is built for this process alone"] if why else []))
    return not why


def _compile(asked: list[str]) -> None:
    """Raises UnavailableError with the compiler's first error."""
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=LIMIT_S, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"the CPU kernel cannot be built: {error}; the portable kernel runs") from error
    if done.returncode or not Path(asked[-1]).is_file():
        names = done.stderr.strip().splitlines() or ["no message"]
        first = next((line for line in names if "error" in line), names[0])
        raise UnavailableError(f"{asked[0]} cannot build the CPU kernel: {first}; the portable kernel runs")


def _notice(*said: str) -> None:
    """Said once, on standard error where nobody listens to the package's log."""
    for name in said:
        if name not in _notices:
            _notices.append(name)
            logging.getLogger(ROOT).warning(name)


def _found_compiler() -> tuple[str, str]:
    """(The compiler, what it says of its version). Raises UnavailableError, OSError."""
    command = os.environ.get("CXX") or next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), "")
    if not command or not shutil.which(command):
        raise UnavailableError(
            f"no C++ compiler ({command or 'c++, g++, clang++'}): the portable kernel runs; install g++"
        )
    return command, subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout


def home() -> Path:
    """Where libraries are kept."""
    return caches.folder() / "kernels"


def _processor() -> str:
    """What -march=native looks at: a folder may be shared by machines."""
    return cpuinfo.instruction_sets() or platform.processor() or platform.machine()
