"""Number of trainable and fixed parameters, buffers not counted."""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Parameters"
UNIT = "1"
BETTER = "lower"
TIMED = False
PLACE = 6


def answer(bench: Opened) -> Measurement | None:
    """Number of trainable and fixed parameters, buffers not counted; None where nobody counted them."""
    count = bench.parameters()
    return None if count is None else Measurement(metric="parameters", unit=UNIT, value=float(count))
