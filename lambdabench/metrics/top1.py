"""Accuracy in percent: of how many images the likeliest class is the right one.

Of weights on images whose classes are known: `evaluate` measures it, and speeds that join no measured one show what was published.
"""

from ..core.evaluation import Judged
from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Top-1"
UNIT = "%"
BETTER = "higher"
TIMED = False
COLUMN = ""
AXIS = "top-1 [%]"
OF_WEIGHTS = True
"""It is answered from images with their classes, and not from a session, which knows none."""


def answer(bench: Judged | Opened) -> Measurement | None:
    """The share of all images, in percent; None of a session."""
    if not isinstance(bench, Judged):
        return None
    right = sum(known[0] == label for label, known in zip(bench.labels, bench.likeliest, strict=True))
    return bench.share("top1", right)
