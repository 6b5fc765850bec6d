"""Seconds of each way to apply lambdas by kind of device: shipped in kernel_times.csv, and what `prove` measured here, which goes first.

The shipped ones are of compilers' cost models and say so: a device of that kind has not been measured. Written by `.ci/costs.py`.
"""

import csv
import functools
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core import caches
from ..core.kernel_times import KernelTime, Stage

FILE = Path(__file__).parent / "kernel_times.csv"
OWN = "kernel_times.json"
"""In the cache folder."""
STAGE = ("batch", "side", "scope", "heads", "key_depth", "value_depth")
COLUMNS = ("kind", "origin", *STAGE, "kernel", "direction", "seconds")


@functools.cache
def known() -> tuple[KernelTime, ...]:
    """All, measured here or shipped. Read once a process."""
    return (*measured(), *shipped())


def measured() -> tuple[KernelTime, ...]:
    """Those that were measured on this machine."""
    return caches.read(tuple[KernelTime, ...], caches.folder() / OWN) or ()


def shipped() -> tuple[KernelTime, ...]:
    """What the file holds."""
    rows = csv.DictReader(line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return tuple(_time(row) for row in rows)


def keep(times: Sequence[KernelTime]) -> bool:
    """Keeps what was measured here, in place of what was known of the same; False where nothing can be kept."""
    new = {_key(time) for time in times}
    rest = [time for time in measured() if _key(time) not in new]
    known.cache_clear()
    return caches.write(caches.folder() / OWN, (*rest, *times))


def sources() -> tuple[str, ...]:
    """Where the file's times come from, a kind of device each."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line.removeprefix("# ") for line in lines if line.startswith("#"))


def table(times: Iterable[KernelTime], sources: Sequence[str]) -> str:
    """The file's text, with where it comes from."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for time in times:
        row: dict[str, Any] = asdict(time) | asdict(time.stage) | {"seconds": f"{time.seconds:.4g}"}
        writer.writerow({name: row[name] for name in COLUMNS})
    return "".join(f"# {source}\n" for source in sources) + text.getvalue()


def _key(time: KernelTime) -> tuple[Any, ...]:
    return time.kind, time.stage, time.kernel, time.direction


def _time(row: dict[str, str]) -> KernelTime:
    return KernelTime(
        kind=row["kind"],
        origin=row["origin"],
        stage=Stage(**{name: int(row[name]) for name in STAGE}),
        kernel=row["kernel"],
        direction=row["direction"],
        seconds=float(row["seconds"] or math.inf),
    )
