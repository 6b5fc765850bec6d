"""Seconds of writing the network as the file that a runtime loads, frameworks loaded and the network made; no row where none is exported.

Measured once, by the process that exported the file: what is kept in the user's cache folder keeps its seconds.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Export"
UNIT = "s"
BETTER = "lower"
TIMED = False
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """Seconds of exporting; None where nothing is, or the file was the user's own."""
    known = bench.from_file()
    if known is None or known.export_s is None:
        return None
    return Measurement(metric="export_s", unit=UNIT, value=known.export_s)
