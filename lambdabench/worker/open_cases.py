"""The open cases of one process: built, placed and checked once, then visited in turn with others until they are closed."""

import dataclasses
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..analysis.estimate import median
from ..analysis.sample_statistics import complete
from ..core import registry, sources, training
from ..core.errors import UnsupportedError, WrongOutputError
from ..core.exported import FORMATS, Exported
from ..core.ports import Session, Workload
from ..core.record import Energy, Measurement, Outcome, Visit
from ..core.row_flags import NOT_STEADY
from ..core.spec import Case, Job
from ..core.visit_protocol import Answered, Asked, Length
from ..machine import energy
from ..machine.memory import HostMeter, free_bytes
from ..tasks import exports
from ..tasks.train import train
from ..turns import has_clocks
from . import environment, visit_observers
from .case_errors import explain
from .open_loop import under_loads
from .opening_metrics import LiveBench
from .warm_up import cold_calls, warm_up

BLOCK_S = 0.2
"""Seconds of work between two synchronisations when throughput is pipelined."""
PIECE_S = 0.02
"""A visit is timed in pieces so long at most: it ends early where a burst made its calls take far longer than was foreseen."""
PATIENCE = 2.0
"""A visit ends before its calls are all made where it took so many times what it was meant to."""
CreateWorkload = Callable[[Case, str], Workload]
"""Of a case and a framework."""
UNCHANGING = ("flops", "xla_flops", "idle_power")
"""Metrics whose answers take calls or seconds of their own and are the same in every process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    job: Job
    session: Session
    bench: LiveBench
    workload: Workload | Exported | None
    steady: bool
    warmup_calls: int


class OpenCases:
    """Answers `open`, `visit`, `close` and `train`. Raises nothing but what ends a process (KeyboardInterrupt, SystemExit)."""

    def __init__(self, create_workload: CreateWorkload) -> None:
        self._create_workload = create_workload
        self._held: dict[str, _Held] = {}
        self._step_s: dict[str, float] = {}
        self._loops: dict[str, int] = {}
        """Steps of a pipelined block, as the first visit found them: all blocks of a case are of equally many."""
        self._known: dict[str, str] = {}
        """Files that users' own networks were imported from, as they were then: they may change later, and are not imported again."""

    def answer(self, asked: Asked) -> Answered:
        """What is asked, done; whatever goes wrong is an outcome with a status and a reason, and the case is let go."""
        answered = self._tried(asked)
        if answered.outcome is None:
            return answered
        seen = environment.witnessed()
        return dataclasses.replace(answered, outcome=dataclasses.replace(answered.outcome, environment=seen))

    def _tried(self, asked: Asked) -> Answered:
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        held = self._held.get(asked.job_id)
        case = asked.job.case if asked.job is not None else held.job.case if held is not None else None
        if case is None:
            reason = f"asked to {asked.what} {asked.job_id}, which is not open in this process"
            return Answered(outcome=Outcome(job_id=asked.job_id, status="crash", reason=reason, started_at=started_at))
        try:
            return self._answer(asked, started_at)
        except Exception as error:
            status, reason = explain(error, case)
            self._drop(asked.job_id)
            return Answered(outcome=Outcome(job_id=asked.job_id, status=status, reason=reason, started_at=started_at))

    def _answer(self, asked: Asked, started_at: str) -> Answered:
        if asked.what == "open":
            assert asked.job is not None
            return self._open(asked.job, asked.is_first, started_at)
        if asked.what == "train":
            assert asked.job is not None
            return _trained(asked.job, asked.seed, started_at)
        if asked.what == "visit":
            assert asked.length is not None
            return Answered(visit=self._visit(self._held[asked.job_id], asked))
        return self._close(asked.job_id, started_at)

    def _open(self, job: Job, is_first: bool, started_at: str) -> Answered:
        """Builds and places the case, makes its first call, checks it, answers what is not timed, and warms it up."""
        backend = registry.load("backends", job.case.backend)
        backend.prepare(job.case)
        framework = backend.FRAMEWORK
        own = _without(job.case, backend.OPTIONS)
        workload = self._create(own, framework, job) if framework else None
        session = backend.open_session(workload, job.case, job.sampling.seed)
        try:
            bench = LiveBench(session, job.case, HostMeter)
            metrics = [registry.load("metrics", name) for name in _counting_last(job.metrics, is_first)]
            answers = [metric.answer(bench) for metric in metrics if not metric.TIMED]
            answers += _authors_compiling(bench, job, compiles=backend.COMPILES)
            timed = any(metric.TIMED for metric in metrics)
            if is_first and not timed and not any(answer is not None for answer in answers):
                raise UnsupportedError(
                    f"{job.case.backend} has none of what is asked for, {', '.join(job.metrics)}; use another --backend"
                )
            first_s = max(0.0, bench.first_call_s() - (bench.compile_s() or 0.0))
            bench.watch()
            rises = has_clocks(job.case.device)
            warm, _, steady = (
                warm_up(session.time_calls, job.sampling, first_s, rises=rises) if timed else ([0.0], 0.0, True)
            )
            bench.refuse_recompilation()
        except BaseException:
            session.close()
            raise
        self._held[job.job_id] = _Held(
            job=job, session=session, bench=bench, workload=workload, steady=steady, warmup_calls=len(warm)
        )
        session.rest()
        self._step_s[job.job_id] = median(warm[-5:])
        outcome = self._outcome(job.job_id, started_at)
        measurements = tuple(complete(answer) for answer in answers if answer is not None)
        return Answered(
            outcome=dataclasses.replace(outcome, measurements=measurements),
            step_s=self._step_s[job.job_id],
            free_bytes=free_bytes(job.case.device),
        )

    def _create(self, case: Case, framework: str, job: Job) -> Workload | Exported:
        if framework in FORMATS:
            exported = exports.exported(case, job.case, framework, job.sampling.seed)
            self._known |= sources.first_seen(case.model, self._known, dict(exported.facts.sources))
            return exported
        workload = self._create_workload(case, framework)
        self._known |= sources.first_seen(case.model, self._known, sources.imported(case.model))
        return workload

    def _visit(self, held: _Held, asked: Asked) -> Visit:
        """One stretch of calls, then requests under loads. Raises WrongOutputError where an output is wrong by now."""
        session, job_id, length = held.session, held.job.job_id, asked.length
        assert length is not None
        held.bench.watch()
        meter = _EnergyWatch(held.job)
        started_s = time.time()
        with visit_observers.around(held.job.case.device) as watching:
            cold = cold_calls(session.time_calls, length.cold_s, rises=has_clocks(held.job.case.device))
            watching.warm()
            step_s = max(min([self._step_s[job_id], *cold[-1:]]), 1e-9)
            count = min(max(round(length.timed_s / step_s), length.least), length.most)
            meter.begin()
            by_host: list[float] = getattr(session, "by_host", [])
            by_host.clear()
            seconds = _timed(session.time_calls, count, length)
            wall = tuple(by_host)
            self._step_s[job_id] = median(seconds)
            loops = self._loops.setdefault(job_id, _loops(session, median(seconds)))
            rate = _pipelined(session, held.job.case, loops) if loops else None
            taken = meter.end(len(seconds) + loops)
            noise = watching.noise(len(cold) + len(seconds) + loops)
        served = under_loads(session, length, seconds, asked.rates, f"{held.job.sampling.seed}/{job_id}/{asked.round}")
        output = session.call()
        session.synchronize()
        if problem := session.check(output):
            raise WrongOutputError(f"{problem}; no speed is reported for a wrong answer")
        held.bench.refuse_recompilation()
        session.rest()
        return Visit(
            round=asked.round,
            started_s=started_s,
            cold=tuple(cold[: length.most]),
            seconds=tuple(seconds),
            wall=wall,
            rate=rate,
            loops=max(loops, 1),
            noise=noise,
            energy=taken,
            served=served,
        )

    def _close(self, job_id: str, started_at: str) -> Answered:
        """Reads the settings back once more, and lets the case go. Raises MismatchError or WrongOutputError."""
        self._held[job_id].bench.watch()
        self._held[job_id].bench.verify()
        outcome = self._outcome(job_id, started_at)
        self._drop(job_id)
        return Answered(outcome=outcome)

    def _outcome(self, job_id: str, started_at: str) -> Outcome:
        held = self._held[job_id]
        bench = held.bench
        return Outcome(
            job_id=job_id,
            status="ok",
            flags=(*bench.flags(), *(() if held.steady else (NOT_STEADY,))),
            weights=held.workload.weights if held.workload else "none",
            effective=dataclasses.replace(bench.effective, warmup_calls=held.warmup_calls, meter=bench.meter_name),
            sources=tuple((sources.imported(held.job.case.model) | self._known).items()),
            started_at=started_at,
        )

    def _drop(self, job_id: str) -> None:
        self._loops.pop(job_id, None)
        held = self._held.pop(job_id, None)
        if held is not None:
            held.session.close()


