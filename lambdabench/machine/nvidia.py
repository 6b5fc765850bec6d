"""One NVIDIA device through NVML: found as the driver numbers devices in this process, then read again and again.

Everything may be absent: the bindings (nvidia-ml-py), the driver, a counter that a card does not have. **Tried with scripted answers
alone, and not on a GPU yet.**
"""

import ctypes
import functools
import importlib
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from ..core.registry import ROOT

CONDUCTOR = f"{ROOT.upper()}_CONDUCTOR"
"""The environment variable with the process that conducts a run: all that it started is the run's own."""
DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
PREFIXES = ("GPU-", "MIG-")
"""Of UUIDs as NVML writes them: of a whole device, of a part of one."""
IDLE = 0x1
REASONS = {
    0x2: "application_clocks",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake",
    0x100: "display_clocks",
    0x200: "board_limit",
    0x400: "reliability",
}
"""Bits of nvmlClocksEventReasons (NVML API Reference, "Clocks Event Reasons"; the last two by nvml.h of older drivers)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A device at one moment; None where the card does not tell. Power is the card's own average, over up to a second on Ampere and
    later (NVML API Reference, nvmlDeviceGetPowerUsage)."""

    sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    reasons: int | None = None
    """Bits of `REASONS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A device that is open: `part` is what work runs on, `whole` the card it is a part of, which has the clocks and the power; the
    same where it is not split."""

    nvml: Any
    part: Any
    whole: Any

    def read(self) -> Reading:
        """Now, in five questions to the driver."""
        nvml, card = self.nvml, self.whole
        watts = self._ask(lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1000)
        return Reading(
            sm_clock_mhz=self._ask(lambda: nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_SM)),
            memory_clock_mhz=self._ask(lambda: nvml.nvmlDeviceGetClockInfo(card, nvml.NVML_CLOCK_MEM)),
            temperature_c=self._ask(lambda: nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU)),
            power_w=watts,
            reasons=self._reasons(),
        )

    def others(self) -> int | None:
        """Processes that compute on it and are not of this run. None where NVML does not name this process itself: it is in another
        namespace of processes then, and their numbers are not ours."""
        result = self._ask(lambda: self.nvml.nvmlDeviceGetComputeRunningProcesses(self.part))
        numbers = {item.pid for item in result or ()}
        if os.getpid() not in numbers:
            return None
        return sum(not is_ours(number) for number in numbers)

    def energy_j(self) -> float | None:
        """Joules of the whole card since its driver was loaded; None where it has no such counter: cards from Volta on have (NVML API
        Reference, nvmlDeviceGetTotalEnergyConsumption)."""
        asked = getattr(self.nvml, "nvmlDeviceGetTotalEnergyConsumption", None)
        return None if asked is None else self._ask(lambda: asked(self.whole) / 1000)

    def free_bytes(self) -> int:
        """Memory that nobody holds; 0 where nobody tells."""
        item = self._ask(lambda: self.nvml.nvmlDeviceGetMemoryInfo(self.part).free)
        return int(item or 0)

    def _reasons(self) -> int | None:
        for name in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
            asked = getattr(self.nvml, name, None)  # the second is what older bindings and drivers have
            item = None if asked is None else self._ask(lambda asked=asked: asked(self.whole))
            if item is not None:
                return int(item)
        return None

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except self.nvml.NVMLError:  # not supported by this card, not told to everybody, or gone
            return None


def names_of(reasons: int) -> set[str]:
    """Reasons by name, without that it idled; a bit that nobody has named as its number."""
    bits = {1 << place for place in range(64) if reasons >> place & 1} - {IDLE}
    return {REASONS.get(bit, hex(bit)) for bit in bits}


@functools.cache
def board_of(device: str) -> Board | None:
    """A device by its name here ("cuda:1"), open for good; None of another kind, or where there is nobody to ask."""
    kind, _, index = device.partition(":")
    name = uuid_of(int(index or 0)) if kind == "cuda" else ""
    if not name:
        return None
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # pynvml raises its own errors, one per missing piece: each means there is nobody to ask
        return None
    for prefix in PREFIXES:
        try:
            part = nvml.nvmlDeviceGetHandleByUUID(prefix + name)
            whole = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part) if prefix == "MIG-" else part
            return Board(nvml=nvml, part=part, whole=whole)
        except nvml.NVMLError:
            continue
    return None


def uuid_of(number: int) -> str:
    """The UUID of the device that frameworks in this process call by a number, without its prefix; empty where nobody tells.

    The driver itself is asked, so CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER and parts of a split device count as they do for torch and
    for JAX, which names no UUID of its own. No context is made (CUDA Driver API, cuDeviceGetUuid_v2).
    """
    try:
        driver = ctypes.CDLL(DRIVER)
        ask = getattr(driver, "cuDeviceGetUuid_v2", None) or driver.cuDeviceGetUuid
        device, array = ctypes.c_int(), (ctypes.c_ubyte * 16)()
        failed = (
            driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), number) or ask(ctypes.byref(array), device)
        )
    except (OSError, AttributeError):  # no driver, or one from before all that
        return ""
    return "" if failed else str(uuid.UUID(bytes=bytes(array)))


def is_ours(process: int) -> bool:
    """Whether a process belongs to the run of this one: that is itself, its conductor, or what the conductor started."""
    conductor = int(os.environ.get(CONDUCTOR, "0"))
    if process in (os.getpid(), conductor):
        return True
    try:
        return conductor in {parent.pid for parent in psutil.Process(process).parents()}
    except psutil.Error:  # gone meanwhile, or another user's
        return False
