"""Seconds of the first call in which a compiler ran; no row for backends that compile nothing. `trace` and `lower` are parts of
it where the compiler tells them apart, `first_run` is the rest of the first call.

As the compiler itself reports its starts and ends, tracing and the backward pass included. Not the first call minus a steady
one, which would count lazy initialisation and memory that is taken once.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Compile"
UNIT = "s"
BETTER = "lower"
TIMED = False
PLACE = 4


def answer(bench: Opened) -> Measurement | None:
    """Seconds of the first call in which a compiler ran; None where nothing is compiled."""
    seconds = bench.compile_s()
    return None if seconds is None else Measurement(metric="compile", unit=UNIT, value=seconds)
