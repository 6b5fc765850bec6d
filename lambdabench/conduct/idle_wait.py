"""Waiting for other programs: a visit that one of them disturbed is worth making again once it has gone, and not before."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..core.spec import Job
from ..machine import host, quiet

REPEATS = 2
"""How often a visit is made again at most."""
POLL_S = 0.05
"""Of looking whether processors are free; ticks last 10 ms."""
LONGEST_S = 10.0
"""A wait. Each one in vain halves the next, since a program that has run for so long will go on; one that was not makes it whole."""
LEAST_S = 1.0
"""A shorter wait is but a look."""
FREE = 0.85
"""Share of the processors which a case wants that must be free."""
SHARE = 0.5
"""Of the seconds that a run is to take: so much longer may it take for the sake of what others disturb. A call that they disturb takes
up to fifty times as long, so waiting costs less than going on."""
LEAST_ALLOWANCE_S = 30.0


def allowance(seconds: float) -> float:
    """Seconds that a run of so many may take on top for waiting and for visits that are made again."""
    return max(LEAST_ALLOWANCE_S, SHARE * seconds)


def free_now(cores: int) -> float | None:
    """How many of the processors that may be used nobody uses now."""
    before = quiet.take_snapshot()
    time.sleep(POLL_S)
    return quiet.free_cores(before, quiet.take_snapshot(), cores)


@dataclass(slots=True, kw_only=True)
class Settling:
    """Waits until the processors that a case wants are free, as long as the allowance and hope last."""

    allowance_s: float
    cores: int = field(default_factory=host.usable_cores)
    free: Callable[[int], float | None] = free_now
    clock: Callable[[], float] = time.monotonic
    longest_s: float = LONGEST_S

    def __call__(self, job: Job, is_over: Callable[[], bool]) -> bool:
        """Whether they are free; of a scripted device, and where nothing counts what is free, nothing is waited for."""
        if job.case.device == "fake" or self.allowance_s <= 0:
            return False
        wanted, begun_s = FREE * min(job.case.threads or 1, self.cores), self.clock()
        most_s = min(self.longest_s if self.longest_s >= LEAST_S else 0.0, self.allowance_s)
        while (free := self.free(self.cores)) is not None:
            waited_s = self.clock() - begun_s
            if free < wanted and waited_s < most_s and not is_over():
                continue
            if most_s > 0 and waited_s > 2 * POLL_S:
                self.allowance_s -= waited_s
            self.longest_s = LONGEST_S if free >= wanted else self.longest_s / 2
            return free >= wanted
        return False

    def spend(self, seconds: float) -> None:
        """Takes what a visit that was made again took off the allowance."""
        self.allowance_s -= seconds
