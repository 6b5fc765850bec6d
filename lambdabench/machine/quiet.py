"""How quiet the machine is: load, CPU pressure, stolen time, and what happened to this process while it was timed."""

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from ..core.record import Noise


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
    )


def noise_between(before: Snapshot, after: Snapshot, calls: int) -> Noise:
    """The noise of a timed phase of `calls` calls."""
    wall_s = max(after.wall_s - before.wall_s, 1e-9)
    calls = max(calls, 1)
    return Noise(
        load1=load1(),
        cpu_pressure=_share(before.pressure_us, after.pressure_us, wall_s * 1e6),
        steal=_share(before.steal_ticks, after.steal_ticks, (after.all_ticks or 0) - (before.all_ticks or 0)),
        cpu_per_wall=(after.cpu_s - before.cpu_s) / wall_s,
        faults_per_call=(after.faults - before.faults) / calls,
        switches_per_call=(after.switches - before.switches) / calls,
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
