"""Peak bytes of a step: extra memory, parameters and inputs."""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Peak memory"
UNIT = "B"
BETTER = "lower"
TIMED = False
PLACE = 5


def answer(bench: Opened) -> Measurement:
    """Extra + parameters + inputs, the same sum on every device."""
    total = bench.extra_bytes() + bench.parameter_bytes() + bench.input_bytes()
    return Measurement(
        metric="peak_memory", unit=UNIT, value=total, origin="derived", source="extra_memory + parameters + inputs"
    )
