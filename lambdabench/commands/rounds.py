"""A plan's jobs one after the other: halved where they do not fit, chosen anew after each until the budget is spent."""

import dataclasses
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import launch, plan
from ..analysis import budget
from ..analysis.budget import Setting
from ..core.record import Outcome
from ..core.spec import HALVED, Job, Options, Plan, Value, halves

MOST_SHARE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A job that begins, goes on (`outcome` None, `seconds` since it began) or ends; `total` counts halved ones too, `seconds` are those
    of the job itself."""

    job: Job
    outcome: Outcome | None
    done: int
    total: int
    left_s: float
    seconds: float = 0.0

    @property
    def share(self) -> float:
        """How much of a job that goes on is done, by its estimate; never all of it."""
        if self.outcome is not None or not self.job.estimate_s:
            return 0.0
        return min(self.seconds / self.job.estimate_s, MOST_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """How the plan's estimates came out. Jobs that failed say nothing of them."""

    jobs: int = 0
    within_time: int = 0
    """Jobs whose seconds were within a factor of two of the estimate."""
    sized: int = 0
    within_memory: int = 0
    """Of the `sized` jobs with an estimate of memory, those whose peak was within a factor of two of it."""


def foretold(steps: Iterable[Step]) -> Foretold:
    """Compares what finished jobs took with what was estimated."""
    times: list[float] = []
    sizes: list[float] = []
    for step in steps:
        if step.outcome is None or not step.outcome.measurements:
            continue
        if step.job.estimate_s:
            times.append(step.seconds / step.job.estimate_s)
        peak = next((one.value for one in step.outcome.measurements if one.metric == "peak_memory"), None)
        if peak and step.job.estimate_bytes:
            sizes.append(peak / step.job.estimate_bytes)
    near = [[0.5 <= one <= 2.0 for one in found] for found in (times, sizes)]
    return Foretold(jobs=len(times), within_time=sum(near[0]), sized=len(sizes), within_memory=sum(near[1]))


@dataclass(slots=True, kw_only=True)
class _Rest:
    """What is still to be run, and what was learnt from what has been."""

    waiting: list[Job]
    spare: list[Job]
    measured: set[Setting]
    smaller: list[Job] = dataclasses.field(default_factory=list[Job])
    """Halved ones, which come after all others."""
    taken: list[tuple[float, float]] = dataclasses.field(default_factory=list[tuple[float, float]])
    had: Counter[str] = dataclasses.field(default_factory=Counter[str])
    """Jobs of each model that are done."""
    running: tuple[object, ...] | None = None
    done: int = 0

    def step(self, job: Job, outcome: Outcome | None, seconds: float) -> Step:
        """What is said of a job now."""
        left_s = budget.total_s(self.waiting) - (0.0 if outcome else min(seconds, job.estimate_s or 0.0))
        total = self.done + len(self.waiting) + len(self.smaller)
        return Step(job=job, outcome=outcome, done=self.done, total=total, left_s=max(0.0, left_s), seconds=seconds)

    def finish(self, job: Job, outcome: Outcome, seconds: float, reference: Options) -> None:
        """Takes a job out, and notes what it took."""
        self.waiting = [one for one in self.waiting if one.job_id != job.job_id]
        self.done += 1
        self.had[job.case.model] += 1
        start_s = 0.0 if self.running == budget.worker_key(job) else budget.PROCESS_START_S
        self.running = budget.worker_key(job)
        if outcome.measurements and job.estimate_s:
            self.taken.append((job.estimate_s + start_s, seconds))
            if budget.is_reference(job.case, reference):
                self.measured.add(budget.setting(job.case))

    def plan_anew(self, left_s: float, reference: Options) -> None:
        """Chooses again what there is time for, by what jobs took so far; the process that is there goes on where it may."""
        waiting = [*self.waiting, *self.smaller]
        self.waiting, self.spare, _ = budget.within(
            [*waiting, *self.spare],
            left_s,
            reference=reference,
            measured=self.measured,
            pace=budget.pace_of(self.taken),
            running=self.running,
            had=self.had,
            least=0,
        )
        self.smaller = []


