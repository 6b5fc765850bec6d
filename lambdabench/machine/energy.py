"""Joules by counters that the hardware itself keeps: NVML's of an NVIDIA card, RAPL's of a CPU. Without one nothing is told: what a
device may take at most (TDP) says nothing of what it took.

A card's counter is of that card alone, a CPU's of all that runs on its packages. Counters move in steps (RAPL's about every ms, a card's
up to some tens of ms), so a short stretch is known to one step more or less; over many stretches that begin anywhere in a step it
cancels, as the calls before each stretch are of the same work.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core.record import Energy
from . import nvidia, powercap

REST_S = 0.5
"""After work, until threads that wait for more of it have gone to sleep."""
IDLE_S = 1.0
NONE = "this machine shows no energy counter of {device}: {why}"

Readings = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One counter of joules: `read_j` is None where it cannot be read now; `between_j` tells two readings apart."""

    name: str
    read_j: Callable[[], float | None]
    between_j: Callable[[float, float], float]
    may_rest: bool = False
    """Whether it may stand still under load, as that of memory may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """The counters of all devices of a case, read together."""

    name: str
    counters: tuple[Counter, ...]

    def read(self) -> Readings:
        """All counters now."""
        return tuple(counter.read_j() for counter in self.counters)

    def between(self, before: Readings, after: Readings, calls: int) -> Energy:
        """What was taken between two readings, in which so many calls were made."""
        total_j = 0.0
        for counter, first_j, last_j in zip(self.counters, before, after, strict=True):
            if first_j is None or last_j is None:
                why = f"{self.name}: {counter.name} could not be read any more"
                return Energy(joules=None, calls=calls, meter=self.name, lacking=why)
            taken_j = counter.between_j(first_j, last_j)
            if taken_j <= 0 and not counter.may_rest:
                why = f"{self.name}: {counter.name} did not move while the calls ran, as on some virtual machines"
                return Energy(joules=None, calls=calls, meter=self.name, lacking=why)
            total_j += taken_j
        return Energy(joules=total_j, calls=calls, meter=self.name)


def meter_of(device: str, devices: int = 1) -> tuple[Meter | None, str]:
    """(The counters of a case's devices, the first by its name here, "cpu" or "cuda:0"; why there are none)."""
    kind, _, first = device.partition(":")
    if kind == "cuda":
        meter, why = _of_cards([f"cuda:{int(first or 0) + more}" for more in range(devices)])
    elif kind == "cpu":
        meter, why = _of_cpu()
    else:
        meter, why = None, "only CPUs (RAPL) and NVIDIA's GPUs (NVML) are asked"
    return meter, "" if meter is not None else NONE.format(device=device, why=why)


def idle_power(
    device: str,
    devices: int = 1,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, str] | None:
    """(Watts of a case's devices while this process does nothing, by which counters); None where nothing tells. Takes 1.5 s."""
    meter, _ = meter_of(device, devices)
    if meter is None:
        return None
    sleep(REST_S)
    before, start_s = meter.read(), clock()
    sleep(IDLE_S)
    energy = meter.between(before, meter.read(), 0)
    spent_s = clock() - start_s
    return None if energy.joules is None or spent_s <= 0 else (energy.joules / spent_s, meter.name)


def _of_cpu() -> tuple[Meter | None, str]:
    found, why = powercap.zones(powercap.POWERCAP)
    if not found:
        return None, why
    counters = tuple(
        Counter(
            name=zone.name,
            read_j=_guarded(zone.read_j),
            between_j=zone.between_j,
            may_rest=zone.name.endswith("dram"),
        )
        for zone in found
    )
    return Meter(name=f"RAPL: {_names(counters)}, all that ran there", counters=counters), ""


def _of_cards(names: Sequence[str]) -> tuple[Meter | None, str]:
    counters: list[Counter] = []
    for name in names:
        board = nvidia.board_of(name)
        if board is None:
            return None, "NVML does not answer (pip install nvidia-ml-py)"
        if board.part is not board.whole:
            return None, "it is a part of a card (MIG), and NVML counts the whole card"
        if board.energy_j() is None:
            return None, "NVML counts none of this card; those from Volta on have a counter"
        counters.append(
            Counter(name=name, read_j=board.energy_j, between_j=lambda before_j, after_j: after_j - before_j)
        )
    return Meter(name=f"NVML: {_names(counters)}, the card alone", counters=tuple(counters)), ""


def _names(counters: Sequence[Counter]) -> str:
    return " + ".join(counter.name for counter in counters)


def _guarded(read_j: Callable[[], float]) -> Callable[[], float | None]:
    def read() -> float | None:
        try:
            return read_j()
        except (OSError, ValueError):
            return None

    return read
