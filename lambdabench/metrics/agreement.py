"""Agreement with float32 in percent: of how many images the likeliest class is the one that torch says in float32, run eagerly, of the
same weights on the same images; right or wrong. No row of that run itself, or where there is none."""

from ..core.evaluation import Judged
from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Agreement"
UNIT = "%"
BETTER = "higher"
TIMED = False
COLUMN = ""
AXIS = "agreement with float32 eager [%]"
OF_WEIGHTS = True
"""It is answered from images with their classes, and not from a session, which knows none."""


def answer(bench: Judged | Opened) -> Measurement | None:
    """The share of all images, in percent; None of a session, and without a run in float32."""
    if not isinstance(bench, Judged) or bench.reference is None:
        return None
    right = sum(known[0] == other for other, known in zip(bench.reference, bench.likeliest, strict=True))
    return bench.share("agreement", right)
