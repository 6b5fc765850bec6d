"""Waivers applied to what was found: each use is told, an expired one is a fault of its own."""

import dataclasses
import datetime
from collections.abc import Sequence

from .result import Line, LineStatus
from .settings import Settings, Waiver

FAULTS: dict[str, LineStatus] = {"slower": "slower", "outputs": "failed", "gone": "gone"}


def apply(lines: Sequence[Line], settings: Settings, today: datetime.date) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """(Lines with what is accepted, notes on every use). Expired waivers accept nothing."""
    expired = settings.expired(today)
    valid = [waiver for waiver in settings.waiver if waiver not in expired]
    free = settings.reports_only()
    result: list[Line] = []
    notes: list[str] = []
    for line in lines:
        waiver = next((waiver for waiver in valid if _covers(waiver, line)), None)
        if waiver is not None:
            notes.append(f"waived  {line.label}: {_told(waiver)}")
            line = dataclasses.replace(line, status="waived", evidence=f"{line.evidence}; waived: {waiver.reason}")
        elif line.status == "slower" and (line.label in free or not settings.gated):
            line = dataclasses.replace(line, status="reported", evidence=f"{line.evidence}; not gated")
        result.append(line)
    return tuple(result), tuple(notes)


def expired(settings: Settings, today: datetime.date) -> tuple[str, ...]:
    """What is said of each waiver whose day is over."""
    return tuple(f"expired waiver of {waiver.case}: {_told(waiver)}" for waiver in settings.expired(today))


def _covers(waiver: Waiver, line: Line) -> bool:
    if waiver.case != line.label or FAULTS[waiver.accept] != line.status:
        return False
    if waiver.accept == "outputs":
        return next((outcome.trouble for outcome in line.outcomes if outcome.trouble), "") == "outputs"
    if waiver.accept == "gone" or line.verdict is None:
        return waiver.accept == "gone"
    return waiver.ceiling is not None and line.verdict.ratio - 1 <= waiver.ceiling


def _told(waiver: Waiver) -> str:
    ceiling = f" up to {waiver.ceiling:.1%}" if waiver.ceiling is not None else ""
    return f"{waiver.accept}{ceiling} until {waiver.until.isoformat()}, {waiver.reason}"
