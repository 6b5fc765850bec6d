"""Memory against batch size and image size, and beside it what the paper's formula gives where it was asked for."""

from collections.abc import Sequence

import pandas as pd

from . import Drawing
from . import _curves as curves

TITLE = "Memory against batch size and image size"
METRICS = ("extra_memory", "peak_memory")
FORMULA = "interaction_memory"
"""Bytes of the interactions alone, by the formula behind Table 4 of arXiv 2102.08602."""
SAID = "Dotted, hollow: bytes of the interactions alone (attention maps, position embeddings) by the formula of arXiv 2102.08602, Table 4."


def draw(cases: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Drawing:
    """The figure of a wide table. Raises NothingMeasuredError where no model's memory was read at two batch or image sizes."""
    flag = FORMULA in cases and bool(cases[FORMULA].notna().any())
    return curves.draw(cases, METRICS, title=title, notes=(*notes, *([SAID] if flag else [])), formula=FORMULA)
