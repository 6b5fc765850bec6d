"""A device of scripted times at work: its clock rises from rest, a power cap holds it down after seconds, and caches hold small copies."""

from collections.abc import Callable, Sequence

from ..machine.nvidia import Reading
from .device_work import CPU

REST, RISE_S = 0.5, 0.02
"""The share of its clock that it has at rest, and the seconds of load in which that rises to all of it."""
CAPPED_AFTER_S, CAPPED = 3.0, 0.9
"""So long it keeps that, and what it keeps from then on..."""
SW_POWER_CAP = 0x4
"""...by NVML's bit for it."""
CLOCK_MHZ = 1000
FLOP_PER_S = 1e12
CACHED_BYTES = 2**25
MEMORY_BYTES_PER_S, CACHE_BYTES_PER_S = 10e9, 40e9


class ScriptedWork:
    """A `tasks.device_work.DeviceWork` that takes no time."""

    sizes = CPU

    def __init__(self) -> None:
        self._now_s = self._worked_s = 0.0

    def product(self, side: int, dtype: str) -> Callable[[], object]:
        return lambda: self._work(2 * side**3 / FLOP_PER_S / self._speed())

    def time_copies(self, length_bytes: int, count: int, *, cold: bool) -> Sequence[float]:
        both_bytes = 2 * length_bytes
        rate = MEMORY_BYTES_PER_S if cold or both_bytes > CACHED_BYTES else CACHE_BYTES_PER_S
        return [both_bytes / rate] * count

    def now(self) -> float:
        return self._now_s

    def rest(self, seconds: float) -> None:
        self._now_s += seconds
        self._worked_s = 0.0

    def read(self) -> Reading:
        return Reading(
            sm_clock_mhz=CLOCK_MHZ * self._speed(), reasons=SW_POWER_CAP if self._worked_s > CAPPED_AFTER_S else 0
        )

    def _speed(self) -> float:
        """Of its clock, the share."""
        if self._worked_s > CAPPED_AFTER_S:
            return CAPPED
        return min(1.0, REST + (1 - REST) * self._worked_s / RISE_S)

    def _work(self, seconds: float) -> None:
        self._now_s += seconds
        self._worked_s += seconds
