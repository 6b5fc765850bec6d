"""What a run here could tell today: two equal small networks and another one, visited in rounds as `run` visits its cases.

They have the sampling of the suite that people run first, so visits are as long as there, and are conducted by what conducts a run.
"""

import dataclasses
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from .. import suite
from ..analysis import projected_precision, rounds
from ..analysis.estimate import Estimate, median
from ..analysis.passports import against, of_noises
from ..analysis.projected_precision import Length
from ..analysis.resolution import NEGLIGIBLE, SURE
from ..analysis.visits import Fit, Visit, fit
from ..conduct import RunSetup, Stop, follow
from ..conduct.process_sharing import key_of
from ..core import registry
from ..core.errors import DeviceError
from ..core.record import Noise
from ..core.spec import Case, Job, Sampling, Suite
from ..launch.workers import WorkerPool
from ..machine import accelerators, host, lease, quiet
from .findings import Diagnosis

LIMIT_S = 20.0
"""Of all turns together, with the start of their processes."""
PATIENCE = 1.5
"""Where processes are so slow to start that cases were opened and not visited by then, this many times the limit is the end of it."""
WARMUP_SHARE = 0.1
"""Nine processes warm up within the limit too; a visit's first calls stand apart anyway."""
CASES = {"one": "resnet18", "again": "resnet18", "other": "mobilenetv3_large_100"}
"""Cases and their networks, timm's: the first two are equal, and nothing tells them apart but their names."""
SUITE = "quickstart"
FINE_MARGIN = 1.05
"""Ratios that are known to less are called well known, as `run` does where it says quiet."""
COUNTERPART = "stop other programs or wait"
NO_CUDA = ("cpu", "xpu", "rocm")
"""Beginnings of the local version of a torch that drives no NVIDIA device ("2.15.0+cpu")."""


@dataclass(slots=True)
class _Seen:
    """What turns have shown so far."""

    visits: list[Visit] = field(default_factory=list[Visit])
    noises: list[Noise] = field(default_factory=list[Noise])
    failures: list[str] = field(default_factory=list[str])


def measured(
    stop: Stop, *, limit_s: float = LIMIT_S, device: str = "", backend: str = "torch_eager"
) -> tuple[Diagnosis, ...]:
    """Findings of real turns, or why there are none. While somebody else measures, nothing is.

    Takes `limit_s` seconds, at most `PATIENCE` times that where the machine hardly gets to its first visits, and what is in flight then;
    ends after the visit in flight where `stop` hears a signal, and tells what was seen until then. `device`: the best here where it is
    not named.
    """
    if registry.load("backends", backend).FRAMEWORK == "torch" and not host.package_version("torch"):
        return (
            Diagnosis(
                level="–", topic="turns", text="left out: torch is not installed; pairs of equal work stand for them"
            ),
        )
    device = device or _device()
    if who := lease.holder(device):
        text = f"left out: {device} is measured on by {who}, and two at once spoil each other's numbers"
        return (Diagnosis(level="warn", topic="turns", text=text, remedy="run doctor again when it has ended"),)
    begun_s = time.monotonic()
    wanted = suite.load(SUITE)
    try:
        with lease.hold((device,), wait_s=0.0):
            seen = _played(_jobs(wanted.sampling, device, backend), stop, begun_s, limit_s)
    except DeviceError as error:  # somebody was quicker
        return (Diagnosis(level="warn", topic="turns", text=f"left out: {error}", remedy="run doctor again later"),)
    return tuple(_told(seen, wanted, device, time.monotonic() - begun_s))


def _device() -> str:
    """The first NVIDIA device where torch can drive one, else the processor."""
    drives = not host.package_version("torch").partition("+")[2].startswith(NO_CUDA)
    return "cuda:0" if drives and any(accelerator.kind == "cuda" for accelerator in accelerators.look()) else "cpu"


def _jobs(sampling: Sampling, device: str, backend: str) -> list[Job]:
    threads = host.usable_cores()
    return [
        Job(
            job_id=f"{name}-0",
            case_id=name,
            case=Case(
                model=model, backend=backend, device=device, image_px=224, threads=threads, param_dtype="float32"
            ),
            metrics=("latency",),
            sampling=dataclasses.replace(sampling, min_samples=1, warmup_share=WARMUP_SHARE),
        )
        for name, model in CASES.items()
    ]


