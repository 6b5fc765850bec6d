"""A JSON file that pytest-benchmark saved: its benchmarks, and the machine and the time that it names."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.errors import SavedFileError
from ..core.spec import Environment
from ..machine.host import KERNEL_FLAGS
from .rows import Ran, Timed

PASSING = ("node", "release", "hz_", "cpuinfo_version", "python_version")
"""Beginnings of names in `machine_info`, or its `cpu`, that change on one machine (host, kernel, clock) or are told by another."""

MARK_DIGITS = 12
"""Of a file's hash in the name of its run, beside the second of its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What is in a file. `machine`: its `machine_info`, flat, without `PASSING`."""

    timed: tuple[Timed, ...]
    ran: Ran
    machine: Mapping[str, Any]


WANTED = "give a file that pytest --benchmark-json or --benchmark-save wrote"


def read_json(path: Path) -> Saved:
    """A file by --benchmark-json or --benchmark-save. Raises SavedFileError where it is something else."""
    try:
        content = path.read_bytes()
        item = json.loads(content)
        timed = tuple(_timed(benchmark) for benchmark in item["benchmarks"])
        machine: Mapping[str, Any] = item["machine_info"]
        mark = hashlib.sha256(content).hexdigest()[:MARK_DIGITS]
        ran = Ran(environment=environment_of(machine), at=_utc(item["datetime"]), origin=path.name, mark=mark)
        return Saved(timed=timed, ran=ran, machine=_lasting(machine))
    except OSError as error:
        raise SavedFileError(f"{path} cannot be read: {error.strerror}; {WANTED}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SavedFileError(
            f"{path} is no file of pytest-benchmark's: {type(error).__name__}: {error}; {WANTED}"
        ) from error


def environment_of(machine: Mapping[str, Any]) -> Environment:
    """The environment as far as `machine_info` tells: cores are logical ones, memory 0 and libraries "" are not told."""
    cpu: Mapping[str, Any] = machine.get("cpu") or {}
    name = cpu.get("brand_raw") or cpu.get("brand") or machine.get("processor") or machine.get("machine")
    python = (machine.get("python_implementation", "CPython"), machine.get("python_implementation_version", ""))
    return Environment(
        lambdabench="",
        cpu=str(name or "unknown"),
        cpu_flags=_flags(cpu),
        cores=int(cpu.get("count") or 0),
        memory_gib=0,
        os=f"{machine.get('system', '')} {machine.get('machine', '')}".strip(),
        python=str(python[1]) if python[0] == "CPython" else " ".join(python),
    )


def differences(old: Saved, new: Saved) -> list[str]:
    """In what the machines of two files differ, in words."""
    names = dict.fromkeys([*old.machine, *new.machine])
    pairs = ((name, old.machine.get(name), new.machine.get(name)) for name in names)
    return [f"{name}: {before!r} before, {after!r} after" for name, before, after in pairs if before != after]


def _lasting(machine: Mapping[str, Any]) -> dict[str, Any]:
    cpu: Mapping[str, Any] = machine.get("cpu") or {}
    plain = {name: value for name, value in machine.items() if name != "cpu" and not name.startswith(PASSING)}
    inner = {f"cpu.{name}": value for name, value in cpu.items() if not name.startswith(PASSING)}
    return plain | inner | {"cpu.flags": _flags(cpu)}


def _flags(cpu: Mapping[str, Any]) -> str:
    """Those that select kernels: kernels of other versions name more or fewer of the others."""
    return " ".join(sorted(set(cpu.get("flags") or ()) & set(KERNEL_FLAGS)))


def _utc(text: str) -> datetime:
    """pytest-benchmark before 4 wrote UTC without saying so."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _timed(item: Mapping[str, Any]) -> Timed:
    stats = item["stats"]
    name = _text(item["fullname"], "fullname")
    iterations = stats.get("iterations", 1)
    if type(iterations) is not int or iterations < 1:
        raise ValueError(f"{name}: stats.iterations: found {iterations!r}, expected a number of calls")
    return Timed(
        name=name,
        seconds=tuple(_seconds(value, f"{name}: stats.data") for value in stats.get("data") or ()),
        iterations=iterations,
        group=_text(item.get("group") or "", f"{name}: group"),
        median_s=_seconds(stats["median"], f"{name}: stats.median"),
        iqr_s=_positive(stats.get("iqr")),
        rounds=int(_positive(stats.get("rounds")) or 0),
    )


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{place}: found {value!r}, expected a text")
    return value


def _positive(value: Any) -> float | None:
    """A number above 0 that a file may hold; None for anything else."""
    return float(value) if type(value) in (int, float) and math.isfinite(value) and value > 0 else None


def _seconds(value: Any, place: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{place}: found {value!r}, expected seconds above 0")
    return float(value)
