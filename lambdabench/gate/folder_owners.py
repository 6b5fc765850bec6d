"""Whose a folder is: the process that made it, told well enough to know later whether it still runs."""

import contextlib
import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

FOREIGN_LIMIT_S = 7 * 86400.0
"""What a machine or container that cannot be asked has made is left alone for as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process. `host`, `boot` and `space` (of process numbers) say where `pid` means anything, `started` that it is the same one."""

    host: str
    boot: str
    space: str
    pid: int
    started: str
    since: int
    """Unix time in seconds at which this was written."""

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


def ourselves() -> Owner:
    """This process."""
    return Owner(
        host=platform.node().replace(" ", "_"),
        boot=_boot(),
        space=_space(),
        pid=os.getpid(),
        started=_started(os.getpid()),
        since=int(time.time()),
    )


def parse(text: str) -> Owner | None:
    """An owner as it prints itself; None where this is none."""
    fields = dict(name.split("=", 1) for name in text.split() if "=" in name)
    try:
        return Owner(
            host=fields["host"],
            boot=fields["boot"],
            space=fields["space"],
            pid=int(fields["pid"]),
            started=fields["started"],
            since=int(fields["since"]),
        )
    except (KeyError, ValueError):
        return None


def is_dead(owner: Owner, here: Owner) -> bool:
    """Whether a process certainly runs no more, seen from `here`."""
    if owner.host == here.host and owner.boot != here.boot:
        return True  # the machine was started anew
    if (owner.host, owner.space) == (here.host, here.space):
        return not owner.started or _started(owner.pid) != owner.started
    return here.since - owner.since > FOREIGN_LIMIT_S


def _started(pid: int) -> str:
    """When a process began, in a form that no change of the clock touches; empty where it has ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]  # clock ticks since the machine's start
    if Path("/proc/self/stat").exists():
        return ""
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return "-"


def _space() -> str:
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return "-"
