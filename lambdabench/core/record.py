"""What was measured: measurements, outcomes, and the long rows that are stored. The Parquet schema is read off `Record`.

Schema versions
1  first version.
2  effective_compiler and effective_features; null in files of version 1.
3  effective_devices, env_jaxlib and env_flax; null in files of older versions.
4  effective_folded; null in files of older versions.
5  env_torchvision, env_triton, env_cudnn and env_compiler; null in files of older versions. env_allocator holds settings of thread
   pools, kernel libraries, torch.compile and JAX as well.
6  run_order, asked_metrics, noise_cpu_waited, env_gpus, statistic, effective_inputs, effective_network, visit_values and
   visit_...; null in files of older versions, whose rows are in the order of started_at and whose throughput is the median of its samples.
7  asked_at, noise_sm_clock_least_mhz, noise_memory_clock_mhz, noise_power_w, noise_throttle, noise_other_processes, and the same of each
   visit; null in files of older versions, in which nothing filled noise_sm_clock_mhz and noise_temperature_c either.
8  env_versions, the libraries that backends name as canonical JSON ({"jax":"0.10.2","torch":"2.15.0"}), in place of a column each for ten
   of them (`spec.FORMER_FIELDS`). Readers get columns env_NAME whatever the version, those of the ten always: "" where a library is
   absent, null where a file of an older version does not tell. Rows of the metric top1, whose replicate is `TRAINED` where it was
   trained for them, and whose statistic is mean_share.
9  effective_runtime; null in files of older versions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal, get_args

from . import foreign
from .spec import Case, Environment
from .statuses import Status

SCHEMA_VERSION = 9

Origin = Literal["measured", "derived", "quoted"]
Statistic = Literal["median", "mean_rate", "mean_share", ""]
"""What a value is of its samples: their median; of rates, all that was done over all the time it took; of shares in percent, each of
`loops_per_sample` images, their mean; empty for what has no samples."""
ORIGINS: tuple[str, ...] = get_args(Origin)
TRAINED = -1
"""The `replicate` of the process in which a case was trained: its rows are the accuracies of that."""
LEFT = "dtypes as its author left them"
"""In `Effective.network`: parameters are in several precisions on purpose, and nobody asked for another."""
SLOWED = frozenset(
    {"hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake", "board_limit", "reliability"}
)
"""Reasons in `Noise.throttle` that come of heat or of a fault, and not of the work alone."""
POWER_CAP = "sw_power_cap"
"""The reason of a card that keeps within its power limit, as heavy work makes most cards do."""
NO_COLUMN = {"stored": False}
"""Metadata of what a measurement knows beside what its row's columns hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One metric of one case in one process. `low`, `high`: 95 % interval of its statistic within the process, or None."""

    metric: str
    unit: str
    value: float | None
    low: float | None = None
    high: float | None = None
    samples: tuple[float, ...] = ()
    visit_values: tuple[float, ...] = ()
    """The metric of each visit by itself, in time order."""
    visit_samples: tuple[int, ...] = field(default=(), metadata=NO_COLUMN)
    """How many of the samples are of each visit; the row's `Visits` have it."""
    loops_per_sample: int = 1
    statistic: Statistic = ""
    origin: Origin = "measured"
    source: str = ""
    """Where it is from: what it was derived from, where it was published, or by which method it was measured."""
    lacking: str = field(default="", metadata=NO_COLUMN)
    """Why it has no value, of a metric that this machine cannot measure; its row says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """What a backend's compiler has done so far in a session."""

    compiler: str
    """Its name, and its mode where it has several."""
    seconds: float
    """All that it took before a first run: tracing and lowering are parts of it."""
    graphs: int
    """Compiled, those of recompilations counted again."""
    breaks: int = 0
    """Reports that a compiled graph ends because the compiler cannot go on; a place within a call is reported by both."""
    eager_frames: int = 0
    """Functions that the compiler gave up, which run as they would without it."""
    trace_s: float | None = None
    """Seconds from the function to the operations it is made of; None where a compiler does not tell."""
    lower_s: float | None = None
    """Seconds from those operations to the compiler's input; None where a compiler does not tell."""

    def told(self) -> str:
        """ "inductor default, 1 graph, 0 breaks"."""
        graphs = f"{self.graphs} graph{'' if self.graphs == 1 else 's'}"
        breaks = f"{self.breaks} break{'' if self.breaks == 1 else 's'}"
        left = f", {self.eager_frames} function{'' if self.eager_frames == 1 else 's'} left eager"
        return f"{self.compiler}, {graphs}, {breaks}{left if self.eager_frames else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """Settings read back from the live model, stored beside what was asked."""

    mode: str = ""
    device: str = ""
    """The first device."""
    devices: int | None = None
    """How many hold the output; None on backends that run on one."""
    param_dtype: str = ""
    output_dtype: str = ""
    autocast: str = ""
    layout: str = ""
    threads: int | None = None
    matmul: str = ""
    batch_size: int | None = None
    kernel: str = ""
    compiler: str = ""
    """What compiled and into how many graphs ("inductor default, 1 graph, 0 breaks"); empty where nothing compiles."""
    folded: str = ""
    """Batch norms that convolutions have taken in ("36 of 53 batch norms"); empty where none was to be."""
    features: str = ""
    """stride:channels of each feature map, "4:256 8:512"; empty where the output is no list of maps."""
    inputs: str = ""
    """What the network is given, "float32 4x3x224x224", several with commas; empty where a backend does not say."""
    network: str = ""
    """What the author of a user's own network has done to it, and what was cast ("TorchScript", "compiled by its author")."""
    runtime: str = ""
    """Of a network that runs from a file: what wrote it, provider, precision and optimisations of the runtime; empty for others."""
    warmup_calls: int | None = None
    meter: str = ""
    """How memory was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How quiet the machine was while the case was timed; None where it has no counter."""

    load1: float | None = None
    cpu_pressure: float | None = None
    """Share of time [0, 1] in which some task waited for a CPU (PSI)."""
    steal: float | None = None
    cpu_per_wall: float | None = None
    """CPU seconds of the process per wall second of the timed phase."""
    cpu_waited: float | None = None
    """Share [0, 1] of the time in which the process's threads wanted a CPU that they waited for one."""
    faults_per_call: float | None = None
    switches_per_call: float | None = None
    """Involuntary context switches."""
    sm_clock_mhz: float | None = None
    """Of a GPU's multiprocessors, the median over the timed calls."""
    sm_clock_least_mhz: float | None = None
    memory_clock_mhz: float | None = None
    """The median."""
    temperature_c: float | None = None
    """The highest."""
    power_w: float | None = None
    """The mean."""
    throttle: str | None = None
    """Why the clock was held down: `SLOWED` and other reasons of NVML, comma-separated, sorted; empty where nothing held it."""
    other_processes: int | None = None
    """Processes on the device that are not of this run, the most seen; None where it cannot be told whose they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """What the timed calls of a visit took by a counter of energy. `joules` is None where there is none, or nothing came of it: `lacking`
    says why."""

    joules: float | None
    calls: int
    meter: str = ""
    """Which counters were read."""
    lacking: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Requests that arrived under a load in a visit, each a step of the case's batch."""

    load: str
    """As `core.loads` has it."""
    rate: float
    """Arrivals a second, of a Poisson process."""
    seconds: tuple[float, ...]
    """From when each was scheduled to arrive to when it was answered, in the order of their arrivals."""
    busy: tuple[float, ...]
    """Seconds of serving those that had waited for the one before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One stretch of calls of an open case. Nothing that was timed is left out of it."""

    round: int
    started_s: float
    """Seconds since 1970, UTC, by the worker's clock."""
    cold: tuple[float, ...]
    """Seconds of the calls at its start, whose caches other cases had emptied."""
    seconds: tuple[float, ...]
    """Seconds of the calls after these, each synchronised."""
    wall: tuple[float, ...] = ()
    """Seconds of the same calls by the host's clock where `seconds` are a device's own; empty where they are the host's."""
    rate: float | None = None
    """Images a second of one pipelined block; None where calls are synchronous, or long enough not to care."""
    loops: int = 1
    """Steps of that block."""
    noise: Noise = Noise()
    energy: Energy | None = None
    """None where nobody asked for it."""
    served: tuple[Served, ...] = ()
    """A load each, after all else of the visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """The visits in which a row's samples were made, in time order: a number each. Columns `visit_...`; null in rows without samples."""

    round: tuple[int, ...]
    """Counted through a run: cases that were visited in one round of one run can be held against each other."""
    started_s: tuple[float, ...]
    """Seconds since 1970, UTC."""
    samples: tuple[int, ...]
    """How many of the row's samples are of each."""
    cold: tuple[int, ...]
    """Calls at each one's start, which are not among the samples."""
    cold_s: tuple[float, ...]
    """Seconds of those calls, in time order."""
    load1: tuple[float, ...]
    cpu_pressure: tuple[float, ...]
    steal: tuple[float, ...]
    cpu_per_wall: tuple[float, ...]
    cpu_waited: tuple[float, ...]
    faults_per_call: tuple[float, ...]
    switches_per_call: tuple[float, ...]
    sm_clock_mhz: tuple[float, ...]
    sm_clock_least_mhz: tuple[float, ...]
    memory_clock_mhz: tuple[float, ...]
    temperature_c: tuple[float, ...]
    power_w: tuple[float, ...]
    other_processes: tuple[float, ...]
    """This and the others of `Noise`: NaN where the machine has no counter."""
    throttle: tuple[str, ...]
    """Empty where nothing held the clock down, or nobody tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a worker says of one job: measurements, or a status other than ok with its reason."""

    job_id: str
    status: Status
    reason: str = ""
    flags: tuple[str, ...] = ()
    started_at: str = ""
    """UTC, ISO 8601."""
    weights: str = "random"
    measurements: tuple[Measurement, ...] = ()
    effective: Effective = Effective()
    noise: Noise = Noise()
    sources: tuple[tuple[str, str], ...] = ()
    """Of a user's own network: the files of its own that were imported, each with the digest that it had then."""
    visits: tuple[Visit, ...] = ()
    environment: Environment | None = None
    """What the worker saw, but for what frameworks call its accelerators; None where it never answered."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", foreign.bounded(self.reason))  # wherever it is from: rows repeat it


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row: one metric of one case in one process. A case that failed as a whole has one row without a measurement."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    started_at: str
    run_order: int | None = None
    """Greater in what was measured later, wherever the clock stood: milliseconds since 1970, or one more than the greatest that the
    run found in the results, whichever is greater."""
    suite: str
    case_id: str
    fingerprint: str
    replicate: int
    case: Case
    weights: str
    requested_batch_size: int | None
    device_name: str
    status: Status
    flags: str
    """Comma-separated, sorted."""
    reason: str
    asked_metrics: str | None = None
    """Comma-separated: what was asked for, whether or not the backend has it."""
    asked_at: str | None = None
    """The quantile of latency that was to have an upper bound, "p95"; empty where none was."""
    measurement: Measurement | None
    effective: Effective
    environment: Environment
    noise: Noise
    visits: Visits | None = None
    """None where the row holds no samples, or files of versions 1 to 5 are read, whose cases were measured in one piece."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", foreign.bounded(self.reason))


