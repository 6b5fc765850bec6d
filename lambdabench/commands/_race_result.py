"""How far a race for the front came."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """A network that was not measured, and the probability that it is on the front."""

    model: str
    image_px: int
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceResult:
    """What a race measured of its candidates, and what it may have missed."""

    candidates: int
    measured: int
    """Those with a usable number, of earlier runs too."""
    failed: int
    front: int
    """Members of the front of what was measured, by its figures alone."""
    axis: str
    """The metric by which networks raced: latency or throughput."""
    sources: tuple[str, ...]
    """The published tables that were the prior."""
    expected: float
    """Members of the front that are expected among what was not measured."""
    is_over: bool
    """Whether the race ended by itself."""
    in_question: int
    """Measured networks that are neither surely on the front nor surely off it, and were not measured in as many processes as may be."""
    likely: tuple[Likely, ...] = ()
    """Networks that are most probably on the front and were not measured."""
