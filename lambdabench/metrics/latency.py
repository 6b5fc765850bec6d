"""Seconds of one step, each call synchronised: the median, which a few slow calls do not move. What they cost is in `throughput`."""

from ..core.ports import Bench
from ..core.record import Measurement

TITLE = "Latency"
UNIT = "s/step"
BETTER = "lower"


def answer(bench: Bench) -> Measurement:
    """Seconds of one step, each call synchronised."""
    return Measurement(metric="latency", unit=UNIT, value=None, samples=bench.latencies(), statistic="median")
