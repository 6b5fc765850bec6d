"""Accuracy in percent: of how many images the class is among the five that are likeliest.

No row of a network that tells no more than five classes apart, which is always right.
"""

from ..core.evaluation import LIKELIEST, Judged
from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Top-5"
UNIT = "%"
BETTER = "higher"
TIMED = False
COLUMN = ""
AXIS = "top-5 [%]"
OF_WEIGHTS = True
"""It is answered from images with their classes, and not from a session, which knows none."""


def answer(bench: Judged | Opened) -> Measurement | None:
    """The share of all images, in percent; None of a session."""
    if not isinstance(bench, Judged) or bench.classes <= LIKELIEST:
        return None
    right = sum(label in known[:LIKELIEST] for label, known in zip(bench.labels, bench.likeliest, strict=True))
    return bench.share("top5", right)
