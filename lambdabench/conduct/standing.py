"""Where one case stands: what its processes said of it so far, and what it still wants."""

import dataclasses
from dataclasses import dataclass, field

from ..core.record import Outcome, Visit
from ..core.spec import Job
from ..turns import Schedule, shares


@dataclass(slots=True, kw_only=True)
class Stay:
    """A case in one process: what was found when it was opened, its visits, and how it ended if not well."""

    job: Job
    opened: Outcome
    visits: list[Visit] = field(default_factory=list[Visit])
    is_open: bool = True
    """Whether its process holds it still."""


@dataclass(slots=True, kw_only=True)
class Standing:
    """A case of the run. `job` is that of its first process; `ended` is why it is not visited again."""

    job: Job
    stays: list[Stay] = field(default_factory=list[Stay])
    schedule: Schedule | None = None
    ended: Outcome | None = None
    did_not_fit: int = 0
    """How often it was out of memory beside others."""
    is_alone: bool = False
    """It does not fit beside others, and is tried by itself."""
    was_killed: bool = False
    """A process of it was ended from outside."""
    made: dict[int, int] = field(default_factory=dict[int, int])
    """Visits by generation."""

    @property
    def visited(self) -> int:
        """Visits so far."""
        return sum(len(one.visits) for one in self.stays)

    @property
    def is_done(self) -> bool:
        """Whether it has had all the visits that it is to have."""
        return self.schedule is not None and self.visited >= self.schedule.rounds

    def next_job(self) -> Job:
        """The job of its next process."""
        replicate = self.job.replicate + len(self.stays)
        return dataclasses.replace(self.job, replicate=replicate, job_id=f"{self.job.case_id}-{replicate}")

    def share(self, generation: int) -> int:
        """How many rounds of a generation it takes part in; before it was opened once, as many as it may have."""
        processes = self.job.sampling.processes
        rounds = self.job.sampling.rounds if self.schedule is None else self.schedule.rounds
        wanted = shares(rounds, processes) if self.schedule is not None else (rounds,) * processes
        return wanted[generation] if generation < len(wanted) else 0