def order_at(started_at: str, least: object = None) -> int | None:
    """The order of what began at a time, where all that is there is before `least`; None where neither is known."""
    known = [least] if isinstance(least, int) else []
    if started_at:
        known.append(int(datetime.fromisoformat(started_at).timestamp() * 1000))
    return max(known, default=None)


def records_of(outcome: Outcome, **common: object) -> tuple[Record, ...]:
    """An outcome's rows; `common` are the fields of `Record` that the outcome does not know, and of `run_order` the least that it may be.

    Memory and counts stay usable when only the timing is noisy, so `noisy` marks rows that hold samples. What this machine cannot
    measure of a case that it has measured is `unsupported` by itself.
    """
    shared = dict(
        common,
        started_at=outcome.started_at,
        run_order=order_at(outcome.started_at, common.get("run_order")),
        weights=outcome.weights,
        flags=",".join(sorted(outcome.flags)),
        effective=outcome.effective,
        noise=outcome.noise,
    )
    if not outcome.measurements:
        return (Record(**shared, status=outcome.status, reason=outcome.reason, measurement=None),)  # pyright: ignore[reportArgumentType]
    rows: list[Record] = []
    for measurement in outcome.measurements:
        clean = outcome.status == "noisy" and not measurement.samples
        status, reason = ("ok", "") if clean else (outcome.status, outcome.reason)
        if measurement.lacking:
            status, reason = "unsupported", measurement.lacking
        visits = _columns_of(outcome.visits, measurement.visit_samples) if measurement.visit_values else None
        rows.append(Record(**shared, status=status, reason=reason, measurement=measurement, visits=visits))  # pyright: ignore[reportArgumentType]
    return tuple(rows)


def _columns_of(visits: Sequence[Visit], samples: tuple[int, ...]) -> Visits:
    """The visits of a row that has so many samples of each."""
    known = {field.name for field in fields(Visits)} & {field.name for field in fields(Noise)} - {"throttle"}
    values = {name: tuple(_number(getattr(visit.noise, name)) for visit in visits) for name in known}
    return Visits(
        round=tuple(visit.round for visit in visits),
        started_s=tuple(visit.started_s for visit in visits),
        samples=samples,
        cold=tuple(len(visit.cold) for visit in visits),
        cold_s=tuple(seconds for visit in visits for seconds in visit.cold),
        throttle=tuple(visit.noise.throttle or "" for visit in visits),
        **values,
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
