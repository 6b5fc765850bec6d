"""Networks whose accuracy is to be measured are trained before any is visited: case by case, one training after the other."""

import dataclasses
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from ..analysis.sample_statistics import complete
from ..core.record import Outcome
from ..core.spec import Case, Job
from ..core.visit_protocol import Asked
from ..launch.workers import Key
from .case_state import CaseState, Stay
from .ports import Worker, WorkerPool

KeyOf = Callable[[Job], tuple[Key, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A training of a case is about to begin, the how manyth of how many; all zeros: the case has had its last one."""

    standing: CaseState
    job: Job
    number: int = 0
    count: int = 0


def train(
    cases: Sequence[CaseState], pool: WorkerPool, key_of: KeyOf, is_over: Callable[[bool], bool]
) -> Iterator[Lesson]:
    """Trains those that are not, in turn, and notes what each came to; cases that differ in nothing but their batch are trained once.

    `is_over`, of whether one is trained already, ends it: a case whose trainings are not all made stays as it was. One that fails has
    ended. Processes are shared, and gone at the end.
    """
    known: dict[Case, Outcome] = {}
    workers: dict[Key, Worker] = {}
    try:
        for case in cases:
            if not case.is_untrained:
                continue
            job = case.training_job()
            network = dataclasses.replace(job.case, batch_size=1)
            if network not in known:
                outcome = yield from _trained(
                    case, job, lambda job=job: _worker(workers, pool, key_of(job)[0]), is_over, known
                )
                if outcome is None:
                    return
                known[network] = outcome
            case.trained = Stay(job=job, opened=dataclasses.replace(known[network], job_id=job.job_id), is_open=False)
            if case.trained.opened.status != "ok":
                case.ended = case.trained.opened
            yield Lesson(standing=case, job=job)
    finally:
        for worker in workers.values():
            worker.close()


def _worker(workers: dict[Key, Worker], pool: WorkerPool, key: Key) -> Worker:
    """The process for trainings of a kind; another where it is gone."""
    if key not in workers or workers[key].is_gone:
        workers[key] = pool.start(key)
    return workers[key]


def _trained(
    case_state: CaseState,
    job: Job,
    worker: Callable[[], Worker],
    is_over: Callable[[bool], bool],
    known: dict[Case, Outcome],
) -> Generator[Lesson, None, Outcome | None]:
    """What all trainings of a case come to, or the first that fails; None where it is over before they are made."""
    outcomes: list[Outcome] = []
    for number in range(job.seeds):
        if is_over(bool(known)):
            return None
        yield Lesson(standing=case_state, job=job, number=number + 1, count=job.seeds)
        asked = Asked(what="train", job_id=job.job_id, job=job, seed=job.sampling.seed + number)
        outcome = worker().ask(asked, job).outcome
        assert outcome is not None
        if outcome.status != "ok":
            return outcome
        outcomes.append(outcome)
    return joined(outcomes)


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Of single trainings one outcome, whose measurement has the accuracy of each as a sample."""
    measured = [outcome.measurements[0] for outcome in outcomes]
    count = f"{len(measured)} training{'' if len(measured) == 1 else 's'}"
    whole = dataclasses.replace(
        measured[0],
        samples=tuple(sample for measurement in measured for sample in measurement.samples),
        source=f"{measured[0].source}, {count}",
    )
    return dataclasses.replace(outcomes[0], measurements=(complete(whole),))
