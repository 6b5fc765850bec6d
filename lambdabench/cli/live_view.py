"""What `run` shows while it measures: on a terminal one table that sharpens, elsewhere a line a round."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ..analysis.legible import legible
from ..commands import Prepared, Progress, cases_so_far
from ..conduct import Turn
from ..core import foreign
from ..core.record import TRAINED
from ..core.spec import Case
from ..core.units import format_duration, format_value
from . import terminal
from .case_labels import teller
from .case_table import case_table

Teller = Callable[[Case], str]
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
    elif not console.is_terminal:
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
            self._say(f"✗ {_name(turn.job.case, self._told)} {turn.ended.status}: {turn.ended.reason}")
        if _is_trained(turn):
            self._say(_now(step, self._told))
        if turn.visit is not None and turn.round != self._round:
            self._round = turn.round
            self._say(_now(step, self._told))

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
        self._live.update(Group(self._table, Text(foreign.plain(_now(step, self._told)))), refresh=True)


def _now(step: Progress, text: Teller) -> str:
    turn = step.turn
    name = _name(turn.job.case, text)
    visits = (
        f"{step.visits} visits · going on: {turn.lacking}" if turn.lacking else f"{step.visits}/{step.total} visits"
    )
    if turn.training[0]:
        return f"training {name}, {turn.training[0]} of {turn.training[1]}"
    if _is_trained(turn):
        return f"trained {name}{_accuracy(turn)}"
    if turn.opening:
        process = f", process {turn.job.replicate + 1}" if turn.job.replicate else ""
        return f"{visits} · opening {name}{process}"
    left = f" · about {format_duration(turn.left_s)} left" if turn.left_s and not turn.lacking else ""
    return f"{visits} · round {turn.round} · {name}{left}"


def _is_trained(turn: Turn) -> bool:
    """Whether a case has just had the last of its trainings."""
    return turn.job.replicate == TRAINED and not turn.training[0] and turn.ended is None


def _accuracy(turn: Turn) -> str:
    """What its trainings came to."""
    trained = turn.standing.trained
    functions = () if trained is None else trained.opened.measurements
    return "".join(
        f": top-1 {format_value(measurement.value, measurement.unit, measurement.low, measurement.high)}"
        for measurement in functions
    )


def _name(case: Case, text: Teller) -> str:
    return f"{case.model} b={case.batch_size}{text(case)}"
