"""Seconds from a file to a runtime that could answer: reading it, optimising or compiling its graph, packing weights; no row where a
network runs from no file.

The runtime's own import is not in it. What runtimes do here frameworks do in their first call, or never: with `first_call` it is what a
user waits for.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Load"
UNIT = "s"
BETTER = "lower"
TIMED = False
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """Seconds of loading; None where no file is loaded."""
    known = bench.from_file()
    return None if known is None else Measurement(metric="load_s", unit=UNIT, value=known.load_s)
