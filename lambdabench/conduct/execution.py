"""A plan carried out: visits to rows on disk, until all have been made, time is out, or somebody wants an end."""

import contextlib
import signal
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from types import FrameType

from ..core.record import Record
from ..core.spec import Job
from ..launch.workers import WorkerPool
from .ledger import Ledger
from .rounds import RunSetup, Turn, follow

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A turn, and how far the run is."""

    turn: Turn
    visits: int
    """Made so far."""
    total: int
    """As many as are planned, as far as it is known by now."""
    records: Callable[[], tuple[Record, ...]]
    """All rows so far."""


class Stop:
    """Whether an end is wanted, and by which signal. The first one ends a run after the visit in flight, the second at once."""

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self) -> bool:
        return bool(self.signal)

    @contextlib.contextmanager
    def listening(self) -> Generator[None]:
        """Signals are heard as long as this lasts, but those that are ignored here (nohup, a job in the background); in a thread that is
        not the program's first one Python hears none."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heard = [entry for entry in SIGNALS if signal.getsignal(entry) not in (signal.SIG_IGN, None)]
        before = {entry: signal.signal(entry, self._hear) for entry in heard}
        try:
            yield
        finally:
            for item, handler in before.items():
                signal.signal(item, handler)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number


def perform(
    jobs: tuple[Job, ...],
    setup: Callable[[WorkerPool], RunSetup],
    ledger: Ledger,
    stop: Stop,
    on_progress: Callable[[Progress], None],
) -> None:
    """Follows the jobs, keeps their rows, and tells of each turn. What was found is written whatever ends it."""
    visits, totals = 0, {job.case_id: job.sampling.rounds for job in jobs}
    try:
        with stop.listening(), WorkerPool() as pool:
            score = replace(setup(pool), is_stopped=stop)
            for turn in follow(jobs, score):
                ledger.take(turn)
                visits += turn.visit is not None
                case = turn.standing
                if case.ended is not None:
                    totals[case.job.case_id] = case.visited
                elif case.schedule is not None:
                    totals[case.job.case_id] = case.visited if turn.lacking else case.schedule.rounds
                on_progress(Progress(turn=turn, visits=visits, total=sum(totals.values()), records=ledger.records))
    finally:
        ledger.write()