def follow(
    planned: Plan,
    defaults: Mapping[str, Mapping[str, Value]],
    *,
    jobs_per_worker: int,
    spent_s: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Step]:
    """Runs the jobs of a plan. One that is out of memory and may be halved runs again, after all others, with half its batch.

    Where there is a budget, of which `spent_s` is gone, what there is time for is chosen anew after each job, jobs that the plan left
    out among them, and none begins that would end after it by what those before took; planned ones that are left have the outcome
    `skipped`. `defaults` are the options' identity defaults.
    """
    end_s = None if planned.budget_s is None else clock() + planned.budget_s - spent_s
    rest = _Rest(waiting=list(planned.jobs), spare=list(planned.spare), measured=set(planned.measured))
    promised = {job.job_id: job for job in planned.jobs}
    while rest.waiting or rest.smaller:
        if not rest.waiting:
            rest.waiting, rest.smaller = rest.smaller, []
        group = rest.waiting if end_s is None else _first_group(rest.waiting)
        events = launch.run(group, jobs_per_worker=jobs_per_worker)
        for event in events:
            if not isinstance(event, launch.Finished):
                yield rest.step(event.job, None, event.seconds if isinstance(event, launch.Running) else 0.0)
                continue
            job, outcome = event.job, event.outcome
            rest.finish(job, outcome, event.seconds, planned.reference)
            promised.pop(job.job_id, None)
            if _is_halved(job, outcome):
                outcome = dataclasses.replace(outcome, flags=(*outcome.flags, HALVED))
                smaller = plan.halved(job, plan.defaults_of(job.case, defaults))
                rest.smaller.append(smaller)
                promised[smaller.job_id] = smaller
            following = group[1 + group.index(job) :]
            if end_s is not None:
                left_s = end_s - clock()
                rest.plan_anew(left_s, planned.reference)
            yield rest.step(job, outcome, event.seconds)
            if end_s is not None and {*rest.waiting[: len(following)]} != {*following}:
                events.close()
                break
    yield from _left_out(list(promised.values()), planned.budget_s or 0.0, rest.done)


def as_run(planned: Plan, steps: Iterable[Step]) -> Plan:
    """The plan as it was carried out: jobs that it had left out and that were run all the same are its jobs."""
    ran = {step.job.job_id for step in steps if step.outcome is not None}
    late = tuple(job for job in planned.spare if job.job_id in ran)
    if not late:
        return planned
    spare = tuple(job for job in planned.spare if job.job_id not in ran)
    taken_in = {(job.case_id, job.replicate) for job in late}
    return dataclasses.replace(
        planned,
        jobs=(*planned.jobs, *late),
        spare=spare,
        skips=tuple(one for one in planned.skips if (one.case_id, one.replicate) not in taken_in),
        left_out_s=budget.total_s(spare),
    )


def _first_group(jobs: Sequence[Job]) -> list[Job]:
    """The jobs of the first process."""
    return list(next(itertools.groupby(jobs, key=budget.worker_key))[1])


def _left_out(jobs: Sequence[Job], budget_s: float, done: int) -> Iterator[Step]:
    """What the budget has no time for although the estimate had."""
    for place, job in enumerate(jobs, start=1):
        reason = (
            f"the budget of {budget_s:g} s was spent before it began, or had no time left for the {job.estimate_s or 0.0:.0f} s that it "
            "may take; run again, or with a larger --budget"
        )
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        outcome = Outcome(job_id=job.job_id, status="skipped", reason=reason, started_at=now, weights="")
        yield Step(job=job, outcome=outcome, done=done + place, total=done + len(jobs), left_s=0.0)


def _is_halved(job: Job, outcome: Outcome) -> bool:
    """Whether a job that did not fit is tried again with half its batch."""
    return job.fit == "halve" and outcome.status == "oom" and halves(job.case)
