"""Seconds of the first call, all that a user waits for: compiling (see `compile`), lazy initialisation, memory taken once."""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "First call"
UNIT = "s"
BETTER = "lower"
TIMED = False
PLACE = 3


def answer(bench: Opened) -> Measurement:
    """Seconds of the first call, compiling included."""
    return Measurement(metric="first_call", unit=UNIT, value=bench.first_call_s())
