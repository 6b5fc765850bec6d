"""Seconds of the first call in which no compiler ran: lazy initialisation, memory taken once, and one step.

No row for backends that compile nothing, where `first_call` says it.
"""

from ..core.ports import Opened
from ..core.record import Measurement

TITLE = "First run"
UNIT = "s"
BETTER = "lower"
TIMED = False
COLUMN = ""


def answer(bench: Opened) -> Measurement | None:
    """`first_call` without `compile`; None where nothing is compiled."""
    compile_s = bench.compile_s()
    if compile_s is None:
        return None
    return Measurement(
        metric="first_run",
        unit=UNIT,
        value=max(0.0, bench.first_call_s() - compile_s),
        origin="derived",
        source="first_call - compile",
    )
