"""Host memory over a piece of work: the resident peak, reset where the kernel lets us."""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.process_usage import usage
from . import host, nvidia

PROC = Path("/proc/self")


def trim() -> None:
    """Gives freed heap pages back, so that the next case does not find pages of the last one resident."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def free_bytes(device: str) -> int:
    """What a device, by its name here, has left now: of the processor without swapping, of a GPU as NVML tells; 0 where nobody does."""
    if device.partition(":")[0] == "cpu":
        return host.available_bytes()
    board = nvidia.board_of(device)
    return 0 if board is None else board.free_bytes()


class HostMeter:
    """Growth of the resident peak over a piece of work, in bytes."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self.name = "clear_refs" if self._reset() else "ru_maxrss"

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        """(Extra peak bytes, what `work` returned). With `ru_maxrss` only growth beyond the process's old peak is seen."""
        trim()
        if not self._reset():
            before = usage().peak_bytes
            result = work()
            return float(usage().peak_bytes - before), result
        start = self._status("VmRSS")
        result = work()
        return float(max(0, self._status("VmHWM") - start)), result

    def _reset(self) -> bool:
        try:
            (self._proc / "clear_refs").write_text("5")
        except OSError:
            return False
        return True

    def _status(self, key: str) -> int:
        for line in (self._proc / "status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        raise OSError(f"{self._proc}/status has no {key}")
