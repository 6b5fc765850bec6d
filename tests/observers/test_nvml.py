"""A GPU's passport as a scripted NVML and driver tell it: which card is asked, what is made of its readings, what is absent."""

import ctypes
import math
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.machine import nvidia
from lambdabench.observers import nvml as observer

FIRST, SECOND, PART = (uuid.UUID(int=number) for number in (1, 2, 3))


class NVMLError(Exception):
    """As pynvml's own."""


class Card:
    """NVML of two cards, the second of which is split; `script` answers questions about the clocks one after the other."""

    NVMLError = NVMLError
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self, **changes: Any) -> None:
        self.clocks, self.reasons, self.pids = [1980], 0, [os.getpid()]
        self.asked: list[Any] = []
        self.missing: set[str] = set()
        self.__dict__ |= changes

    def nvmlInit(self) -> None:
        self._refuse("nvmlInit")

    def nvmlDeviceGetHandleByUUID(self, name: str) -> str:
        if name not in (f"GPU-{FIRST}", f"GPU-{SECOND}", f"MIG-{PART}"):
            raise NVMLError("not found")
        return name

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, part: str) -> str:
        return f"GPU-{SECOND}"

    def nvmlDeviceGetClockInfo(self, card: str, kind: int) -> int:
        self._refuse("clocks")
        self.asked.append(card)
        if kind == self.NVML_CLOCK_MEM:
            return 3200
        return self.clocks.pop(0) if len(self.clocks) > 1 else self.clocks[0]

    def nvmlDeviceGetTemperature(self, card: str, sensor: int) -> int:
        return 61

    def nvmlDeviceGetPowerUsage(self, card: str) -> int:
        return 512_000

    def nvmlDeviceGetCurrentClocksEventReasons(self, card: str) -> int:
        self._refuse("reasons")
        return self.reasons

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, card: str) -> int:
        return 0x8

    def nvmlDeviceGetComputeRunningProcesses(self, part: str) -> list[Any]:
        return [SimpleNamespace(pid=pid) for pid in self.pids]

    def nvmlDeviceGetMemoryInfo(self, part: str) -> Any:
        return SimpleNamespace(free=7)

    def _refuse(self, name: str) -> None:
        if name in self.missing:
            raise NVMLError("not supported")


class Driver:
    """The CUDA driver of one process: the devices that it sees, in its own order."""

    def __init__(self, *uuids: uuid.UUID) -> None:
        self._found = uuids
        self.cuDeviceGetUuid_v2 = self._uuid

    def cuInit(self, flags: int) -> int:
        return 0 if self._found else 100

    def cuDeviceGet(self, device: Any, number: int) -> int:
        device._obj.value = number
        return 0 if number < len(self._found) else 101

    def _uuid(self, item: Any, device: Any) -> int:
        ctypes.memmove(item._obj, self._found[device.value].bytes, 16)
        return 0


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    nvidia.board_of.cache_clear()
    yield
    nvidia.board_of.cache_clear()


def here(patch: pytest.MonkeyPatch, card: Card, *seen: uuid.UUID) -> Card:
    patch.setitem(sys.modules, "pynvml", card)
    patch.setattr(ctypes, "CDLL", lambda name: Driver(*seen))
    return card


def visited(every_s: float = 0.01, cold_s: float = 0.0, timed_s: float = 0.0, device: str = "cuda:0") -> dict[str, Any]:
    with observer.observe(device, every_s) as watch:
        time.sleep(cold_s)
        watch.warm()
        time.sleep(timed_s)
        return dict(watch.found(1))


def test_a_short_visit_has_one_reading_after_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, Card(), FIRST)
    assert visited(every_s=10) == {
        "sm_clock_mhz": 1980.0,
        "sm_clock_least_mhz": 1980.0,
        "memory_clock_mhz": 3200.0,
        "temperature_c": 61.0,
        "power_w": 512.0,
        "throttle": "",
        "other_processes": 0,
    }


def test_clocks_of_cold_calls_are_not_those_of_the_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    card = here(monkeypatch, Card(clocks=[345] * 3 + [1980] * 1000), FIRST)
    with observer.observe("cuda:0", 0.005) as watch:
        while len(card.asked) < 8:  # two questions a reading
            time.sleep(0.001)
        watch.warm()
        result = watch.found(1)
    assert result["sm_clock_least_mhz"] == 1980.0


