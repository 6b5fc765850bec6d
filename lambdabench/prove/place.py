"""The device that is proven, and how cases are played on it: opened, visited and closed by what conducts a run."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..analysis.estimate import median
from ..conduct import RunSetup, Stop, WorkerPool, follow
from ..core.errors import DeviceError
from ..core.spec import Case, Device, Job, Machine, Sampling, Value, default_param_dtype, options_from
from ..launch.workers import WorkerPool as Pool
from ..plan import halved

BACKENDS = ("fake", "torch_eager", "jax_jit")
"""Those that cases are played on, the first that drives the device."""
FRAMEWORKS = {"torch_eager": "torch", "jax_jit": "jax"}
"""What backends run on, where times are not scripted."""
JOB_S, ROUNDS = 120.0, 3
"""Most seconds of a case, and how often it is visited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A device of this machine, the backend that drives it, and who listens."""

    device: Device
    backend: str
    machine: Machine
    stop: Stop
    on_wait: Callable[[str], None] = lambda _: None

    @property
    def kind(self) -> str:
        """ "cpu", "cuda", "tpu", "fake"."""
        return self.device.kind

    @property
    def framework(self) -> str:
        """ "torch", "jax", or "fake"."""
        return FRAMEWORKS.get(self.backend, self.backend)

    @property
    def dtype(self) -> str:
        """What its ceilings and kernels are looked at in."""
        return "bfloat16" if self.kind in ("cuda", "tpu") else "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a case went: seconds of its warm calls, or why there are none."""

    status: str = "skipped"
    reason: str = ""
    seconds: tuple[float, ...] = field(default_factory=tuple)
    kernel: str = ""
    """What its lambda layers ran."""

    @property
    def median_s(self) -> float:
        return median(self.seconds)


def place_of(name: str, machine: Machine, stop: Stop, on_wait: Callable[[str], None]) -> Place:
    """The device of a name or kind. Raises DeviceError with those that are here."""
    able = [device for device in machine.devices if set(device.backends) & {*BACKENDS}]
    chosen = next((device for device in able if name in (device.name, device.kind)), None)
    if chosen is None:
        busy = next((device for device in machine.busy if name in (device.name, device.kind)), None)
        here = ", ".join(f"{device.name} ({device.title})" for device in able)
        why = f"is here and busy: {busy.problem}" if busy else "is not here"
        raise DeviceError(f"device {name} {why}; here: {here}; give one of these, or wait until it is free")
    backend = next(backend for backend in BACKENDS if backend in chosen.backends)
    return Place(device=chosen, backend=backend, machine=machine, stop=stop, on_wait=on_wait)


def case_of(place: Place, model: str, script: Mapping[str, Value], **settings: Any) -> Case:
    """A resolved case on the device; where times are scripted, of that script instead of its own options."""
    options: Any = settings.pop("options", {})
    more: dict[str, Any] = {"image_px": 224} | settings
    case = Case(
        model=model,
        backend=place.backend,
        device=place.device.name,
        threads=place.machine.environment.cores,
        options=options_from(script if place.backend == "fake" else options),
        **more,
    )
    return dataclasses.replace(case, param_dtype=case.param_dtype or default_param_dtype(case.dtype, case.mode))


def play(
    place: Place, cases: Mapping[str, Case], *, case_s: float, memory_limit_bytes: int | None = None, processes: int = 1
) -> dict[str, Played]:
    """Each case by its name, visited in turns for about `case_s` seconds each, in fresh processes."""
    played = dict.fromkeys(cases, Played())
    jobs = [_job(name, case, case_s, memory_limit_bytes, processes) for name, case in cases.items()]
    with place.stop.listening(), Pool() as pool:
        for turn in follow(jobs, _setup(place, pool, jobs)):
            name = turn.job.case_id
            if turn.visit is not None:
                known = played[name]
                played[name] = dataclasses.replace(known, status="ok", seconds=(*known.seconds, *turn.visit.seconds))
            elif turn.ended is not None and turn.ended.status not in ("ok", "skipped"):
                played[name] = Played(status=turn.ended.status, reason=turn.ended.reason)
            if turn.ended is not None and played[name].status == "ok" and turn.ended.effective.kernel:
                played[name] = dataclasses.replace(played[name], kernel=turn.ended.effective.kernel)
    return played


def problem_of(played: Mapping[str, Played]) -> str:
    """Why some of them have no seconds; empty where all have."""
    return "; ".join(f"{answer.status}: {answer.reason}" for answer in played.values() if answer.status != "ok")


def _setup(place: Place, pool: WorkerPool, jobs: Sequence[Job]) -> RunSetup:
    return RunSetup(
        pool=pool,
        half_of=lambda job: halved(job, {}),
        end_s=time.monotonic() + JOB_S * len(jobs),
        is_stopped=place.stop,
        retries=False,
    )


def _job(name: str, case: Case, case_s: float, memory_limit_bytes: int | None, processes: int) -> Job:
    return Job(
        job_id=f"{name}-0",
        case_id=name,
        case=case,
        metrics=("latency",),
        sampling=Sampling(case_budget_s=case_s, min_samples=3, warmup_share=0.3, processes=processes, rounds=ROUNDS),
        timeout_s=JOB_S,
        memory_limit_bytes=memory_limit_bytes,
    )
