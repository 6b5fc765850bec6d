"""Networks whose accuracy is to be measured are trained before any is visited: case by case, one training after the other."""

import dataclasses
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from ..analysis.completed import complete
from ..core.record import Outcome
from ..core.spec import Case, Job
from ..core.visits import Asked
from ..launch.hands import Key
from .crew import Crew, Hand
from .standing import Standing, Stay

KeyOf = Callable[[Job], tuple[Key, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A training of a case is about to begin, the how manyth of how many; all zeros: the case has had its last one."""

    standing: Standing
    job: Job
    number: int = 0
    count: int = 0


def train(cases: Sequence[Standing], crew: Crew, key_of: KeyOf, is_over: Callable[[bool], bool]) -> Iterator[Lesson]:
    """Trains those that are not, in turn, and notes what each came to; cases that differ in nothing but their batch are trained once.

    `is_over`, of whether one is trained already, ends it: a case whose trainings are not all made stays as it was. One that fails has
    ended. Processes are shared, and gone at the end.
    """
    known: dict[Case, Outcome] = {}
    hands: dict[Key, Hand] = {}
    try:
        for one in cases:
            if not one.is_untrained:
                continue
            job = one.training_job()
            network = dataclasses.replace(job.case, batch_size=1)
            if network not in known:
                outcome = yield from _trained(
                    one, job, lambda job=job: _hand(hands, crew, key_of(job)[0]), is_over, known
                )
                if outcome is None:
                    return
                known[network] = outcome
            one.trained = Stay(job=job, opened=dataclasses.replace(known[network], job_id=job.job_id), is_open=False)
            if one.trained.opened.status != "ok":
                one.ended = one.trained.opened
            yield Lesson(standing=one, job=job)
    finally:
        for hand in hands.values():
            hand.close()


def _hand(hands: dict[Key, Hand], crew: Crew, key: Key) -> Hand:
    """The process for trainings of a kind; another where it is gone."""
    if key not in hands or hands[key].is_gone:
        hands[key] = crew.start(key)
    return hands[key]


def _trained(
    one: Standing, job: Job, hand: Callable[[], Hand], is_over: Callable[[bool], bool], known: dict[Case, Outcome]
) -> Generator[Lesson, None, Outcome | None]:
    """What all trainings of a case come to, or the first that fails; None where it is over before they are made."""
    found: list[Outcome] = []
    for number in range(job.seeds):
        if is_over(bool(known)):
            return None
        yield Lesson(standing=one, job=job, number=number + 1, count=job.seeds)
        asked = Asked(what="train", job_id=job.job_id, job=job, seed=job.sampling.seed + number)
        outcome = hand().ask(asked, job).outcome
        assert outcome is not None
        if outcome.status != "ok":
            return outcome
        found.append(outcome)
    return joined(found)


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Of single trainings one outcome, whose measurement has the accuracy of each as a sample."""
    measured = [one.measurements[0] for one in outcomes]
    count = f"{len(measured)} training{'' if len(measured) == 1 else 's'}"
    whole = dataclasses.replace(
        measured[0],
        samples=tuple(sample for one in measured for sample in one.samples),
        source=f"{measured[0].source}, {count}",
    )
    return dataclasses.replace(outcomes[0], measurements=(complete(whole),))
