"""Throughput and latency against batch size and against image size: where a device is full, and what a larger image costs."""

from collections.abc import Sequence

import pandas as pd

from . import Drawing
from . import _curves as curves

TITLE = "Throughput and latency against batch size and image size"
METRICS = ("throughput", "latency")


def draw(cases: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Drawing:
    """The figure of a wide table. Raises NothingMeasuredError where no model was timed at two batch or image sizes."""
    return curves.draw(cases, METRICS, title=title, notes=notes)
