"""Images a second and device: throughput divided by the devices that share a batch."""

import dataclasses

from ..core.ports import Bench
from ..core.record import Measurement
from . import throughput

TITLE = "Throughput per device"
UNIT = "image/s/device"
BETTER = "higher"


def answer(bench: Bench) -> Measurement:
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
