"""Bytes of the file that a runtime loads, with the weights that lie beside it; no row where a network runs from none."""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Exported file"
UNIT = "B"
BETTER = "lower"
TIMED = False
SHOWN = ("MiB", 1 / 2**20)
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """Bytes of the file; None where there is none."""
    known = bench.from_file()
    return None if known is None else Measurement(metric="export_bytes", unit=UNIT, value=float(known.file_bytes))
