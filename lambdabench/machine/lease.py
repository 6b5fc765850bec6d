"""Two runs never share a device: each holds the places of its devices in one file that all users of the machine lock.

A place is a byte: of a processor its number, of another device one made from its UUID. The kernel lets go of a process's locks when it
ends, however it ends, and names the process that holds one; runs pinned to other processors do not meet. Nothing is ever read from the
file or written into it.
"""

import contextlib
import hashlib
import os
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import psutil

try:
    import fcntl
except ImportError:  # Windows has none: nothing is locked, and nothing is measured there
    fcntl = None

from ..core.errors import DeviceError
from ..core.registry import ROOT
from . import accelerators

VARIABLE = f"{ROOT.upper()}_LEASE"
"""Names the file, or is "off"."""
WAIT_S = 20.0
POLL_S = 0.5
BEYOND = 2**20
"""The first place that is no processor's."""
FLOCK = "hhqqi4x"
"""struct flock of Linux on 64 bits: type, whence, start, length, process (fcntl.h)."""
LONGEST = 80
"""Characters of another process's command line that are told."""

_open: dict[str, int] = {}
"""Descriptors by path, open for good: closing one lets go of all that this process holds in the file."""
_held: set[int] = set()


@contextlib.contextmanager
def hold(
    devices: Collection[str],
    on_wait: Callable[[str], None] = lambda _: None,
    *,
    wait_s: float = WAIT_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Holds devices, by their names here, for as long as it lasts. What this process holds already stays held.

    Waits up to `wait_s` seconds for another run, which `on_wait` hears of once. Raises DeviceError then. Where nothing can be locked,
    nothing is.
    """
    descriptor = _descriptor()
    places = {} if descriptor is None else {place: name for name in devices for place in _places(name)}
    wanted = sorted(set(places) - _held)
    if descriptor is None or not wanted:
        yield
        return
    left_s, kind = wait_s, False
    while (taken := _lock(descriptor, wanted)) is not None:
        text = f"{places[taken]} is measured on by {_holder(descriptor, taken)}"
        if left_s <= 0:
            raise DeviceError(
                f"{text}: two runs at once spoil each other's numbers; run again when it has ended, or use another --device "
                f"({VARIABLE}=off measures all the same)"
            )
        if not kind:
            on_wait(f"{text}: waiting up to {left_s:g} s for it")
        kind, left_s = True, left_s - POLL_S
        sleep(POLL_S)
    _held.update(wanted)
    try:
        yield
    finally:
        _held.difference_update(wanted)
        _unlock(descriptor, wanted)


def holder(device: str) -> str:
    """Who holds a device now, in words; empty where nobody else does."""
    descriptor = _descriptor()
    if descriptor is None:
        return ""
    names = (_holder(descriptor, place) for place in _places(device) if _pid(descriptor, place))
    return next(names, "")


def _places(device: str) -> list[int]:
    """The places of a device; none of scripted ones."""
    kind, _, index = device.partition(":")
    if kind == "fake":
        return []
    if kind == "cpu":
        own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
        return sorted(own)
    seen = [accelerator for accelerator in accelerators.look() if accelerator.kind == kind]
    place = int(index or 0)
    name = seen[place].uuid if place < len(seen) and seen[place].uuid else f"{kind}:{place}"
    return [BEYOND + int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)]


def _path() -> Path | None:
    name = os.environ.get(VARIABLE, "")
    if name == "off" or fcntl is None:
        return None
    shared = Path("/tmp") if sys.platform == "linux" else Path(tempfile.gettempdir())  # TMPDIR is each user's own
    return Path(name) if name else shared / f"{ROOT}.lease"


def _descriptor() -> int | None:
    """The file, opened once, and again where another one stands in its place; None where it cannot be."""
    path = _path()
    if path is None:
        return None
    known = _open.get(str(path))
    with contextlib.suppress(OSError):
        if known is not None and os.path.samestat(os.fstat(known), path.lstat()):
            return known
    try:
        number = _opened(path)
    except OSError:
        return None
    _open[str(path)] = number
    return number


def _opened(path: Path) -> int:
    """Raises OSError where there is something else than a file of its own, or none can be made."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        number = os.open(path, flags)
    except FileNotFoundError:
        number = os.open(path, flags | os.O_CREAT)
        with contextlib.suppress(OSError):  # somebody else was quicker, and did so
            os.fchmod(number, 0o666)  # whatever the umask: other users lock it too
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(f"{path} is no file")
    with contextlib.suppress(OSError):
        os.utime(number)  # what cleans old files away leaves it
    return number


def _lock(descriptor: int, places: list[int]) -> int | None:
    """Locks all or none; the place that another process holds, or None."""
    assert fcntl is not None
    for index, place in enumerate(places):
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, by the system
            _unlock(descriptor, places[:index])
            return place
        except OSError:  # a file system without locks
            _unlock(descriptor, places[:index])
            return None
    return None


def _unlock(descriptor: int, places: list[int]) -> None:
    assert fcntl is not None
    for place in places:
        with contextlib.suppress(OSError):
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, place)


def _pid(descriptor: int, place: int) -> int:
    """The process that holds a place; 0 where nobody does or nobody tells."""
    if sys.platform != "linux" or fcntl is None:
        return 0
    try:
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
        kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    except (OSError, struct.error):
        return 0
    return 0 if kind == fcntl.F_UNLCK else max(0, pid)


def _holder(descriptor: int, place: int) -> str:
    """ "process 7 (lambdabench run --suite quickstart)"."""
    pid = _pid(descriptor, place)
    if not pid:
        return "another run"
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return f"process {pid}"
    text = "".join(name for name in " ".join(words) if name.isprintable())
    return f"process {pid} ({text[:LONGEST]}{'…' if len(text) > LONGEST else ''})"
