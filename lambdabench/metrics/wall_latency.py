"""Seconds of one step by the host's clock, dispatch and synchronisation included: what somebody waits who asks for one answer.

`latency` is the same where a runtime has no other clock. Where a device's own events time it, as torch's on CUDA, they begin on an idle
stream and end with its work: runtimes of which one has events and one has not are held against each other by this.
"""

from ..core.ports import Visited
from ..core.record import Measurement

TITLE = "Latency by the host's clock"
UNIT = "s/step"
BETTER = "lower"
TIMED = True
COLUMN = ""


def answer(bench: Visited) -> Measurement:
    """Seconds of one step, each call synchronised, by the host's clock."""
    return Measurement(metric="wall_latency", unit=UNIT, value=None, samples=bench.wall_latencies(), statistic="median")
