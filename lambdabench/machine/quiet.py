"""How quiet the machine is: load, CPU pressure, stolen time, and what happened to this process while it was timed."""

import contextlib
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from ..core.record import Noise

STARVED_SHARE = 0.4
"""A process that got no CPU in so much of the time it wanted one took 1.7 times as long as it takes: no number of the case's. Under it
other programs are company that most machines have, and what they do to the times shows in their scatter."""
CONTENDED_SHARE = 0.15
"""From here on the row says that others wanted the CPU too."""
BUSY_PRESSURE = 0.5
"""Where nobody counts what the process itself waited for: some task waited in so much of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Counters at one moment; None where the machine has none."""

    wall_s: float
    cpu_s: float
    faults: int
    switches: int
    pressure_us: int | None
    steal_ticks: int | None
    all_ticks: int | None
    waited_s: float | None = None
    """For a CPU, by all threads there are."""


def take_snapshot(proc: Path = Path("/proc")) -> Snapshot:
    """The counters now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ticks = _cpu_ticks(proc / "stat")
    return Snapshot(
        wall_s=time.perf_counter(),
        cpu_s=usage.ru_utime + usage.ru_stime,
        faults=usage.ru_minflt,
        switches=usage.ru_nivcsw,
        pressure_us=_pressure_us(proc / "pressure" / "cpu"),
        steal_ticks=ticks[7] if ticks and len(ticks) > 7 else None,
        all_ticks=sum(ticks[:8]) if ticks else None,
        waited_s=_waited_s(proc / "self" / "task"),
    )


def noise_between(before: Snapshot, after: Snapshot, calls: int) -> Noise:
    """The noise of a timed phase of `calls` calls."""
    wall_s = max(after.wall_s - before.wall_s, 1e-9)
    cpu_s = after.cpu_s - before.cpu_s
    calls = max(calls, 1)
    return Noise(
        load1=load1(),
        cpu_pressure=_share(before.pressure_us, after.pressure_us, wall_s * 1e6),
        steal=_share(before.steal_ticks, after.steal_ticks, (after.all_ticks or 0) - (before.all_ticks or 0)),
        cpu_per_wall=cpu_s / wall_s,
        cpu_waited=_waited_share(before.waited_s, after.waited_s, cpu_s),
        faults_per_call=(after.faults - before.faults) / calls,
        switches_per_call=(after.switches - before.switches) / calls,
    )


def lost_share(noise: Noise) -> float | None:
    """Share of the time in which work that never rests wanted a CPU and had none; None where nothing tells.

    What the process itself waited for, where the kernel counts it. Else, where tasks waited in most of the time, what it lacks of one
    whole CPU: a call that is waited for keeps one thread busy at least. Where no task waited, a process that used little slept of its
    own accord. Time that other virtual machines took comes on top.
    """
    waited = noise.cpu_waited
    if waited is None and noise.cpu_pressure is not None and noise.cpu_per_wall is not None:
        waited = max(0.0, 1.0 - noise.cpu_per_wall) if noise.cpu_pressure >= BUSY_PRESSURE else 0.0
    found = [one for one in (waited, noise.steal) if one is not None]
    return max(found) if found else None


def starved(noise: Noise) -> str:
    """Why times of CPU work under this noise are no number of the case's, and the mend; empty where they are usable."""
    lost = lost_share(noise)
    if lost is None or lost < STARVED_SHARE:
        return ""
    told = {
        "CPU pressure": noise.cpu_pressure,
        "CPU seconds a second": noise.cpu_per_wall,
        "stolen": noise.steal,
    }
    figures = ", ".join(f"{name} {value:.2f}" for name, value in told.items() if value is not None)
    return (
        f"other programs had the CPU in {100 * lost:.0f} % of the time that this one wanted it ({figures}); stop them or wait "
        "(lambdabench doctor), then run again"
    )


def load1() -> float | None:
    """Load average of one minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def pressure_now(proc: Path = Path("/proc")) -> float | None:
    """Share of the last 10 s in which some task waited for a CPU."""
    fields = _pressure_fields(proc / "pressure" / "cpu")
    return float(fields["avg10"]) / 100 if "avg10" in fields else None


def governor(sys_cpu: Path = Path("/sys/devices/system/cpu")) -> str:
    """The frequency governor of CPU 0, or "" where there is none (most virtual machines)."""
    path = sys_cpu / "cpu0" / "cpufreq" / "scaling_governor"
    return path.read_text().strip() if path.exists() else ""


def _share(before: int | None, after: int | None, whole: float) -> float | None:
    return None if before is None or after is None or whole <= 0 else min(1.0, max(0.0, (after - before) / whole))


def _waited_share(before: float | None, after: float | None, cpu_s: float) -> float | None:
    """Threads that ended meanwhile take what they waited with them."""
    if before is None or after is None:
        return None
    waited_s = max(0.0, after - before)
    return waited_s / (waited_s + cpu_s) if waited_s + cpu_s > 0 else 0.0


def _waited_s(tasks: Path) -> float | None:
    """Seconds that this process's threads were ready and not running: the second number of schedstat is nanoseconds of that
    (Documentation/scheduler/sched-stats.rst)."""
    found: list[int] = []
    for path in tasks.glob("*/schedstat"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # ended meanwhile
            found.append(int(path.read_text().split()[1]))
    return sum(found) / 1e9 if found else None


def _pressure_fields(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    some = next((line for line in lines if line.startswith("some ")), "")
    return dict(field.split("=") for field in some.split()[1:])


def _pressure_us(path: Path) -> int | None:
    fields = _pressure_fields(path)
    return int(fields["total"]) if "total" in fields else None


def _cpu_ticks(path: Path) -> list[int] | None:
    try:
        first = path.read_text().splitlines()[0]
    except OSError:
        return None
    return [int(field) for field in first.split()[1:]]
