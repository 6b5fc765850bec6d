"""A case's visits in time order as a line of blocks: drift, bursts and two speeds are seen at once."""

import math
from collections.abc import Sequence

import pandas as pd

from ..analysis.passports import against, passports
from ..core.units import format_significant, scale_of

BLOCKS = "▁▂▃▄▅▆▇█"
FLAT = 1.02
"""Visits closer together than that are drawn as one height."""
BETWEEN = " "
"""Between two processes."""


def visits_line(rows: pd.DataFrame) -> str:
    """Of a case's rows of latency: a block a visit, a gap between processes, the least and the most of their medians; empty where it was
    measured in one piece."""
    timed = rows[(rows["metric"] == "latency") & rows["visit_round"].notna()]
    groups = [_in_time(row) for _, row in timed.iterrows() if len(row["visit_values"])]
    if not groups:
        return ""
    groups.sort()
    values = [value for group in groups for _, value in group]
    unit, factor = scale_of("s/step", min(values))
    low, high = (format_significant(value * factor) for value in (min(values), max(values)))
    drawn = BETWEEN.join("".join(_block(value, min(values), max(values)) for _, value in group) for group in groups)
    count = f"{len(values)} visit{'' if len(values) == 1 else 's'} in {len(groups)} process{'' if len(groups) == 1 else 'es'}"
    return f"{drawn}  {low} to {high} {unit.partition('/')[0]}, the median of each of {count}, in time order"


def _in_time(row: pd.Series) -> list[tuple[float, float]]:
    """(When it began, seconds a step) of each visit."""
    return sorted(zip(map(float, row["visit_started_s"]), map(float, row["visit_values"]), strict=True))


def _block(value: float, low: float, high: float) -> str:
    """On the log scale."""
    if high < FLAT * low:
        return BLOCKS[0]
    place = math.log(value / low) / math.log(high / low)
    return BLOCKS[min(int(place * len(BLOCKS)), len(BLOCKS) - 1)]


def noise_line(rows: pd.DataFrame) -> str:
    """CPU pressure of each visit in the same order, where it was ever worth a word; empty elsewhere."""
    timed = rows[(rows["metric"] == "latency") & rows["visit_round"].notna()]
    pairs: Sequence[tuple[float, float]] = sorted(
        (float(start), float(pressure))
        for _, row in timed.iterrows()
        for start, pressure in zip(row["visit_started_s"], row["visit_cpu_pressure"], strict=True)
    )
    known = [pressure for _, pressure in pairs if not math.isnan(pressure)]
    if not known or max(known) < 0.05:
        return ""
    drawn = "".join(BLOCKS[min(int(value * len(BLOCKS)), len(BLOCKS) - 1)] for value in known)
    return f"{drawn}  CPU pressure of each, {100 * min(known):.0f} to {100 * max(known):.0f} %"


def device_line(rows: pd.DataFrame) -> str:
    """The clock of the device in each visit in the same order, why it was held down and in how many visits, and in how many somebody
    else was on it; empty where nobody tells."""
    result = passports(rows[rows["metric"] == "latency"])
    known = [value for value in result.sm_clock_mhz if not math.isnan(value)]
    names = [f"{_drawn(known)}  SM clock of each, {min(known):.0f} to {max(known):.0f} MHz"] if known else []
    reasons = [f"{name} in {count}" for name, count in result.reasons.items()]
    names += [f"held down by {', '.join(reasons)} of {result.visits}"] if reasons else []
    return "; ".join([*names, *(name for name in against(result) if name.startswith("device"))])


def _drawn(values: Sequence[float]) -> str:
    least, most = max(min(values), 1.0), max(*values, 1.0)
    return "".join(_block(max(value, 1.0), least, most) for value in values)
