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
    """Extra + parameters + inputs, the same sum on every device; None where nobody knows the parameters or tells the first."""
    parameter_bytes = bench.parameter_bytes()
    if parameter_bytes is None:
        return None
    total = bench.extra_bytes() + parameter_bytes + bench.input_bytes()
    if math.isnan(total):
        return None
    return Measurement(
        metric="peak_memory", unit=UNIT, value=total, origin="derived", source="extra_memory + parameters + inputs"
    )
