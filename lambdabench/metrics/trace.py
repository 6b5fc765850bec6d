"""Seconds from a function to the operations it is made of (JAX: to its jaxpr); the first part of `compile`.

No row where a compiler does not tell tracing apart.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Trace"
UNIT = "s"
BETTER = "lower"
TIMED = False
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """Seconds of tracing; None where nothing is traced, or not told apart."""
    seconds = bench.trace_s()
    return None if seconds is None else Measurement(metric="trace", unit=UNIT, value=seconds)
