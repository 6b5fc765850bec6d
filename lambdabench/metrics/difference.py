"""The largest difference of an output from eager float32's, on the same weights and inputs, as a share of that one's largest value; no row
where a network runs from no file, or from one of the user's, which has nothing to be held against.

Each backend says above which difference it is no rounding any more: then there is no speed at all, and the status is wrong_output.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Difference from eager"
UNIT = "1"
BETTER = "lower"
TIMED = False
SHOWN = ("ppm", 1e6)
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """The first call's; None where there is nothing to compare."""
    known = bench.from_file()
    if known is None or known.difference is None:
        return None
    return Measurement(metric="difference", unit=UNIT, value=known.difference)