def test_figures_are_the_median_the_least_the_highest_and_the_mean() -> None:
    clocks, watts, heat, bits = (1980, 1500, 1950), (600.0, 700.0, 650.0), (60, 64, 61), (0x1, 0x4, 0x44)
    readings = [
        nvidia.Reading(sm_clock_mhz=number, power_w=power, temperature_c=warm, reasons=why)
        for number, power, warm, why in zip(clocks, watts, heat, bits, strict=True)
    ]
    figures = observer.figures(readings)
    assert (figures["sm_clock_mhz"], figures["sm_clock_least_mhz"], figures["power_w"]) == (1950, 1500, 650)
    assert (figures["temperature_c"], figures["memory_clock_mhz"]) == (64, None)
    assert figures["throttle"] == "hw_thermal_slowdown,sw_power_cap"
    assert nvidia.names_of(0x1 | 0x8000) == {"0x8000"}, "idle is no reason, and an unknown one is told"


@pytest.mark.parametrize(
    ("seen", "device", "card"),
    [
        ((FIRST, SECOND), "cuda:1", f"GPU-{SECOND}"),
        ((SECOND, FIRST), "cuda:0", f"GPU-{SECOND}"),  # another CUDA_DEVICE_ORDER, or CUDA_VISIBLE_DEVICES
        ((PART,), "cuda:0", f"GPU-{SECOND}"),  # a part of a split card: its clocks are the card's
    ],
)
def test_the_card_is_the_one_that_the_driver_calls_by_that_number(
    seen: tuple[uuid.UUID, ...], device: str, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = here(monkeypatch, Card(), *seen)
    visited(every_s=10, device=device)
    assert set(nvml.asked) == {card}


def test_where_there_is_nobody_to_ask_there_are_no_figures_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, Card(), FIRST)
    assert visited(device="cpu") == visited(device="cuda:7") == visited(device="mps") == {}
    for absent in ({"pynvml": None}, {"pynvml": Card(missing={"nvmlInit"})}):
        nvidia.board_of.cache_clear()
        monkeypatch.setitem(sys.modules, "pynvml", absent["pynvml"])
        assert visited() == {}

    def no_driver(name: str) -> Any:
        raise OSError("libcuda.so.1: cannot open shared object file")

    here(monkeypatch, Card(), FIRST)
    nvidia.board_of.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", no_driver)
    assert visited() == {}


def test_a_counter_that_a_card_does_not_have_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, Card(missing={"clocks", "reasons"}), FIRST)
    result = visited(every_s=10)
    assert (result["sm_clock_mhz"], result["temperature_c"]) == (None, 61.0)
    assert result["throttle"] == "hw_slowdown", "older drivers have the reasons under an older name"


def test_processes_of_the_run_are_no_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    card = here(monkeypatch, Card(pids=[os.getpid(), os.getppid(), 2**22 + 1]), FIRST)
    monkeypatch.setenv(nvidia.CONDUCTOR, str(os.getppid()))
    assert visited(every_s=10)["other_processes"] == 1
    card.pids = [1, 2]
    assert visited(every_s=10)["other_processes"] is None, (
        "numbers of another namespace: this process is not among them"
    )


def test_a_worker_of_the_same_conductor_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(nvidia.CONDUCTOR, str(os.getpid()))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert nvidia.is_ours(child.pid)
        assert not nvidia.is_ours(1)


def test_it_samples_throughout_at_its_rate_and_ends_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    card = here(monkeypatch, Card(), FIRST)
    visited(every_s=0.05, timed_s=0.3)
    assert 2 <= len(card.asked) / 2 <= 0.3 / 0.05 + 2, "at most one each period, and the last"
    with pytest.raises(RuntimeError, match="the network failed"), observer.observe("cuda:0", 0.01):
        raise RuntimeError("the network failed")
    assert not [thread for thread in threading.enumerate() if thread.name == "nvml"]


def test_a_slow_driver_does_not_hold_up_the_thread_that_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its functions are called without Python's lock, as a sleep is."""
    card = here(monkeypatch, Card(), FIRST)
    answered = card.nvmlDeviceGetTemperature
    monkeypatch.setattr(card, "nvmlDeviceGetTemperature", lambda *asked: time.sleep(1.0) or answered(*asked))
    with observer.observe("cuda:0", 0.01):
        longest, end = 0.0, time.perf_counter() + 0.1
        while (start := time.perf_counter()) < end:
            math.sqrt(2.0)
            longest = max(longest, time.perf_counter() - start)
    assert longest < 0.9, "no call waited for a reading"
