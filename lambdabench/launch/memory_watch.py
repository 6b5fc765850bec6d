"""Whether a worker that was killed wanted memory: its own peak, and what the kernel counts, say so or nobody knows."""

import time
from dataclasses import dataclass

import psutil

from ..machine import cgroups, host

FAMILY_POLL_S = 1.0
NEAR = 0.9
"""Share of its limit, or of what was free, from which on a killed process is taken to have wanted more: it was seen a tenth of a second
before its end."""


def words(count: float) -> str:
    """ "1.5 GiB"."""
    return f"{count / 2**30:.1f} GiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What was free, and how many processes the kernel had ended for want of memory, when a job began to be waited for."""

    free_bytes: int
    kills: int | None = None

    @classmethod
    def now(cls, resident_bytes: int) -> "Witness":
        """Now, and what the process holds already counts as free for it."""
        return cls(free_bytes=host.available_bytes() + resident_bytes, kills=cgroups.oom_kills())

    def proof(self, peak_bytes: int, limit_bytes: int | None, kills: int | None = None) -> str:
        """What proves that a process that was killed wanted memory, in words; empty where nothing does. `kills` are those by now."""
        kills = cgroups.oom_kills() if kills is None else kills
        if self.kills is not None and kills is not None and kills > self.kills:
            return f"the kernel counts it, at {words(peak_bytes)}"
        if limit_bytes is not None and peak_bytes >= NEAR * limit_bytes:
            return f"it held {words(peak_bytes)} of its limit of {words(limit_bytes)}"
        if peak_bytes >= NEAR * self.free_bytes:
            return f"it held {words(peak_bytes)} of {words(self.free_bytes)} that were free"
        return ""


class Memory:
    """Resident bytes of a process and all those it started (compilers), and their peak. The others are looked for once a second:
    finding them walks all processes here."""

    def __init__(self, pid: int) -> None:
        self._pid, self._others_bytes, self._next_s = pid, 0, 0.0
        self.resident_bytes = self.peak_bytes = 0

    def look(self) -> int:
        """The bytes now; a process that has gone holds none."""
        self.resident_bytes = self._found_bytes()
        self.peak_bytes = max(self.peak_bytes, self.resident_bytes)
        return self.resident_bytes

    def _found_bytes(self) -> int:
        try:
            process = psutil.Process(self._pid)
            if time.monotonic() >= self._next_s:
                self._others_bytes = sum(_own_bytes(child) for child in process.children(recursive=True))
                self._next_s = time.monotonic() + FAMILY_POLL_S
        except psutil.Error:
            return 0
        return _own_bytes(process) + self._others_bytes


def _own_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