class _EnergyWatch:
    """What the timed calls of a visit take, where the job asks for it."""

    def __init__(self, job: Job) -> None:
        self._is_asked = "energy" in job.metrics
        self._meter, self._why = energy.meter_of(job.case.device, job.case.devices) if self._is_asked else (None, "")
        self._before: energy.Readings = ()

    def begin(self) -> None:
        if self._meter is not None:
            self._before = self._meter.read()

    def end(self, calls: int) -> Energy | None:
        if self._meter is not None:
            return self._meter.between(self._before, self._meter.read(), calls)
        return Energy(joules=None, calls=calls, lacking=self._why) if self._is_asked else None


def _trained(job: Job, seed: int, started_at: str) -> Answered:
    """A case trained once, of which nothing is kept but its accuracy."""
    measured = train(job.case, seed)
    outcome = Outcome(
        job_id=job.job_id, status="ok", weights=training.WEIGHTS, measurements=(measured,), started_at=started_at
    )
    return Answered(outcome=outcome)


def _timed(time_calls: Callable[[int], Any], count: int, length: Length) -> list[float]:
    """Seconds of `count` calls; of fewer, but the least, where they take far longer than was foreseen."""
    seconds: list[float] = list(time_calls(1))
    while len(seconds) < count:
        piece = max(1, int(PIECE_S / max(seconds[-1], 1e-9)))
        seconds += time_calls(min(piece, count - len(seconds)))
        if len(seconds) >= length.least and sum(seconds) > PATIENCE * length.timed_s:
            break
    return seconds


