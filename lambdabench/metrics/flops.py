"""FLOP of a step divided by its images, 2 per multiply-accumulate."""

from ..core.ports import Bench
from ..core.record import Measurement

TITLE = "FLOP per image"
UNIT = "FLOP/image"
BETTER = ""


def answer(bench: Bench) -> Measurement:
    """FLOP of a step divided by its images, 2 per multiply-accumulate."""
    return Measurement(metric="flops", unit=UNIT, value=bench.flops_per_image())
