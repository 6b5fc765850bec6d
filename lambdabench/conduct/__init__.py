"""How a run takes its time: cases are opened in fresh processes, visited in random turn, round after round, and closed.

`follow` decides what is visited next; `visited_outcome` says what a case's visits in one process come to.
"""

from ..launch.workers import forks
from .execution import Progress, Stop, perform
from .idle_wait import Settling, allowance
from .ledger import Ledger, outcomes_of
from .outcomes import visited_outcome
from .rounds import Patience, RunSetup, Turn, WorkerPool, follow

__all__ = [
    "Ledger",
    "Patience",
    "Progress",
    "RunSetup",
    "Settling",
    "Stop",
    "Turn",
    "WorkerPool",
    "allowance",
    "follow",
    "forks",
    "outcomes_of",
    "perform",
    "visited_outcome",
]
