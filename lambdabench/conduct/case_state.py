"""Where one case stands: what its processes said of it so far, and what it still wants."""

import dataclasses
from dataclasses import dataclass, field

from ..analysis.estimate import median
from ..core.record import TRAINED, Outcome, Visit
from ..core.spec import Job
from ..core.training import METRIC
from ..core.visit_protocol import Asked
from ..machine import quiet
from ..turns import Schedule, has_clocks, schedule, shares

FASTER = 0.8
"""A case is planned anew where its step takes so much of what was believed or less: it was opened while others had the CPU."""


@dataclass(slots=True, kw_only=True)
class Stay:
    """A case in one process: what was found when it was opened, its visits, and how it ended if not well."""

    job: Job
    opened: Outcome
    visits: list[Visit] = field(default_factory=list[Visit])
    is_open: bool = True
    """Whether its process holds it still."""


@dataclass(slots=True, kw_only=True)
class CaseState:
    """A case of the run. `job` is that of its first process; `ended` is why it is not visited again."""

    job: Job
    stays: list[Stay] = field(default_factory=list[Stay])
    trained: Stay | None = None
    """What its trainings came to, in a process of their own."""
    schedule: Schedule | None = None
    step_s: float = 0.0
    """Seconds of a step, of which the schedule was made."""
    ended: Outcome | None = None
    did_not_fit: int = 0
    """How often it was out of memory beside others."""
    is_alone: bool = False
    """It does not fit beside others, and is tried by itself."""
    is_further: bool = False
    """It had all its visits in an earlier run, and each that it has now is one more."""
    was_killed: bool = False
    """A process of it was ended from outside."""
    rates: tuple[float, ...] = ()
    """Arrivals a second of each load, as the first visit that nothing disturbed has them: fixed from then on."""
    made: dict[int, int] = field(default_factory=dict[int, int])
    """Rounds in which it was visited, by generation."""

    @property
    def is_untrained(self) -> bool:
        """Whether it is to be trained before it is visited."""
        return self.job.seeds > 0 and self.trained is None

    @property
    def visited(self) -> int:
        """Rounds in which it was visited so far: a visit that was made again counts once."""
        return sum(len({visit.round for visit in stay.visits}) for stay in self.stays)

    @property
    def is_done(self) -> bool:
        """Whether it has had all the visits that it is to have."""
        return self.schedule is not None and (self.is_further or self.visited >= self.schedule.rounds)

    def see(self, step_s: float) -> None:
        """Makes its schedule of the seconds of a step, and anew where these turn out to be far fewer."""
        if self.schedule is None or step_s < FASTER * self.step_s:
            self.step_s = step_s
            self.schedule = schedule(self.job.sampling, step_s, has_clocks=has_clocks(self.job.case.device))

    def note(self, stay: Stay, visit: Visit, generation: int) -> None:
        """Adds a visit, which counts once a round however often it was made."""
        self.made[generation] = self.made.get(generation, 0) + all(item.round != visit.round for item in stay.visits)
        stay.visits.append(visit)
        if not self.rates and not quiet.is_disturbed(visit):
            self.rates = tuple(served.rate for served in visit.served)
        self.see(median(visit.seconds))

    def visit(self, stay: Stay, round_: int) -> Asked:
        """What its process is asked in a round."""
        assert self.schedule is not None
        return Asked(what="visit", job_id=stay.job.job_id, round=round_, length=self.schedule.length, rates=self.rates)

    def training_job(self) -> Job:
        """The job of its trainings."""
        name = f"{self.job.case_id}-trained"
        return dataclasses.replace(self.job, replicate=TRAINED, job_id=name, metrics=(METRIC,))

    def next_job(self) -> Job:
        """The job of its next process."""
        replicate = self.job.replicate + len(self.stays)
        return dataclasses.replace(self.job, replicate=replicate, job_id=f"{self.job.case_id}-{replicate}")

    def share(self, generation: int) -> int:
        """How many rounds of a generation it takes part in; before it was opened once, as many as it may have. Generations beyond those
        that were planned are counted down from -1, and are as long as these."""
        processes = self.job.sampling.processes
        if generation < 0:
            return max(1, (self.job.sampling.rounds if self.schedule is None else self.schedule.rounds) // processes)
        if self.schedule is None:
            return self.job.sampling.rounds if generation < processes else 0
        wanted = shares(self.schedule.rounds, processes)
        if generation == len(wanted) - 1:  # with those that earlier ones had too few of, as they took it for slower
            missing = self.schedule.rounds - sum(count for number, count in self.made.items() if number != generation)
            return max(wanted[generation], missing)
        return wanted[generation] if generation < len(wanted) else 0
