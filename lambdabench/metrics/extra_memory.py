"""Peak bytes beyond model and inputs."""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Extra memory"
UNIT = "B"
BETTER = "lower"
TIMED = False
COLUMN = ""


def answer(bench: Opened) -> Measurement:
    """Peak bytes beyond model and inputs."""
    return Measurement(metric="extra_memory", unit=UNIT, value=bench.extra_bytes())
