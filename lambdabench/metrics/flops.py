"""FLOP of a step divided by its images, 2 per multiply-accumulate, as the operators that ran count them.

A lambda layer's are those of its kernel's formulation: a materialised table (`einsum`) executes more than a convolution, and
attention's count grows with the map. The paper's rule (arXiv 2102.08602, Tables 10 and 11) counts fewer and is what stands beside.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "FLOP per image"
UNIT = "FLOP/image"
BETTER = "lower"
TIMED = False
COLUMN = "GFLOP an image (2 x MAC)"
PLACE = 7


def answer(bench: Opened) -> Measurement | None:
    """FLOP of a step divided by its images, 2 per multiply-accumulate; None where nobody counted them."""
    count = bench.flops_per_image()
    return None if count is None else Measurement(metric="flops", unit=UNIT, value=count)
