"""Numbers as people read them, and durations as they write them."""

import math
import re

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds of "90", "90s", "10m", "1h30m". Raises ValueError."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(r"(\d+(\.\d+)?[hms])+", text):
        raise ValueError(f"found {text!r}, expected a duration like 90s, 10m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([hms])", text))


def format_duration(seconds: float) -> str:
    """ "41 s", "3 min 41 s", "2 h 05 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def format_significant(value: float | None, digits: int = 3) -> str:
    """`digits` significant digits, thousands separated, never an exponent; an en dash for None or NaN."""
    if value is None or math.isnan(value):
        return "–"
    if value == 0 or math.isinf(value):
        return f"{value:g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    rounded = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{rounded:,.{places}f}"


def format_time(seconds: float) -> str:
    """Three significant digits of s, ms or µs: "1.2 s", "4.41 ms", "0.05 µs"."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * scale:  # what is rounded to the larger unit
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


SCALES: dict[str, tuple[str, float]] = {
    "s/step": ("ms", 1e3),
    "image/s": ("image/s", 1.0),
    "image/s/device": ("image/s/device", 1.0),
    "request/s": ("request/s", 1.0),
    "J/image": ("J/image", 1.0),
    "W": ("W", 1.0),
    "B": ("GiB", 1 / 2**30),
    "FLOP/image": ("GFLOP/image", 1e-9),
    "1": ("M", 1e-6),
    "s": ("s", 1.0),
    "%": ("%", 1.0),
}
"""Stored unit -> (unit shown, factor)."""
FEWEST_COUNTED = 1000


def scale_of(unit: str, value: float | None) -> tuple[str, float]:
    """(Unit shown, factor) of one value: what has no unit is counted in millions where it is a whole number of a thousand or more,
    else it is no count, such as a network's output, and is shown as it is."""
    counted = value is not None and value >= FEWEST_COUNTED and float(value).is_integer()
    return ("", 1.0) if unit == "1" and not counted else SCALES.get(unit, (unit, 1.0))


def format_value(value: float | None, unit: str, low: float | None = None, high: float | None = None) -> str:
    """A stored value in the unit shown, which follows it, with its interval where it has one; an en dash for None."""
    if value is None:
        return "–"
    shown, factor = scale_of(unit, value)
    text = format_significant(value * factor)
    if low is not None and high is not None:
        text += f" [{format_significant(low * factor)}, {format_significant(high * factor)}]"
    return f"{text} {shown}".rstrip()
