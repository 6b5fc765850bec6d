"""ImageNet-1k top-1 accuracy in percent: of how many images the likeliest class is the right one.

A property of weights, not of a session: it is quoted from where it was published, with its Wilson interval over the validation images.
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
