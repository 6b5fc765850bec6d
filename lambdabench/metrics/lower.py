"""Seconds from traced operations to the compiler's input (JAX: to StableHLO); a part of `compile`.

No row where a compiler does not tell lowering apart.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Lower"
UNIT = "s"
BETTER = "lower"
TIMED = False
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """Seconds of lowering; None where nothing is lowered, or not told apart."""
    seconds = bench.lower_s()
    return None if seconds is None else Measurement(metric="lower", unit=UNIT, value=seconds)
