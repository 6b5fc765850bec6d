"""From source to a loaded library in seconds, once a machine: kept under a hash of all it depends on, so two processes may race."""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

from ...core.registry import ROOT

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


@functools.cache
def _found() -> tuple[ctypes.CDLL | None, str]:
    try:
        loaded = ctypes.CDLL(str(built(home())))
    except (UnavailableError, OSError) as error:
        return None, str(error)
    for name, pointers, integers in FUNCTIONS:
        function = getattr(loaded, name)
        function.restype = None
        function.argtypes = [*[ctypes.c_void_p] * pointers, *[ctypes.c_int64] * integers]
    loaded.lambda_lanes.restype = ctypes.c_int64
    return loaded, ""


def built(folder: Path, source: Path = SOURCE, include: str = "") -> Path:
    """The library's file in a folder, compiled where it is not there yet. Raises UnavailableError, OSError."""
    command, version = _found_compiler()
    flags = (*FLAGS, *([f"-I{include}", "-w"] if include else []))
    sources = [one.read_text(encoding="utf-8") for one in (*dict.fromkeys((source, SOURCE)), *HEADERS)]
    told = "\n".join((*sources, " ".join(flags), version, _processor()))
    target = folder / f"{source.stem}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.so"
    if target.exists():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{target.name}.{os.getpid()}"
        asked = [command, *flags, str(source), "-o", str(aside)]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        if done.returncode:
            told = done.stderr.strip().splitlines() or ["no message"]
            first = next((line for line in told if "error" in line), told[0])
            raise UnavailableError(f"{command} cannot build the CPU kernel: {first}; the portable kernel runs")
        aside.replace(target)  # whoever comes second replaces it by the same
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"the CPU kernel cannot be built: {error}; the portable kernel runs") from error
    return target


def _found_compiler() -> tuple[str, str]:
    """(The compiler, what it says of its version). Raises UnavailableError, OSError."""
    command = os.environ.get("CXX") or next((one for one in ("c++", "g++", "clang++") if shutil.which(one)), "")
    if not command or not shutil.which(command):
        raise UnavailableError(
            f"no C++ compiler ({command or 'c++, g++, clang++'}): the portable kernel runs; install g++"
        )
    return command, subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout


def home() -> Path:
    """Where libraries are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ROOT / "kernels"


def _processor() -> str:
    """What -march=native looks at: a folder may be shared by machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((one for one in lines if one.startswith(("flags", "Features"))), platform.machine())
