"""What is looked at in two seconds: processor, memory, other programs, the clock, what is installed, accelerators."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..analysis.estimate import median
from ..core import caches
from ..kernels import _cpu
from ..machine import accelerators, host, quiet

BUSY_PRESSURE = 0.05
FINE_SPREAD = 0.02
ANCHOR_S = 1.0
PACKAGES = (("torch", "torch"), ("timm", "torch"), ("torchvision", "torch"), ("jax", "jax"), ("flax", "jax"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One thing looked at; `remedy` is empty where there is nothing to mend."""

    level: Literal["ok", "warn", "FAIL", "–"]
    topic: str
    text: str
    remedy: str = ""


def diagnose(now: Callable[[], float] = time.perf_counter) -> tuple[Diagnosis, ...]:
    """All of these findings; takes about two seconds."""
    return (*_cores(), *_quiet(), _timer(now), _pairs(now), *_software(), *_gpus())


def _cores() -> tuple[Diagnosis, ...]:
    name, flags = host.cpu_facts()
    cores = host.usable_cores()
    free = host.available_bytes() / 2**30
    low = Diagnosis(
        level="warn", topic="memory", text=f"{free:.1f} GiB available", remedy="close programs, or use small batches"
    )
    return (
        Diagnosis(
            level="ok", topic="cpu", text=f"{name}, {cores} usable physical cores, {flags or 'no known vector sets'}"
        ),
        low if free < 2 else Diagnosis(level="ok", topic="memory", text=f"{free:.1f} GiB available"),
    )


def _quiet() -> tuple[Diagnosis, ...]:
    diagnoses: list[Diagnosis] = []
    load, cores = quiet.load1(), host.usable_cores()
    if load is not None:
        busy = load > 0.5 * cores
        remedy = "wait, or stop other programs" if busy else ""
        diagnoses.append(
            Diagnosis(level="warn" if busy else "ok", topic="load", text=f"{load:.1f} on {cores} cores", remedy=remedy)
        )
    pressure = quiet.pressure_now()
    if pressure is None:
        diagnoses.append(Diagnosis(level="–", topic="pressure", text="no /proc/pressure/cpu here"))
    else:
        busy = pressure > BUSY_PRESSURE
        remedy = "something else wants this CPU; stop it" if busy else ""
        text = f"tasks waited for a CPU in {100 * pressure:.0f} % of the last 10 s"
        diagnoses.append(Diagnosis(level="warn" if busy else "ok", topic="pressure", text=text, remedy=remedy))
    governor = quiet.governor()
    if not governor:
        diagnoses.append(Diagnosis(level="–", topic="governor", text="none to be seen (usual in virtual machines)"))
    elif governor == "performance":
        diagnoses.append(Diagnosis(level="ok", topic="governor", text=governor))
    else:
        diagnoses.append(
            Diagnosis(level="warn", topic="governor", text=governor, remedy="cpupower frequency-set -g performance")
        )
    return tuple(diagnoses)


def _timer(now: Callable[[], float]) -> Diagnosis:
    """Cost of reading the clock, the median of many."""
    steps: list[float] = []
    for _ in range(2000):
        start = now()
        steps.append(now() - start)
    cost_s = median(steps)
    if cost_s > 1e-5:
        return Diagnosis(
            level="warn",
            topic="timer",
            text=f"{1e9 * cost_s:.0f} ns a reading",
            remedy="check the kernel's clock source",
        )
    return Diagnosis(
        level="ok", topic="timer", text=f"{1e9 * cost_s:.0f} ns a reading; {100 * cost_s / 1e-3:.3f} % of a 1 ms step"
    )


def _pairs(now: Callable[[], float]) -> Diagnosis:
    """Equal work timed in pairs for a second: the spread of the log ratios says what ratio can be told today."""
    ratios: list[float] = []
    end = now() + ANCHOR_S
    while now() < end and len(ratios) < 500:
        first, second = _anchor(now), _anchor(now)
        ratios.append(math.log(second / first))
    if len(ratios) < 6:
        return Diagnosis(
            level="warn",
            topic="pairs",
            text="too few pairs of equal work in a second",
            remedy="wait for a quieter machine",
        )
    centre = median(ratios)
    spread = 1.4826 * median([abs(ratio - centre) for ratio in ratios])
    text = f"equal work differs by {100 * spread:.1f} % from call to call (robust sd of {len(ratios)} pairs)"
    if spread > FINE_SPREAD:
        return Diagnosis(
            level="warn", topic="pairs", text=text, remedy="differences of a few percent cannot be told now; wait"
        )
    return Diagnosis(level="ok", topic="pairs", text=text)


def _anchor(now: Callable[[], float]) -> float:
    """Seconds of one fixed piece of work, about a millisecond."""
    start = now()
    total = 0
    for number in range(20_000):
        total += number * number
    return max(now() - start, 1e-9)


def _software() -> tuple[Diagnosis, ...]:
    diagnoses: list[Diagnosis] = []
    for name, extra in PACKAGES:
        version = host.package_version(name)
        if version:
            diagnoses.append(Diagnosis(level="ok", topic=name, text=version))
        else:
            diagnoses.append(
                Diagnosis(level="–", topic=name, text="not installed", remedy=f'pip install "lambdabench[{extra}]"')
            )
    why = _cpu.problem()
    text = why or f"compiled for this machine, {_cpu.kind()}"
    diagnoses.append(Diagnosis(level="–" if why else "ok", topic="kernel", text=text))
    diagnoses += [Diagnosis(level="warn", topic="kernel", text=notice) for notice in _cpu.notices()]
    if problem := caches.problem():
        diagnoses.append(
            Diagnosis(level="warn", topic="cache", text=problem, remedy="set XDG_CACHE_HOME to a folder of yours")
        )
    return tuple(diagnoses)


def _gpus() -> tuple[Diagnosis, ...]:
    """What NVML, the driver and the bus say of accelerators that a run here would see, and who is on them."""
    diagnoses = [
        Diagnosis(
            level="warn" if accelerator.holders else "ok",
            topic="gpu",
            text=f"{accelerator.told()}, {accelerator.held() or 'nobody seen on it'}",
            remedy="stop the other processes" if accelerator.holders else "",
        )
        for accelerator in accelerators.look()
    ]
    blind = "" if host.package_version("nvidia-ml-py") else "; nvidia-ml-py is not installed, so nobody was asked"
    return tuple(diagnoses) or (Diagnosis(level="–", topic="gpu", text=f"none found{blind}"),)
