"""Peak bytes beyond model and inputs."""

import math

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Extra memory"
UNIT = "B"
BETTER = "lower"
TIMED = False
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """Peak bytes beyond model and inputs; None where nobody tells."""
    value = bench.extra_bytes()
    return None if math.isnan(value) else Measurement(metric="extra_memory", unit=UNIT, value=value)
