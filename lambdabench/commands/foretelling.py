"""How a plan's estimates came out."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..core.record import Outcome
from ..core.spec import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """How the plan's estimates came out. Cases that failed say nothing of them."""

    sized: int = 0
    within_memory: int = 0
    """Of the `sized` cases with an estimate of memory, those whose peak was within a factor of two of it."""


def foretold(outcomes: Iterable[tuple[Job, Outcome]]) -> Foretold:
    """Compares what cases took with what was estimated."""
    sizes: dict[str, float] = {}
    for job, outcome in outcomes:
        peak = next((one.value for one in outcome.measurements if one.metric == "peak_memory"), None)
        if peak and job.estimate_bytes:
            sizes.setdefault(job.case_id, peak / job.estimate_bytes)
    return Foretold(sized=len(sizes), within_memory=sum(0.5 <= one <= 2.0 for one in sizes.values()))
