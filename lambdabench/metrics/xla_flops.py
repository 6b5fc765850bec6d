"""FLOP of a step divided by its images as XLA's own cost analysis counts the compiled program.

Not `flops`: XLA counts elementwise operations too, leaves out taps of a convolution that fall on padding, and sees what is
left after its optimisations. It says what the compiler made of a network, `flops` what the network's operators were asked for.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "XLA's FLOP per image"
UNIT = "FLOP/image"
BETTER = ""
TIMED = False
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """FLOP an image by the compiler's count; None where it has none."""
    value = bench.compiler_flops_per_image()
    return None if value is None else Measurement(metric="xla_flops", unit=UNIT, value=value)
