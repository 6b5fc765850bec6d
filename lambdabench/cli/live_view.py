"""What `run` shows while it measures: on a terminal one table that sharpens, elsewhere a line a round."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ..analysis.legible import legible
from ..commands import Prepared, Progress, cases_so_far
from ..commands.progress_line import Teller, case_name, is_trained, progress_line, teller
from ..core import foreign
from . import terminal
from .case_table import case_table

REDRAW_S = 2.0
"""Between two tables: the machine is left alone while a visit runs, and making a table takes some of its time."""


@contextlib.contextmanager
def progress(prepared: Prepared, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """Says on standard error what runs now; nothing when `quiet`."""
    console = terminal.console(stderr=True)
    text = teller([job.case for job in prepared.plan.jobs])
    if prepared.plan.fallback:
        console.print(f"! {prepared.plan.fallback}")
    if quiet:
        yield lambda step: None
    elif not terminal.is_redrawn(console):
        yield _Lines(console, text).take
    else:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield _Table(prepared, console, live, text).take


class _Lines:
    """A line a round, and one for each case that ends without an answer."""

    def __init__(self, console: Console, text: Teller) -> None:
        self._console, self._round, self._told = console, 0, text
        self._ended: set[str] = set()

    def take(self, step: Progress) -> None:
        turn = step.turn
        if turn.ended is not None and turn.job.job_id not in self._ended:
            self._ended.add(turn.job.job_id)
            self._say(f"✗ {case_name(turn.job.case, self._told)} {turn.ended.status}: {turn.ended.reason}")
        if is_trained(turn):
            self._say(progress_line(step, self._told))
        if turn.visit is not None and turn.round != self._round:
            self._round = turn.round
            self._say(progress_line(step, self._told))

    def _say(self, text: str) -> None:
        self._console.print(foreign.plain(text), soft_wrap=True)


class _Table:
    """The closing table as it is so far, and under it what runs now."""

    def __init__(self, prepared: Prepared, console: Console, live: Live, text: Teller) -> None:
        self._prepared, self._console, self._live, self._told = prepared, console, live, text
        self._drawn_s, self._table = float("-inf"), Group()

    def take(self, step: Progress) -> None:
        now_s = time.monotonic()
        if step.turn.visit is not None and now_s - self._drawn_s > REDRAW_S:
            cases = legible(cases_so_far(self._prepared, step))
            if not cases.empty:
                self._table = Group(case_table(cases, self._console.width, self._prepared.suite.sampling.at), Text())
            self._drawn_s = now_s
        self._live.update(Group(self._table, Text(foreign.plain(progress_line(step, self._told)))), refresh=True)
