"""Peak bytes beyond model and inputs."""

from ..core.ports import Bench
from ..core.record import Measurement

TITLE = "Extra memory"
UNIT = "B"
BETTER = "lower"


def answer(bench: Bench) -> Measurement:
    """Peak bytes beyond model and inputs."""
    return Measurement(metric="extra_memory", unit=UNIT, value=bench.extra_bytes())
