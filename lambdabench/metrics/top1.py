"""Top-1 accuracy in percent: of how many images the likeliest class is the right one.

A property of weights, not of a session: it is measured where networks are trained or tested, and else quoted from where it was published.
"""

from ..core.ports import Opened

TITLE = "Top-1"
UNIT = "%"
BETTER = "higher"
TIMED = False
COLUMN = ""
AXIS = "ImageNet-1k top-1 [%], quoted"
OF_WEIGHTS = True
"""No session answers it."""


def answer(bench: Opened) -> None:
    """None: a session knows no labels."""
