"""How a run takes its time: cases are opened in fresh processes, visited in random turn, round after round, and closed.

`follow` decides what is visited next; `told` says what a case's visits in one process come to.
"""

from ..launch.hands import forks
from .ledger import Ledger, outcomes_of
from .performing import Progress, Stop, perform
from .rounds import Choice, Crew, Orchestra, Patience, Turn, follow
from .settling import Settling, allowance
from .told import told

__all__ = [
    "Choice",
    "Crew",
    "Ledger",
    "Orchestra",
    "Patience",
    "Progress",
    "Settling",
    "Stop",
    "Turn",
    "allowance",
    "follow",
    "forks",
    "outcomes_of",
    "perform",
    "told",
]
