"""Generations, heats, rounds, visits: who is opened, who is visited next, and when it ends."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from ..core.record import Outcome, Visit
from ..core.row_flags import HALVED, KILLED
from ..core.spec import Job, halves
from ..core.visit_protocol import Asked
from ..launch.exit_outcomes import outcome_of
from ..launch.workers import Key
from ..machine import quiet
from ..plan.budget import least_s
from ..turns import in_turn
from .case_state import CaseState, Stay
from .idle_wait import REPEATS
from .ports import Settle, Worker, WorkerPool
from .process_sharing import key_of
from .training import train

ROOM = 1.5
"""A case is opened beside others where so many times its estimate of memory is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Something happened: a case is about to be trained (`training`) or opened (`opening`), was trained, opened, visited, closed, or has
    ended without an answer."""

    standing: CaseState
    job: Job
    """Of the process in question."""
    opening: bool = False
    training: tuple[int, int] = (0, 0)
    """Which of its trainings begins, of how many."""
    visit: Visit | None = None
    ended: Outcome | None = None
    """Why it is not visited again."""
    round: int = 0
    left_s: float = 0.0
    lacking: str = ""
    """What more rounds are made for than were planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """More rounds than were planned, in further generations of processes, until nothing is `lacking` or it is `end_s`. `more`: cases of
    earlier runs, in a further process."""

    end_s: float
    lacking: Callable[[], str]
    more: Sequence[Job] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Cases that are chosen while the run goes, by what it has found: `following` says which jobs are visited together next, given where
    all cases stand, and none at the end; `purpose` what for."""

    following: Callable[[Sequence[CaseState]], Sequence[Job]]
    purpose: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSetup:
    """What following a plan takes beside its jobs: a pool, how cases share processes, and the rules."""

    pool: WorkerPool
    half_of: Callable[[Job], Job]
    key_of: Callable[[Job], tuple[Key, object]] = key_of
    """(What kind of process a job wants, what the jobs that share one have in common)."""
    seed: int = 0
    first_round: int = 0
    end_s: float = float("inf")
    aim_s: float = float("inf")
    """When it is to be over, by making fewer rounds, but one in each generation."""
    clock: Callable[[], float] = time.monotonic
    is_stopped: Callable[[], bool] = lambda: False
    """Whether somebody wants it to end."""
    free_bytes: Callable[[str], int] = lambda device: 0
    """What is free on a device now; 0 where it is not known."""
    retries: bool = True
    """Whether a case that failed for want of others' room is tried again. Several hosts, which must do alike, try nothing again."""
    spare: Sequence[Job] = ()
    """Cases that there seemed to be no time for, in the order in which they are begun where there is."""
    reference: str = ""
    """The case id that is in every heat, by which heats can be held against each other."""
    patience: Patience | None = None
    choice: Choice | None = None
    settle: Settle | None = None
    """Where it is there, openings wait for a free machine, and visits that others disturbed are made again once it is free."""


def follow(jobs: Sequence[Job], setup: RunSetup) -> Generator[Turn]:
    """Trains, opens, visits and closes the `jobs` until each has had its visits, or time is out: then every case that was opened has
    one visit at least. Closing the iterator ends it at once; what its processes held is the pool's to end."""
    run = _Run(jobs, setup)
    yield from run.train(run.standings)
    generations = max((job.sampling.processes for job in jobs), default=0)
    for generation in range(generations):
        run.begin(generation, generations)
        ready = [standing for standing in run.standings if standing.ended is None and not standing.is_untrained]
        yield from run.play([state for state in ready if state.share(generation)], generation)
    while spare := run.take_spare():
        yield from run.train(spare)
        yield from run.play([state for state in spare if state.ended is None and not state.is_untrained], 0)
    if setup.choice is not None:
        yield from run.choose(setup.choice)
    if setup.patience is not None:
        yield from run.go_on(setup.patience)
    yield from run.left_out()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """An open case, and the process that holds it."""

    case: CaseState
    stay: Stay
    worker: Worker


