"""How quiet the machine is: load, CPU pressure, stolen time, and what happened to this process while it was timed."""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from ..core.cpu_contention import DISTURBED, LEAST_S, lost_share
from ..core.process_usage import usage
from ..core.record import Noise, Visit

STARVED_SHARE = 0.4
"""A process that got no CPU in so much of the time it wanted one took 1.7 times as long as it takes: no number of the case's. Under it
other programs are company that most machines have, and what they do to the times shows in their scatter."""
CONTENDED_SHARE = 0.15
"""From here on the row says that others wanted the CPU too."""


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
    idle_ticks: int | None = None
    waited_s: float | None = None
    """For a CPU, by all threads there are."""


def take_snapshot(proc: Path = Path("/proc")) -> Snapshot:
    """The counters now."""
    used = usage()
    ticks = _cpu_ticks(proc / "stat")
    return Snapshot(
        wall_s=time.perf_counter(),
        cpu_s=used.cpu_s,
        faults=used.faults,
        switches=used.switches,
        pressure_us=_pressure_us(proc / "pressure" / "cpu"),
        steal_ticks=ticks[7] if ticks and len(ticks) > 7 else None,
        all_ticks=sum(ticks[:8]) if ticks else None,
        idle_ticks=sum(ticks[3:5]) if ticks else None,
        waited_s=_waited_s(proc / "self" / "task"),
    )


def noise_between(before: Snapshot, after: Snapshot, calls: int) -> Noise:
    """The noise of a timed phase of `calls` calls. Of one under LEAST_S the counters of what others took say nothing: None."""
    wall_s = max(after.wall_s - before.wall_s, 1e-9)
    cpu_s = after.cpu_s - before.cpu_s
    calls, is_told = max(calls, 1), wall_s >= LEAST_S
    ticks = (after.all_ticks or 0) - (before.all_ticks or 0)
    return Noise(
        load1=load1(),
        cpu_pressure=_share(before.pressure_us, after.pressure_us, wall_s * 1e6) if is_told else None,
        steal=_share(before.steal_ticks, after.steal_ticks, ticks) if is_told else None,
        cpu_per_wall=cpu_s / wall_s,
        cpu_waited=_waited_share(before.waited_s, after.waited_s, cpu_s) if is_told else None,
        faults_per_call=(after.faults - before.faults) / calls,
        switches_per_call=(after.switches - before.switches) / calls,
    )


def free_cores(before: Snapshot, after: Snapshot, cores: int) -> float | None:
    """How many of `cores` processors nobody used between two snapshots, this process included; None where nothing counts that. Where
    a machine has more than a process may use, it is what is free of all, and at most `cores`."""
    if None in (before.all_ticks, after.all_ticks, before.idle_ticks, after.idle_ticks):
        return None
    whole = (after.all_ticks or 0) - (before.all_ticks or 0)
    idle = (after.idle_ticks or 0) - (before.idle_ticks or 0)
    return min(float(cores), (os.cpu_count() or cores) * idle / whole) if whole > 0 else None


def lost_of(noise: Noise) -> float | None:
    """`lost_share` of a noise."""
    return lost_share(noise.cpu_waited, noise.steal, noise.cpu_pressure, noise.cpu_per_wall)


def is_disturbed(visit: Visit) -> bool:
    """Whether others had the CPU while a visit lasted, as far as its passport says."""
    lost = lost_of(visit.noise)
    return lost is not None and lost >= DISTURBED


def starved(noise: Noise) -> str:
    """Why times of CPU work under this noise are no number of the case's, and the mend; empty where they are usable."""
    lost = lost_of(noise)
    if lost is None or lost < STARVED_SHARE:
        return ""
    values = {
        "CPU pressure": noise.cpu_pressure,
        "CPU seconds a second": noise.cpu_per_wall,
        "stolen": noise.steal,
    }
    figures = ", ".join(f"{name} {value:.2f}" for name, value in values.items() if value is not None)
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
    numbers: list[int] = []
    for path in tasks.glob("*/schedstat"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # ended meanwhile
            numbers.append(int(path.read_text().split()[1]))
    return sum(numbers) / 1e9 if numbers else None


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