def _loops(session: Session, step_s: float) -> int:
    """Steps of a pipelined block; 0 where there is none, as dispatch is nothing beside such a step."""
    return round(BLOCK_S / max(step_s, 1e-9)) if session.asynchronous and step_s <= BLOCK_S else 0


def _pipelined(session: Session, case: Case, loops: int) -> float:
    """Images a second of one block with a synchronisation at its ends."""
    session.synchronize()
    start_s = session.clock.now()
    for _ in range(loops):
        session.call()
    session.synchronize()
    return case.batch_size * loops / (session.clock.now() - start_s)


def _counting_last(metrics: tuple[str, ...], is_first: bool) -> list[str]:
    """What is asked in this process. Counting runs calls of its own, so it comes last, and only once a case."""
    wanted = [name for name in metrics if is_first or name not in UNCHANGING]
    return sorted(wanted, key=lambda name: name in UNCHANGING)


def _authors_compiling(bench: LiveBench, job: Job, *, compiles: bool) -> list[Measurement]:
    """The compiler's part of the first call where a backend compiles nothing, and the network's author has."""
    if compiles or bench.compile_s() is None or "first_call" not in job.metrics or "compile" in job.metrics:
        return []
    return [item for item in [registry.load("metrics", "compile").answer(bench)] if item is not None]


def _without(case: Case, options: Collection[str]) -> Case:
    """The case as its model sees it: without the backend's own options."""
    return dataclasses.replace(case, options=tuple(pair for pair in case.options if pair[0] not in options))
