"""Seconds of the first call: lazy initialisation, autotuning and memory that is taken once."""

from ..core.ports import Bench
from ..core.record import Measurement

TITLE = "First call"
UNIT = "s"
BETTER = "lower"


def answer(bench: Bench) -> Measurement:
    """Seconds of the first call: lazy initialisation, autotuning and memory that is taken once."""
    return Measurement(metric="first_call", unit=UNIT, value=bench.first_call_s())
