"""What passes between a conductor and a worker that holds open cases: open, visit, close, and what comes back of each; train, before any
of them."""

from dataclasses import dataclass
from typing import Literal

from .record import Outcome, Visit
from .spec import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a visit is. `cold_s` seconds of calls at its start, whose caches other cases emptied, stand apart, of which the first
    `most` are kept; then calls for `timed_s`, at least `least` and at most `most` of them."""

    timed_s: float
    cold_s: float
    least: int
    most: int
    loads: tuple[str, ...] = ()
    """Loads under which requests arrive after that, as `core.loads` has them."""
    load_s: float = 0.0
    """Seconds in which they arrive, of each load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request of a worker. `job` when a case is opened or trained, `round`, `length` and `rates` when it is visited, `seed` when
    trained."""

    what: Literal["open", "visit", "close", "train"]
    job_id: str
    job: Job | None = None
    is_first: bool = True
    """Whether memory and counts are wanted too, which do not change from process to process."""
    round: int = 0
    length: Length | None = None
    rates: tuple[float, ...] = ()
    """Arrivals a second of each load of `length`; empty as long as the case's own timed calls are to tell."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a worker says. A failure is an `outcome` with another status than ok; of a case that was opened or closed it holds what is
    known without timing. `step_s`: seconds of a warm call; `free_bytes`: of a case that was opened, what its device has left, 0 where
    nobody tells."""

    outcome: Outcome | None = None
    visit: Visit | None = None
    step_s: float = 0.0
    free_bytes: int = 0
