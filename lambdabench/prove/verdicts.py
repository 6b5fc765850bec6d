"""A question, what was predicted of its answer and from what, what was found, and the verdict: pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..core.units import format_significant, format_time

Verdict = Literal["as predicted", "off", "no prediction", "not asked"]
TWOFOLD = 2.0
"""A prediction is off from this factor on, either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the table. Values are None where words are compared, or nothing was found."""

    topic: str
    question: str
    verdict: Verdict
    predicted: str = ""
    found: str = ""
    basis: str = ""
    """What the prediction rests on, or why the question was not asked."""
    predicted_value: float | None = None
    found_value: float | None = None
    unit: str = ""
    curve: tuple[tuple[float, float], ...] = ()
    """How it was over the seconds of load: (seconds, value), where it has changed with them."""


def near(topic: str, question: str, *, predicted: float | None, found: float, unit: str, basis: str) -> Finding:
    """Found within a factor of two of what was predicted; with None nothing was."""
    verdict: Verdict = "no prediction"
    if predicted is not None:
        is_off = found <= 0 or predicted <= 0 or abs(math.log(found / predicted)) >= math.log(TWOFOLD)
        verdict = "off" if is_off else "as predicted"
    return Finding(
        topic=topic,
        question=question,
        verdict=verdict,
        predicted="" if predicted is None else words(predicted, unit),
        found=words(found, unit),
        basis=basis,
        predicted_value=predicted,
        found_value=found,
        unit=unit,
    )


def at_most(topic: str, question: str, *, limit: float, found: float, unit: str, basis: str) -> Finding:
    """Found not over a limit; a value that is no number is over it."""
    return Finding(
        topic=topic,
        question=question,
        verdict="as predicted" if found <= limit else "off",
        predicted=f"at most {words(limit, unit)}",
        found=words(found, unit),
        basis=basis,
        predicted_value=limit,
        found_value=found,
        unit=unit,
    )


def equal(topic: str, question: str, *, predicted: str, found: str, basis: str) -> Finding:
    """The very words."""
    verdict: Verdict = "as predicted" if predicted == found else "off"
    return Finding(topic=topic, question=question, verdict=verdict, predicted=predicted, found=found, basis=basis)


def unasked(topic: str, question: str, why: str) -> Finding:
    """What could not be asked, and why."""
    return Finding(topic=topic, question=question, verdict="not asked", basis=why)


def exit_code(findings: Iterable[Finding]) -> int:
    """1 where a prediction is off, else 3 where something could not be asked, else 0."""
    verdicts = {finding.verdict for finding in findings}
    return 1 if "off" in verdicts else 3 if "not asked" in verdicts else 0


def words(value: float, unit: str) -> str:
    """A value as people read it: times in their own unit, rates in G, errors with their power of ten."""
    if unit == "s":
        return format_time(value)
    if unit in ("FLOP/s", "B/s"):
        return f"{format_significant(value / 1e9)} G{unit}"
    if unit == "relative error":
        return f"{value:.1e}"
    return f"{format_significant(value)}{f' {unit}' if unit else ''}"
