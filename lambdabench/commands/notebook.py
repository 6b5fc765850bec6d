"""Progress where a run is called from a notebook: one line below the cell, which changes."""

import sys
from collections.abc import Callable
from typing import Any

from ..conduct import Progress
from ..core import foreign
from ._run_types import Prepared
from .progress_line import progress_line, teller

KERNEL = "kernel"
"""What an IPython has that a notebook talks to, and one in a terminal has not."""


def progress_of(prepared: Prepared) -> Callable[[Progress], None] | None:
    """What shows a run's progress in the notebook that called it; None where none did."""
    ipython: Any = sys.modules.get("IPython")
    if ipython is None or getattr(ipython.get_ipython(), KERNEL, None) is None:
        return None
    text = teller([job.case for job in prepared.plan.jobs])
    handle = ipython.display.display(_Line(prepared.suite.name), display_id=True)

    def show(step: Progress) -> None:
        handle.update(_Line(foreign.plain(progress_line(step, text))))

    return show


class _Line:
    """A text that a notebook shows as it is, without quotes."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text
