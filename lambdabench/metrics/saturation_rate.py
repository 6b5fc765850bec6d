"""Requests a second that one process serves at most: those that found others before them, over the seconds in which they were served.

Measured under the loads of `latency_under_load`, so with all that serving takes beside the network's own step; a request is a step of the
case's batch. At more arrivals a second than this the queue has no end.
"""

from ..core.ports import Visited
from ..core.record import Measurement

TITLE = "Saturation rate"
UNIT = "request/s"
BETTER = "higher"
TIMED = True
COLUMN = ""


def answer(bench: Visited) -> Measurement | None:
    """The mean rate of requests that were served right after another; None where none was."""
    busy = tuple(1 / second for served in bench.served() for second in served.busy)
    if not busy:
        return None
    return Measurement(metric="saturation_rate", unit=UNIT, value=None, samples=busy, statistic="mean_rate")
