"""Number of trainable and fixed parameters, buffers not counted."""

from ..core.ports import Bench
from ..core.record import Measurement

TITLE = "Parameters"
UNIT = "1"
BETTER = ""


def answer(bench: Bench) -> Measurement:
    """Number of trainable and fixed parameters, buffers not counted."""
    return Measurement(metric="parameters", unit=UNIT, value=float(bench.parameters()))
