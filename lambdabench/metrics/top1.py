"""Top-1 accuracy in percent: of how many images the likeliest class is the right one.

A property of weights, not of a session: it is measured where networks are trained or tested, and else quoted from where it was published.
"""

from ..core.evaluation import Judged
from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Top-1"
UNIT = "%"
BETTER = "higher"
TIMED = False
COLUMN = ""
AXIS = "ImageNet-1k top-1 [%], quoted"
OF_WEIGHTS = True
"""It is answered from images with their classes, and not from a session, which knows none."""


def answer(bench: Judged | Opened) -> Measurement | None:
    """The share of all images, in percent; None of a session."""
    if not isinstance(bench, Judged):
        return None
    right = sum(known[0] == label for label, known in zip(bench.labels, bench.likeliest, strict=True))
    return bench.share("top1", right)
