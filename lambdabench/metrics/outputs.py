"""First numbers of the first call's output, kept as samples: to be compared between frameworks. The value is their median."""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "First outputs"
UNIT = "1"
BETTER = ""
TIMED = False
COLUMN = ""
VALUES = "any"


def answer(bench: Opened) -> Measurement | None:
    """First numbers of the first call's output; None where there are none."""
    numbers = bench.outputs()
    if not numbers:
        return None
    return Measurement(metric="outputs", unit=UNIT, value=None, samples=numbers)
