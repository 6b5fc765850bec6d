"""Peak bytes of a step: extra memory, parameters and inputs."""

import math

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Peak memory"
UNIT = "B"
BETTER = "lower"
TIMED = False
PLACE = 5


def answer(bench: Opened) -> Measurement | None:
    """Extra + parameters + inputs, the same sum on every device; None where nobody tells the first."""
    total = bench.extra_bytes() + bench.parameter_bytes() + bench.input_bytes()
    if math.isnan(total):
        return None
    return Measurement(
        metric="peak_memory", unit=UNIT, value=total, origin="derived", source="extra_memory + parameters + inputs"
    )
