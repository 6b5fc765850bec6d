"""Seconds of one step, each call synchronised: the median, which a few slow calls do not move. What they cost is in `throughput`."""

from ..core.ports import Visited
from ..core.record import Measurement

TITLE = "Latency"
UNIT = "s/step"
BETTER = "lower"
TIMED = True
COLUMN = "ms a step"
PLACE = 2


def answer(bench: Visited) -> Measurement:
    """Seconds of one step, each call synchronised; where it is not the host's clock that tells them, the source does."""
    return Measurement(
        metric="latency", unit=UNIT, value=None, samples=bench.latencies(), statistic="median", source=bench.clock()
    )