def _played(jobs: list[Job], stop: Stop, begun_s: float, limit_s: float) -> _Seen:
    seen = _Seen()
    last_s = begun_s + PATIENCE * limit_s
    with stop.listening(), WorkerPool() as pool:
        pool.start(key_of(jobs[0])[0]).close()  # loads the framework before time is shared out among generations
        setup = RunSetup(
            pool=pool,
            half_of=lambda job: job,
            end_s=begun_s + limit_s,
            is_stopped=lambda: stop() or time.monotonic() >= last_s,
            reference=jobs[0].case_id,
        )
        for turn in follow(jobs, setup):
            if turn.visit is not None:
                seen.noises.append(turn.visit.noise)
                seen.visits.append(
                    Visit(
                        case=turn.job.case_id,
                        round_=turn.visit.round,
                        process=turn.job.replicate,
                        log_value=math.log(median(turn.visit.seconds)),
                        lost=quiet.lost_of(turn.visit.noise) or 0.0,
                    )
                )
            elif turn.ended is not None and turn.ended.status != "skipped":
                seen.failures.append(f"{turn.job.case.model}: {turn.ended.status}: {turn.ended.reason}")
    return seen


def _told(seen: _Seen, wanted: Suite, device: str, seconds: float) -> Iterator[Diagnosis]:
    for why in dict.fromkeys(seen.failures):
        yield Diagnosis(level="FAIL", topic="turns", text=why, remedy="mend it: no run on this device would end well")
    if not seen.visits:
        if not seen.failures:
            yield Diagnosis(level="–", topic="turns", text="ended before the first visit")
        return
    names = list(dict.fromkeys(CASES.values()))
    visits = _count(len(seen.visits), "visit", "s")
    processes = _count(len({(visit.case, visit.process) for visit in seen.visits}), "process", "es")
    text = f"{visits} in {processes} on {device} in {seconds:.0f} s: {names[0]} twice, beside {', '.join(names[1:])}"
    yield Diagnosis(level="ok", topic="turns", text=text)
    table = fit(seen.visits)
    yield from _ratios(table, wanted)
    yield from _control(table)
    yield _company(seen.noises)


def _ratios(table: Fit, wanted: Suite) -> Iterator[Diagnosis]:
    scatter = projected_precision.scatter(table)
    if scatter is None:
        text = "too few turns to tell how visits and processes differ"
        yield Diagnosis(level="warn", topic="ratios", text=text, remedy=f"{COUNTERPART}, then run doctor again")
        yield _unranked(wanted)
        return
    sampling = wanted.sampling
    length = Length(rounds=sampling.rounds, processes=sampling.processes, cases=len(wanted.cells))
    factor = projected_precision.margin(scatter, length)
    one_visit, one_process = (100 * math.sqrt(of / 2) for of in (scatter.within, scatter.between))
    text = (
        f"to {100 * (factor - 1):.1f} % in a run as long as {wanted.name} (derived: visits of one process scatter by {one_visit:.1f} %, "
        f"processes by {one_process:.1f} % beyond that)"
    )
    if factor < FINE_MARGIN:
        yield Diagnosis(level="ok", topic="ratios", text=text)
        return
    by_visits = scatter.within * length.processes / length.rounds > scatter.between
    more = "four times the rounds" if by_visits else "four times the processes"
    remedy = f"{COUNTERPART}; {more} in [sampling] would halve it"
    yield Diagnosis(level="warn", topic="ratios", text=text, remedy=remedy)
    if factor > sampling.tells:
        yield _unranked(wanted)


def _unranked(wanted: Suite) -> Diagnosis:
    text = f"a run now would rank nothing: {wanted.name} must know its ratios to a factor of {wanted.sampling.tells:g}"
    return Diagnosis(level="warn", topic="ranking", text=text, remedy=COUNTERPART)


def _control(table: Fit) -> Iterator[Diagnosis]:
    """The ratio of the two that are equal, where both were visited often enough for an interval."""
    top, bottom = "again", "one"
    if not {top, bottom} <= set(table.cases):
        return
    pair, sure = (rounds.paired(table, bottom, confidence).get(top) for confidence in (0.95, SURE))
    if pair is None or sure is None:
        return
    text = f"{_interval(pair)}: one network against itself, which is 1"
    if sure.low > NEGLIGIBLE or sure.high < 1 / NEGLIGIBLE:
        remedy = f"{COUNTERPART}; while equal networks differ, a run ranks nothing"
        yield Diagnosis(level="warn", topic="control", text=text, remedy=remedy)
    else:
        yield Diagnosis(level="ok", topic="control", text=text)


def _company(noises: list[Noise]) -> Diagnosis:
    passports = of_noises(noises)
    if loud := against(passports):
        return Diagnosis(
            level="warn", topic="company", text=f"while it was measured: {', '.join(loud)}", remedy=COUNTERPART
        )
    values = {"CPU pressure": passports.pressure, "waited for a CPU": passports.waited, "stolen": passports.steal}
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in values.items() if share is not None)
    return Diagnosis(level="ok", topic="company", text=f"while it was measured: {shares or 'nobody counts here'}")


def _count(number: int, what: str, many: str) -> str:
    return f"{number} {what}{'' if number == 1 else many}"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