class _Run:
    """The state of one run: its cases, and those that come in while it goes."""

    def __init__(self, jobs: Sequence[Job], setup: RunSetup) -> None:
        self._run_setup = setup
        self.standings = [CaseState(job=job) for job in jobs]
        self._again: list[CaseState] = []
        self._spare = list(setup.spare)
        self._reference = next(
            (standing for standing in self.standings if standing.job.case_id == setup.reference), None
        )
        self._round = setup.first_round
        self._end_s, self._share_s = setup.end_s, float("inf")
        self._lacking = ""

    def train(self, cases: Sequence[CaseState]) -> Iterator[Turn]:
        """What is trained before it is opened: one case at least, as long as there is time others too."""

        def is_over(anything: bool) -> bool:
            return self._is_over(anything=anything or any(standing.trained for standing in self.standings))

        for lesson in train(cases, self._run_setup.pool, self._run_setup.key_of, is_over):
            state, count = lesson.standing, (lesson.number, lesson.count)
            yield Turn(standing=state, job=lesson.job, training=count, ended=state.ended)

    def begin(self, generation: int, generations: int) -> None:
        """A generation begins, which has its share of the time that is left."""
        now_s = self._run_setup.clock()
        self._share_s = now_s + (min(self._end_s, self._run_setup.aim_s) - now_s) / (generations - generation)

    def play(self, waiting: Sequence[CaseState], generation: int) -> Iterator[Turn]:
        """The heats of a generation, with those that come in."""
        left = list(waiting)
        while left and not self._is_over(anything=any(standing.visited for standing in self.standings)):
            heat, left = self._next_heat(left, generation)
            yield from heat
            left += [state for state in self._again if state.ended is None]
            self._again = []

    def take_spare(self) -> list[CaseState]:
        """Cases that the time left suffices for after all, as far as estimates tell."""
        left_s, states = self._end_s - self._run_setup.clock(), list[CaseState]()
        while self._spare and not self._is_over() and least_s(self._spare[0]) <= left_s:
            job = self._spare.pop(0)
            left_s -= least_s(job)
            states.append(CaseState(job=job))
        self.standings += states
        return states

    def go_on(self, patience: Patience) -> Iterator[Turn]:
        """Further generations of all that has a number, as long as there is time for a round of one."""
        further = [CaseState(job=job, is_further=True) for job in patience.more]
        self._end_s = self._share_s = min(self._end_s, patience.end_s)
        for generation in itertools.count(1):
            mine = [standing for standing in self.standings if standing.ended is None and standing.visited]
            mine += [state for state in further if state.ended is None]
            need_s = sum(state.job.open_s + _visit_s(state) for state in mine)
            if not mine or self._is_over() or self._run_setup.clock() + need_s > self._end_s:
                return
            self._lacking = patience.lacking()
            if not self._lacking:
                return
            yield from self.play(mine, -generation)

    def choose(self, choice: Choice) -> Iterator[Turn]:
        """Generations of chosen cases, each in a further process, as long as some are chosen and there is time."""
        for generation in itertools.count(1):
            if self._is_over() or not (jobs := choice.following(self.standings)):
                return
            self._lacking = choice.purpose()
            chosen = [self._state_of(job) for job in jobs]
            yield from self.play([case for case in chosen if case.ended is None], -generation)

    def _state_of(self, job: Job) -> CaseState:
        """Where a case stands, which may come in only now."""
        for case in self.standings:
            if case.job.case_id == job.case_id:
                return case
        self.standings.append(CaseState(job=job))
        return self.standings[-1]

    def left_out(self) -> Iterator[Turn]:
        """What there was no time for."""
        why = "the run was stopped" if self._run_setup.is_stopped() else "the budget was spent"
        for standing in self.standings:
            if standing.ended is None and not standing.visited and not standing.is_done:
                reason = f"{why} before its first visit; run again{'' if self._run_setup.is_stopped() else ', or with a larger --budget'}"
                standing.ended = outcome_of(standing.job, "skipped", reason)
                yield Turn(standing=standing, job=standing.job, ended=standing.ended)

    def _is_over(self, *, anything: bool = True) -> bool:
        """Whether somebody wants an end, or the time is out; it is not as long as there is not `anything`."""
        return self._run_setup.is_stopped() or (anything and self._run_setup.clock() >= self._end_s)

    def _next_heat(self, waiting: Sequence[CaseState], generation: int) -> tuple[Iterator[Turn], list[CaseState]]:
        """(What happens to the next cases that fit beside each other, those left). The reference is in every heat."""
        reference = self._reference
        is_in = reference is not None and reference.ended is None and not reference.is_alone
        together = [state for state in waiting if not state.is_alone and not (is_in and state is reference)]
        left = [state for state in waiting if state.is_alone]
        if not together and left:
            return self._heat(left[:1], [], generation), left[1:]
        first = [reference] if is_in and reference is not None else []
        return self._heat([*first, *together], left, generation), left

    def _heat(self, cases: Sequence[CaseState], left: list[CaseState], generation: int) -> Iterator[Turn]:
        """Opens what fits (what does not is added to `left`), then its rounds, then closes."""
        workers: dict[object, Worker] = {}
        held: list[_Held] = []
        try:
            for number, state in enumerate(cases):
                if self._run_setup.is_stopped():
                    return
                if held and self._has_no_time(held, state):
                    break
                if held and not self._fits(state):
                    if all(each.case is self._reference for each in held):  # and beside it alone not either
                        state.is_alone = True
                        left.append(state)
                        continue
                    left += cases[number:]
                    break
                job = state.next_job()
                yield Turn(standing=state, job=job, opening=True, round=self._round, lacking=self._lacking)
                if (entry := self._open(state, job, workers, held)) is not None:
                    held.append(entry)
                yield Turn(standing=state, job=job, ended=state.ended)
            yield from self._rounds(held, generation)
            yield from self._close(held)
        finally:
            for worker in workers.values():
                worker.close()
        self._again += [
            item.case for item in held if item.stay.is_open and item.worker.is_gone and item.case.ended is None
        ]

    def _has_no_time(self, held: Sequence[_Held], state: CaseState) -> bool:
        """Whether opening another case would leave those that are open without a visit."""
        round_s = sum(_visit_s(each.case) for each in held) + max(_visit_s(state), state.job.open_s)
        return self._run_setup.clock() + round_s >= self._end_s

    def _open(self, state: CaseState, job: Job, workers: dict[object, Worker], held: Sequence[_Held]) -> _Held | None:
        setup = self._run_setup
        if setup.settle is not None:
            setup.settle(job, self._is_over)
        key, shared = setup.key_of(job)
        worker = workers.get(shared)
        if worker is None or worker.is_gone:
            worker = workers[shared] = setup.pool.start(key)
        answered = worker.ask(
            Asked(what="open", job_id=job.job_id, job=job, is_first=not (state.stays or job.replicate)), job
        )
        outcome = answered.outcome
        assert outcome is not None
        if outcome.status != "ok":
            self._fail(state, outcome, beside=bool(held))
            if all(worker is not other.worker for other in held):
                worker.close()  # with what the failure left in its memory
                del workers[shared]
            return None
        state.see(answered.step_s)
        stay = Stay(job=job, opened=outcome)
        state.stays.append(stay)
        return _Held(case=state, stay=stay, worker=worker)

    def _rounds(self, held: Sequence[_Held], generation: int) -> Iterator[Turn]:
        """The rounds of a generation: each visits every case that still wants one, in random turn. The reference is in those of every
        heat."""
        before = {
            id(item.stay): 0 if item.case is self._reference else item.case.made.get(generation, 0) for item in held
        }
        for count in itertools.count():
            mine = [entry for entry in held if entry.case.share(generation) > before[id(entry.stay)] + count]
            if not mine or (count and self._run_setup.clock() >= self._share_s):
                return
            self._round += 1
            for entry in in_turn(mine, self._run_setup.seed, self._round):
                state, stay, worker = entry.case, entry.stay, entry.worker
                if self._is_over(anything=bool(state.visited)):
                    continue
                if state.ended is None and stay.is_open and not worker.is_gone:
                    yield from self._visit(entry, generation, held)

    def _visit(self, entry: _Held, generation: int, held: Sequence[_Held]) -> Iterator[Turn]:
        """A visit, and again where others disturbed it and have gone."""
        state, stay, worker = entry.case, entry.stay, entry.worker
        for tries in range(1 + REPEATS):
            begun_s = self._run_setup.clock()
            answered = worker.ask(state.visit(stay, self._round), stay.job)
            if answered.visit is not None:
                state.note(stay, answered.visit, generation)
            elif answered.outcome is not None:
                stay.is_open = False
                self._fail(state, answered.outcome, beside=len(held) > 1)
            yield Turn(
                standing=state,
                job=stay.job,
                visit=answered.visit,
                ended=state.ended,
                round=self._round,
                left_s=self._left_s(held),
                lacking=self._lacking,
            )
            if tries and self._run_setup.settle is not None:
                self._run_setup.settle.spend(self._run_setup.clock() - begun_s)
            if answered.visit is None or not self._is_worth_repeating(answered.visit, stay.job):
                return

    def _is_worth_repeating(self, visit: Visit, job: Job) -> bool:
        """Whether others disturbed a visit, and have gone."""
        settle = self._run_setup.settle
        if settle is None or not quiet.is_disturbed(visit) or self._is_over():
            return False
        return settle(job, self._is_over) and not self._is_over()

    def _close(self, held: Sequence[_Held]) -> Iterator[Turn]:
        """Reads back what was in force, which may end a case after all."""
        for entry in held:
            state, stay, worker = entry.case, entry.stay, entry.worker
            if state.ended is not None or not stay.is_open or worker.is_gone:
                continue
            outcome = worker.ask(Asked(what="close", job_id=stay.job.job_id), stay.job).outcome
            assert outcome is not None
            stay.is_open = False
            if outcome.status == "ok":
                stay.opened = dataclasses.replace(outcome, measurements=stay.opened.measurements)
            else:
                self._fail(state, outcome, beside=len(held) > 1)
            yield Turn(standing=state, job=stay.job, ended=state.ended, round=self._round)

    def _fits(self, state: CaseState) -> bool:
        free_bytes = self._run_setup.free_bytes(state.job.case.device)
        return not free_bytes or state.job.estimate_bytes is None or ROOM * state.job.estimate_bytes < free_bytes

    def _fail(self, state: CaseState, outcome: Outcome, *, beside: bool) -> None:
        """What was killed from outside is tried once more; what did not fit beside others, beside fewer and then by itself; what does
        not fit at all, with half its batch where it may."""
        if KILLED in outcome.flags and not state.was_killed and self._run_setup.retries:
            state.was_killed = True
            self._again.append(state)
            return
        if outcome.status == "oom" and beside and not state.is_alone and self._run_setup.retries:
            state.did_not_fit += 1
            state.is_alone = state.did_not_fit > 1
            self._again.append(state)
            return
        if outcome.status == "oom" and state.job.fit == "halve" and halves(state.job.case):
            outcome = dataclasses.replace(outcome, flags=(*outcome.flags, HALVED))
            half = CaseState(job=self._run_setup.half_of(state.job), trained=state.trained)
            self.standings.append(half)
            self._again.append(half)
        state.ended = outcome

    def _left_s(self, held: Sequence[_Held]) -> float:
        """Seconds of the visits that are left, of those whose length is known."""
        return sum(
            max(0, state.schedule.rounds - state.visited) * _visit_s(state)
            for state in (entry.case for entry in held)
            if state.schedule is not None and state.ended is None
        )


def _visit_s(state: CaseState) -> float:
    """Seconds of a visit, as estimated before it was opened."""
    return state.job.visit_s if state.schedule is None else state.schedule.visit_s
