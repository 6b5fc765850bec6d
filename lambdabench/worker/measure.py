"""One job, measured: whatever happens becomes an outcome with a status and a reason that says what to do."""

import dataclasses
import traceback
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

from ..analysis.estimate import half_width, mean_rate, mean_rate_interval, median, median_interval
from ..core import registry
from ..core.errors import LambdabenchError, MismatchError, OutOfMemoryError, UnsupportedError, WrongOutputError
from ..core.ports import Workload
from ..core.record import VARIES, Measurement, Outcome, Status
from ..core.spec import Case, Job
from ..machine.memory import HostMeter
from .bench import LiveBench

NOISY_SHARE = 0.10
"""A median whose 95 % interval reaches further than this is no number to use."""
STATUS_OF: dict[type[LambdabenchError], Status] = {
    OutOfMemoryError: "oom",
    UnsupportedError: "unsupported",
    MismatchError: "mismatch",
    WrongOutputError: "wrong_output",
}
OOM_TEXTS = ("out of memory", "can't allocate memory", "cannot allocate memory")
OOM_ADVICE = "try a smaller --batch-size or --image-px"

CreateWorkload = Callable[[Case, str], Workload]
"""Of a case and a framework."""


def measure(job: Job, create_workload: CreateWorkload) -> Outcome:
    """The outcome of a job. Raises nothing but what ends a process (KeyboardInterrupt, SystemExit)."""
    started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    try:
        outcome = _measure(job, create_workload)
    except Exception as error:
        status, reason = explain(error, job.case)
        outcome = Outcome(job_id=job.job_id, status=status, reason=reason)
    return dataclasses.replace(outcome, started_at=started_at)


def _measure(job: Job, create_workload: CreateWorkload) -> Outcome:
    case = job.case
    backend = registry.load("backends", case.backend)
    backend.prepare(case)
    framework = backend.FRAMEWORK
    workload = create_workload(_without(case, backend.OPTIONS), framework) if framework else None
    session = backend.open_session(workload, case, job.sampling.seed)
    try:
        bench = LiveBench(session, case, job.sampling, HostMeter)
        asked = [registry.load("metrics", name).answer(bench) for name in _timing_first(job.metrics)]
        answers = [one for one in asked if one is not None]
        answers += _authors_compiling(bench, job, compiles=backend.COMPILES)
        _refuse_nothing(answers, job)
        if bench.timed():
            bench.verify()
        status, reason = _judge(bench)
        warmup_calls = bench.sampled().warmup_calls if bench.timed() else None
        return Outcome(
            job_id=job.job_id,
            status=status,
            reason=reason,
            flags=bench.flags(),
            weights=workload.weights if workload else "none",
            measurements=tuple(complete(one) for one in answers),
            effective=dataclasses.replace(bench.effective, warmup_calls=warmup_calls, meter=bench.meter_name),
            noise=bench.noise,
        )
    finally:
        session.close()


def _authors_compiling(bench: LiveBench, job: Job, *, compiles: bool) -> list[Measurement]:
    """The compiler's part of the first call where a backend compiles nothing, and the network's author has."""
    if compiles or bench.compile_s() is None or "first_call" not in job.metrics or "compile" in job.metrics:
        return []
    return [one for one in [registry.load("metrics", "compile").answer(bench)] if one is not None]


def _without(case: Case, options: Collection[str]) -> Case:
    """The case as its model sees it: without the backend's own options."""
    return dataclasses.replace(case, options=tuple(pair for pair in case.options if pair[0] not in options))


def _refuse_nothing(answers: Collection[Measurement], job: Job) -> None:
    if not answers:
        raise UnsupportedError(
            f"{job.case.backend} has none of what is asked for, {', '.join(job.metrics)}; use another --backend"
        )


def complete(one: Measurement) -> Measurement:
    """Adds its statistic, the median where it names none, and its interval to a measurement that holds samples."""
    if not one.samples:
        return one
    if one.statistic == "mean_rate":
        low, high = mean_rate_interval(one.samples) or (None, None)
        return dataclasses.replace(one, value=mean_rate(one.samples), low=low, high=high)
    low, high = median_interval(one.samples) or (None, None)
    return dataclasses.replace(one, value=median(one.samples), low=low, high=high, statistic="median")


def explain(error: Exception, case: Case) -> tuple[Status, str]:
    """(Status, reason with the place and, where there is one, the mend) of what a job raised."""
    for kind, status in STATUS_OF.items():
        if isinstance(error, kind):
            return status, str(error)
    if isinstance(error, LambdabenchError):
        return "crash", str(error)
    text = f"{type(error).__name__}: {_first_line(error)}"
    lowered = text.lower()
    if (
        isinstance(error, MemoryError)
        or any(one in lowered for one in OOM_TEXTS)
        or "OutOfMemory" in type(error).__name__
    ):
        return "oom", f"{text}; {OOM_ADVICE}"
    return "crash", f"{text} ({_place(error, case)})"


def _timing_first(metrics: tuple[str, ...]) -> list[str]:
    """Counting operations comes last: it runs calls of its own that would disturb what is timed."""
    return sorted(metrics, key=lambda name: name == "flops")


def _judge(bench: LiveBench) -> tuple[Status, str]:
    width = half_width(bench.latencies()) if bench.timed() else 0.0
    if problem := bench.starved():
        return "noisy", problem
    if width is None or width <= NOISY_SHARE:
        return "ok", ""
    if VARIES in bench.flags():
        return (
            "noisy",
            f"its work is another in every call, and so is its time (±{100 * width:.0f} %): there is no one number",
        )
    return "noisy", (
        f"the median is known to ±{100 * width:.0f} % only; run again on a quieter machine (lambdabench doctor) or with a "
        f"larger case_budget_s"
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"


def _place(error: Exception, case: Case) -> str:
    """File and line of the innermost frame, of the user's own file where the model is one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = Path(case.model.partition(":")[0]).name if ".py:" in case.model else ""
    chosen = next((one for one in reversed(frames) if own and Path(one.filename).name == own), frames[-1])
    return f"{chosen.filename}:{chosen.lineno}"
