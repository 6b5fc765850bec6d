"""Watts of the case's devices while nothing is called, by the counters of `energy`: for a second before the rounds, once a case, with its
network in memory. No row where there is no counter."""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "Idle power"
UNIT = "W"
BETTER = ""
TIMED = False
PLACE = 9


def answer(bench: Opened) -> Measurement | None:
    """Watts; None where nothing counts them."""
    power = bench.idle_power()
    return None if power is None else Measurement(metric="idle_power", unit=UNIT, value=power[0], source=power[1])
