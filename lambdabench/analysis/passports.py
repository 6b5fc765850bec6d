"""What the passports of a run's visits say: how much of the CPU others took, what held a GPU's clock down, who else was on it.

A visit's passport is what was sampled while it ran (`core.record.Noise`). A run is called quiet where nothing here speaks against it
**and** its visits scatter little: each sees what the other misses.
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..core.cpu_contention import DISTURBED, lost_share
from ..core.record import SLOWED, Noise
from .estimate import median

QUIET = 0.05
"""Share of the time under which what others took of the CPU is no word worth."""
METRICS = ("latency", "throughput", "throughput_per_device")
"""Rows of these hold the visits of their case; the first of them that a case has is looked at."""
SELDOM = 0.05
"""Share of the visits that others may disturb of a run that is called quiet."""
COUNTED = ("cpu_pressure", "cpu_waited", "steal", "cpu_per_wall", "throttle", "other_processes")
CASE = ["run_id", "case_id", "replicate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passports:
    """Of `visits` visits: medians of the shares of time in which some task waited for a CPU, in which the visited process did, and
    that other virtual machines took; None where nobody counts."""

    visits: int = 0
    pressure: float | None = None
    waited: float | None = None
    steal: float | None = None
    disturbed: int = 0
    """Visits in which others had the CPU (core/cpu_contention.py), of which most were made again."""
    slowed: int = 0
    """Visits in which heat or a fault held the clock down."""
    shared: int = 0
    """Visits beside other processes on the device."""
    reasons: Mapping[str, int]
    """Visits by what held the clock down, settings and power limits included."""
    sm_clock_mhz: tuple[float, ...] = ()
    """Of each visit in time order; NaN where nobody tells."""


def passports(rows: pd.DataFrame) -> Passports:
    """Of rows as the store reads them, each visit once; those without visits say nothing."""
    timed = rows[rows["metric"].isin(METRICS) & rows["visit_round"].notna()] if len(rows) else rows
    once = timed.sort_values("metric").drop_duplicates(CASE) if len(timed) else timed
    starts = _flat(once, "visit_started_s")
    clocks = sorted(zip(starts, _flat(once, "visit_sm_clock_mhz"), strict=False))  # files of older schemas have none
    columns = {name: _flat(once, f"visit_{name}") for name in COUNTED} | {"sm_clock_mhz": [item for _, item in clocks]}
    return _counted(len(starts), columns)


def of_noises(noises: Sequence[Noise]) -> Passports:
    """Of visits in time order."""
    columns = {name: [getattr(noise, name) for noise in noises] for name in (*COUNTED, "sm_clock_mhz")}
    return _counted(len(noises), columns)


def _counted(visits: int, columns: Mapping[str, Sequence[Any]]) -> Passports:
    held = [
        {literal_string for literal_string in (text or "").split(",") if literal_string} for text in columns["throttle"]
    ]
    return Passports(
        visits=visits,
        pressure=_middle(columns["cpu_pressure"]),
        waited=_middle(columns["cpu_waited"]),
        steal=_middle(columns["steal"]),
        disturbed=sum((value or 0.0) >= DISTURBED for value in _lost(columns)),
        slowed=sum(bool(names & SLOWED) for names in held),
        shared=sum((other_process or 0) > 0 for other_process in columns["other_processes"]),
        reasons=dict(Counter(name for names in held for name in sorted(names))),
        sm_clock_mhz=tuple(math.nan if item is None else float(item) for item in columns["sm_clock_mhz"]),
    )


def against(result: Passports) -> list[str]:
    """What speaks against quiet, in words; empty where nothing does, or nobody tells."""
    waited, steal = result.waited or 0.0, result.steal or 0.0
    names = [pressure_phrase(result)] if (result.pressure or 0.0) >= QUIET else []
    names += [f"waited for a CPU {100 * waited:.0f} % of its time"] if waited >= QUIET else []
    names += [f"stolen {100 * steal:.0f} %"] if steal >= QUIET else []
    if not names and result.disturbed > SELDOM * result.visits:  # bursts, of which the middle visit knows nothing
        names = [f"others met {result.disturbed} of {result.visits} visits"]
    names += [f"throttled in {result.slowed} of {result.visits} visits"] if result.slowed else []
    names += [f"device shared in {result.shared} of {result.visits} visits"] if result.shared else []
    return names


def pressure_phrase(result: Passports) -> str:
    """ "CPU pressure 12 %"."""
    return f"CPU pressure {100 * (result.pressure or 0.0):.0f} %"


def _lost(columns: Mapping[str, Sequence[Any]]) -> list[float | None]:
    """Of each visit the share of the CPU that others had."""
    figures = [
        [None if column is None or math.isnan(column) else float(column) for column in columns[name]]
        for name in ("cpu_waited", "steal", "cpu_pressure", "cpu_per_wall")
    ]
    return [lost_share(*values) for values in itertools.zip_longest(*figures)]


def _flat(rows: pd.DataFrame, column: str) -> list:
    """The numbers, or texts, of all visits; of rows whose file had no such column none."""
    if column not in rows:
        return []
    return [value for row in rows[column] if row is not None and not isinstance(row, float) for value in row]


def _middle(values: Sequence[float]) -> float | None:
    known = [float(value) for value in values if value is not None and not math.isnan(value)]
    return median(known) if known else None
