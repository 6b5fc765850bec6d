"""Memory that control groups leave a process, and how often the kernel has ended one for want of it: both generations, nested."""

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
ROOT = Path("/sys/fs/cgroup")
UNLIMITED_BYTES = 2**62
"""The first generation writes a number near 2^63 where it sets no limit."""
LIMITS = ("memory.max", "memory.high", "memory.limit_in_bytes")
"""Files that hold one, of both generations; beyond `high` a group is slowed down until it is useless."""
GIVEN_BACK = ("inactive_file", "active_file")
"""Pages of files in memory.stat: counted as used, and given back before anything is ended."""


def available_bytes(proc: Path = PROC, root: Path = ROOT) -> int | None:
    """The least that the group of this process, or one above it, still allows; None where none sets a limit."""
    numbers = [_left_bytes(folder) for folder in _groups(proc, root)]
    return min((number for number in numbers if number is not None), default=None)


def limit_bytes(proc: Path = PROC, root: Path = ROOT) -> int | None:
    """The least that the group of this process, or one above it, may use; None where none sets a limit."""
    numbers = [_limit_bytes(folder) for folder in _groups(proc, root)]
    return min((number for number in numbers if number is not None), default=None)


def oom_kills(proc: Path = PROC, root: Path = ROOT) -> int | None:
    """Processes that the kernel has ended for want of memory: of this process's group where that is counted, else of the whole
    machine; None where neither is. Only a change of it says something."""
    own = next(iter(_groups(proc, root)), None)
    if own is not None:
        for name in ("memory.events", "memory.oom_control"):
            if (count := _fields(own / name).get("oom_kill")) is not None:
                return count
    return _fields(proc / "vmstat").get("oom_kill")


def _groups(proc: Path, root: Path) -> Iterator[Path]:
    """Folders of the groups that count this process's memory, its own first, then those above it.

    A container sees its own group as the root while its path may be the host's: what is not there is passed over.
    """
    mount, path = _own(proc, root)
    if mount is None:
        return
    for folder in (parent for parent in (mount / path, *(mount / path).parents) if parent.is_relative_to(mount)):
        if folder.is_dir():
            yield folder


def _own(proc: Path, root: Path) -> tuple[Path | None, str]:
    """(Where the groups of memory are mounted, this process's path below it)."""
    try:
        lines = [line.split(":", 2) for line in (proc / "self" / "cgroup").read_text().splitlines()]
    except OSError:
        return None, ""
    paths = {
        name: path for fields in lines if len(fields) == 3 for name in fields[1].split(",") for path in [fields[2]]
    }
    if "memory" in paths:
        return root / "memory", paths["memory"].strip("/")
    if "" in paths:
        mount = root if (root / "cgroup.controllers").exists() else root / "unified"
        return mount, paths[""].strip("/")
    return None, ""


def _left_bytes(folder: Path) -> int | None:
    """What one group still allows; None without a limit of its own."""
    limit = _limit_bytes(folder)
    used = _number(folder / "memory.current")
    used = _number(folder / "memory.usage_in_bytes") if used is None else used
    if limit is None or used is None:
        return None
    kept = _fields(folder / "memory.stat")
    files = sum(kept.get(f"total_{name}", kept.get(name, 0)) for name in GIVEN_BACK)
    return max(0, limit - max(0, used - files))


def _limit_bytes(folder: Path) -> int | None:
    numbers = [_number(folder / name) for name in LIMITS]
    return min((number for number in numbers if number is not None and number < UNLIMITED_BYTES), default=None)


def _number(path: Path) -> int | None:
    """The number that a file holds; None for "max", or where there is none."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _fields(path: Path) -> dict[str, int]:
    """A file of "name number" lines."""
    try:
        pairs = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
