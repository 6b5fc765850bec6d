"""Number of trainable and fixed parameters, buffers not counted."""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Parameters"
UNIT = "1"
BETTER = "lower"
TIMED = False
PLACE = 6


def answer(bench: Opened) -> Measurement:
    """Number of trainable and fixed parameters, buffers not counted."""
    return Measurement(metric="parameters", unit=UNIT, value=float(bench.parameters()))
