"""Bytes that hold the interactions of positions, by the formula of arXiv 2102.08602, Table 4: computed, not measured.

Attention weights of all layers, or their position embeddings, in float32; no row where the formula does not reach.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Interaction memory"
UNIT = "B"
BETTER = "lower"
TIMED = False
COLUMN = ""
SOURCE = "formula of arXiv 2102.08602, Table 4"


def answer(bench: Opened) -> Measurement | None:
    """Bytes that hold the interactions of positions; None where the formula does not reach."""
    number = bench.interaction_bytes()
    if number is None:
        return None
    return Measurement(metric="interaction_memory", unit=UNIT, value=float(number), origin="derived", source=SOURCE)
