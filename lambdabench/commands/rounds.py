"""A plan's jobs one after the other: halved where they do not fit, until the budget is spent."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import launch, plan
from ..core.record import Outcome
from ..core.spec import HALVED, Job, Plan, Value, halves


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A job that begins (`outcome` None) or ends; `total` counts halved ones too, `seconds` are those of the job itself."""

    job: Job
    outcome: Outcome | None
    done: int
    total: int
    left_s: float
    seconds: float = 0.0


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


def follow(
    planned: Plan,
    defaults: Mapping[str, Mapping[str, Value]],
    *,
    jobs_per_worker: int,
    spent_s: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Step]:
    """Runs the jobs of a plan. One that is out of memory and may be halved runs again, after all others, with half its batch.

    No job begins after the plan's budget, of which `spent_s` is gone; those left have the outcome `skipped`. `defaults` are the options'
    identity defaults.
    """
    end_s = float("inf") if planned.budget_s is None else clock() + planned.budget_s - spent_s
    waiting, done, left_s = list(planned.jobs), 0, planned.estimate_s
    while waiting:
        jobs, smaller, here = waiting, list[Job](), 0
        events = launch.run(jobs, jobs_per_worker=jobs_per_worker)
        for event in events:
            outcome, seconds = None, 0.0
            if isinstance(event, launch.Finished):
                outcome, seconds, here = event.outcome, event.seconds, here + 1
                left_s -= (event.job.estimate_s or 0.0) + plan.PROCESS_START_S * _is_last_of_worker(jobs, here)
                if _is_halved(event.job, outcome):
                    outcome = dataclasses.replace(outcome, flags=(*outcome.flags, HALVED))
                    smaller.append(plan.halved(event.job, plan.defaults_of(event.job.case, defaults)))
            yield Step(
                job=event.job,
                outcome=outcome,
                done=done + here,
                total=done + len(jobs) + len(smaller),
                left_s=max(0.0, left_s),
                seconds=seconds,
            )
            if outcome is not None and clock() >= end_s:
                events.close()
                yield from _left_out([*jobs[here:], *smaller], planned.budget_s or 0.0, done + here)
                return
        waiting, done = smaller, done + here


def _left_out(jobs: Sequence[Job], budget_s: float, done: int) -> Iterator[Step]:
    """What the budget has no time for although the estimate had."""
    for place, job in enumerate(jobs, start=1):
        reason = f"the budget of {budget_s:g} s was spent before it began; run again, or with a larger --budget"
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        outcome = Outcome(job_id=job.job_id, status="skipped", reason=reason, started_at=now, weights="")
        yield Step(job=job, outcome=outcome, done=done + place, total=done + len(jobs), left_s=0.0)


def _is_halved(job: Job, outcome: Outcome) -> bool:
    """Whether a job that did not fit is tried again with half its batch."""
    return job.fit == "halve" and outcome.status == "oom" and halves(job.case)


def _is_last_of_worker(jobs: Sequence[Job], done: int) -> bool:
    return done >= len(jobs) or plan.worker_key(jobs[done]) != plan.worker_key(jobs[done - 1])
