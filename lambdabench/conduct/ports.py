"""What starts and is the processes that hold open cases, as conducting sees them."""

from collections.abc import Callable
from typing import Protocol

from ..core.spec import Job
from ..core.visit_protocol import Answered, Asked
from ..launch.workers import Key


class Worker(Protocol):
    """A process that holds open cases."""

    is_gone: bool

    def ask(self, asked: Asked, job: Job) -> Answered: ...

    def close(self) -> None: ...


class WorkerPool(Protocol):
    """What starts processes."""

    def start(self, key: Key) -> Worker: ...


class Settle(Protocol):
    """What waits for other programs to leave the processors that a job wants, until something `is_over`."""

    def __call__(self, job: Job, is_over: Callable[[], bool]) -> bool:
        """Whether they are free now."""
        ...

    def spend(self, seconds: float) -> None:
        """Takes note of a visit that was made again."""
        ...
