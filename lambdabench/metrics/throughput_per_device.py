"""Images a second and device: throughput divided by the devices that share a batch."""

import dataclasses

from ..core.ports import Visited
from ..core.record import Measurement
from . import throughput

TITLE = "Throughput per device"
UNIT = "image/s/device"
BETTER = "higher"
TIMED = True
COLUMN = ""


def answer(bench: Visited) -> Measurement:
    """Throughput / devices, sample by sample; the mean rate, as throughput is."""
    whole = throughput.answer(bench)
    return dataclasses.replace(
        whole,
        metric="throughput_per_device",
        unit=UNIT,
        samples=tuple(rate / bench.case.devices for rate in whole.samples),
        origin="derived",
        source="throughput / devices",
    )
