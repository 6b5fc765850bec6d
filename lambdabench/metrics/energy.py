"""Joules an image, by the hardware's own counters over the timed calls of each visit: NVML's of an NVIDIA card, RAPL's of a CPU's packages
and their memory. Without a counter the cell is `unsupported` with the reason, and never a guess from TDP.

The row's source names the counters. What the machine takes when it does nothing is in it, and not subtracted: `idle_power`, measured apart
before the rounds, stands beside. Of a card the host's share is not counted; of a CPU all that runs on its packages is, others' programs
too.
"""

from ..core.ports import Visited
from ..core.record import Measurement

TITLE = "Energy"
UNIT = "J/image"
BETTER = "lower"
TIMED = True
PLACE = 8
BESIDE = ("idle_power",)
"""Asked for where this is."""


def answer(bench: Visited) -> Measurement | None:
    """Joules of the calls of a visit over their images, the median of visits; None where nobody asked while they were made."""
    energies = bench.energies()
    known = [energy for energy in energies if energy.joules is not None]
    if not energies:
        return None
    if not known:
        return Measurement(metric="energy", unit=UNIT, value=None, lacking=energies[-1].lacking)
    images = bench.case.batch_size
    return Measurement(
        metric="energy",
        unit=UNIT,
        value=None,
        samples=tuple((energy.joules or 0.0) / energy.calls / images for energy in known),
        statistic="median",
        source=known[-1].meter,
    )
