"""What to measure and where: cases, suites, machines, plans. Frozen data; a `None` in a case is "not resolved yet"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

Kind = Literal["model", "layer", "probe", "test"]
Mode = Literal["inference", "train", "features"]
Dtype = Literal["float32", "tf32", "float32_default", "bfloat16", "float16"]
Layout = Literal["contiguous", "channels_last"]
Value = str | int | float | bool
Options = tuple[tuple[str, Value], ...]
Versions = tuple[tuple[str, str], ...]
"""Names of libraries with their versions, sorted."""

KINDS: tuple[str, ...] = get_args(Kind)
MODES: tuple[str, ...] = get_args(Mode)
DTYPES: tuple[str, ...] = get_args(Dtype)
LAYOUTS: tuple[str, ...] = get_args(Layout)
HELD_IN_FLOAT32 = ("float32", "tf32", "float32_default")
Fit = Literal["", "halve"]
"""What happens to a batch that does not fit in memory: nothing, or it is halved until it does (the paper's own rule)."""
ALL = 0
"""`Case.devices` before planning where all are asked for: those of one kind that the backend spreads a case over."""
MODEL_NAME = re.compile(r"[a-z0-9_.]+")
LIBRARY_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""As distributions are called (Python Packaging User Guide, "Names and normalization")."""
FORMER_FIELDS = ("cuda", "cudnn", "flax", "jax", "jaxlib", "numpy", "timm", "torch", "torchvision", "triton")
"""Libraries that were fields of `Environment` once. Readers know their columns, and fingerprints of old files hold them where they are
absent too: none is added, none taken away."""
SPREAD_BITS = 5
"""Of a device's share of a batch that was no multiple of the devices: the others are dropped, 3 % of it at most."""
LARGEST = 1_000_000
"""Of anything that is counted in a request: images, pixels a side, devices, threads, processes."""


def options_from(mapping: Mapping[str, Value]) -> Options:
    """Options as the sorted, hashable pairs that a case holds."""
    return tuple(sorted(mapping.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell of a grid. `batch_size` counts images over all devices; `image_px` is pixels a side; `devices` may be `ALL`."""

    model: str
    kind: Kind = "model"
    backend: str = "torch_eager"
    device: str = "auto"
    devices: int = 1
    mode: Mode = "inference"
    batch_size: int = 1
    image_px: int | None = None
    dtype: Dtype = "float32"
    param_dtype: str | None = None
    layout: Layout = "contiguous"
    threads: int | None = None
    options: Options = ()
    model_hash: str = ""
    """12 hex digits of the sources of a user's own model (see `sources.source_hash`); empty for models known by name."""


def default_param_dtype(dtype: str, mode: str) -> str:
    """The parameters' dtype where a suite names none: float32 for float32 of whatever precision and for training in half precision,
    else `dtype`."""
    return "float32" if dtype in HELD_IN_FLOAT32 or mode == "train" else dtype


def spread(batch_size: int, devices: int) -> int:
    """So many images, or the next fewer that `devices` devices can share evenly, and still in halves of halves: 1008 of 1024 on 6. What
    is fewer than the devices stays as it is."""
    each = batch_size // devices
    if batch_size % devices == 0 or each == 0:
        return batch_size
    step = 1 << max(0, each.bit_length() - SPREAD_BITS)
    return each // step * step * devices


def halves(case: Case) -> bool:
    """Whether half of a case's batch can still be spread over its devices."""
    return case.batch_size % (2 * case.devices) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a case is measured, never what; no part of its identity."""

    case_budget_s: float = 5.0
    min_samples: int = 8
    warmup_calls: int = 3
    warmup_share: float = 0.3
    """Most of the case's budget that warming up may take."""
    processes: int = 3
    """Fresh processes that share a case's visits: two of equal code differ by percents."""
    rounds: int = 9
    """Visits of a case, shared out among its processes."""
    tells: float = 1.25
    """A run that cannot tell so large a ratio ranks nothing."""
    at: str = ""
    """The quantile of latency that is to have an upper bound, "p95"; empty: whatever the calls suffice for."""
    tail_visits: int = 0
    """Visits that are wanted for that bound, as far as time allows: as many as it takes independent calls, since what disturbs a visit
    disturbs all of it."""
    aim_s: float = float("inf")
    """Seconds that the whole run is to take: where others' programs draw it out it makes fewer rounds, of all cases one in each generation
    of processes whatever that takes."""
    loads: tuple[str, ...] = ()
    """Loads under which requests arrive in each visit, as `core.loads` has them, where metrics ask for some."""
    load_budget_s: float = 15.0
    """Seconds in which requests arrive in all visits of a case, of each load."""
    seed: int = 0
    seeds: int = 5
    """Trainings, from `seed` on, of a network whose accuracy is measured here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A case as a suite wrote it, with what decides later whether and where it runs."""

    case: Case
    grid: str
    """Where it stands in the suite file, for messages: `grid[2].rows[1]`."""
    exclude: tuple[tuple[tuple[str, str], ...], ...] = ()
    """Entries of (key, glob); the cell is dropped when every key of one entry matches, after resolution."""
    prefer: tuple[str, ...] = ()
    """Device kinds in order of preference; the best device here when none of them is."""
    fit: Fit = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite file, expanded to cells."""

    name: str
    title: str = ""
    source: str = ""
    cells: tuple[Cell, ...]
    metrics: tuple[str, ...]
    sampling: Sampling = field(default_factory=Sampling)
    reference: Options = ()
    control: tuple[str, str] | None = None
    """Two models that are one architecture under two names: their ratio must be 1."""
    plots: tuple[str, ...] = ("pareto",)
    across: tuple[str, ...] = ()
    """Fields over which there is one front, as `plot pareto --across` takes them; with "backend" among them each network's best runtime
    is told."""
    weights: tuple[str, ...] = ()
    """Which published accuracies count, as `facts.chosen` takes it; empty: its default."""
    ordered: bool = False
    """Where time is short, cases in their order: the first of them hold what is asked first."""
    fallback_budget_s: float = 600.0
    job_timeout_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device as a framework names it: `cpu`, `cuda:0`, `mps`, `xpu:0`, `fake`."""

    name: str
    title: str
    memory_bytes: int
    backends: tuple[str, ...]
    gemm_flop_per_s: float | None = None
    """float32 matrix product measured for a moment by the probe; only for time estimates."""
    sharding: tuple[str, ...] = ()
    """Those of its backends that spread one case over several devices of its kind."""
    problem: str = ""
    """Why it cannot be used now though it is here; empty where it can."""

    @property
    def kind(self) -> str:
        """The name without its index."""
        return self.name.split(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a number depends on besides its case: hardware and software, never hostname, load or clocks."""

    lambdabench: str
    """Version of this package, with the hash of its source when it is not a release."""
    cpu: str
    cpu_flags: str
    """Instruction sets that select kernels, sorted, space-separated."""
    cores: int
    """Physical cores this process may use: min(affinity, cgroup quota, physical)."""
    memory_gib: int
    gpu: str = ""
    gpus: str = ""
    """All accelerators that are visible: name, UUID, memory, driver, and MIG where a device is split."""
    driver: str = ""
    os: str = ""
    libc: str = ""
    python: str = ""
    versions: Versions = ()
    """Of the libraries that backends name and that are installed; readers get a column `env_NAME` for each."""
    compiler: str = ""
    """What builds the CPU kernel, as its `--version` begins; empty where there is none, and the portable kernel runs."""
    allocator: str = ""
    """Variables that change speed or memory and are in force in the worker, those of allocators first known: `NAME=value` sorted,
    space-separated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What a backend's numbers depend on: its installed version is in the environment of every row, and in the fingerprint.

    Raises ValueError for a name that no distribution could have, or that is a field of `Environment`: their columns would be one.
    """

    name: str
    distributions: tuple[str, ...] = ()
    """Packages that bring it, one for each major version of CUDA, say; empty: the one that is called so."""
    device: str = ""
    """The kind of device without which it says nothing of a number, "cuda"; empty where it always does."""

    def __post_init__(self) -> None:
        if not LIBRARY_NAME.fullmatch(self.name) or self.name in {item.name for item in fields(Environment)}:
            raise ValueError(f"a library cannot be called {self.name!r}: give it the name of its distribution")

    @property
    def packages(self) -> tuple[str, ...]:
        """The distributions to look for."""
        return self.distributions or (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the probe found."""

    devices: tuple[Device, ...]
    environment: Environment
    missing: tuple[tuple[str, str], ...] = ()
    """(backend, why it cannot run here and what to install)."""
    busy: tuple[Device, ...] = ()
    """Devices that are here and cannot be used now, each with its `problem`: never remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How fast one kind of run is here, as two networks' times tell; only for estimates of time."""

    backend: str
    device: str
    mode: str
    dtype: str
    flop_s: tuple[tuple[float, float], ...]
    """(Elements that convolutions and matrix products write a FLOP, seconds a FLOP) of each network; both of the forward pass."""
    compile_s_per_operation: float | None = None
    """Seconds of compiling a convolution or matrix product of the forward pass; None where nothing is compiled."""
    compiling: tuple[tuple[str, float], ...] = ()
    """(Backend, seconds of compiling an operation as above) of those that compiled something in a run here."""
    element_bytes: tuple[tuple[float, float], ...] = ()
    """(Elements written a FLOP, bytes at the peak an element written) of each network; empty where memory was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What planning must know about a model; counts are for `image_px` and None where they were not computed."""

    name: str
    family: str
    native_px: int
    tags: tuple[str, ...] = ()
    """Weight tags, the default first."""
    image_px: int | None = None
    parameters: int | None = None
    flops_per_image: float | None = None
    """Inference, 2 x multiply-accumulate."""
    activations_per_image: float | None = None
    """Elements written by convolutions and matrix products in one forward pass."""
    operations: int | None = None
    """Convolutions and matrix products in one forward pass."""
    problem: str = ""
    """Why the counts are missing."""
    fed: str = ""
    """What a user's own network is given where its author says so, "float32 1x1x24x40, int64 1x7"; empty for a batch of images."""
    sources: tuple[tuple[str, str], ...] = ()
    """Of a user's own network: the files of its own that were imported to make it, each with its digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One case, resolved. `replicate`: the number of its first process."""

    job_id: str
    case_id: str
    case: Case
    metrics: tuple[str, ...]
    sampling: Sampling
    replicate: int = 0
    requested_batch_size: int | None = None
    """Images that were asked for, where they were halved."""
    fit: Fit = ""
    seeds: int = 0
    """How often it is to be trained for its accuracy; 0 where that is there, or nobody asks for it."""
    timeout_s: float = 300.0
    memory_limit_bytes: int | None = None
    estimate_s: float | None = None
    """Of all its processes and visits."""
    train_s: float = 0.0
    """Estimated, of all trainings."""
    open_s: float = 0.0
    """Estimated, of each process before its first visit."""
    visit_s: float = 0.0
    """Estimated, of each visit."""
    visits: int = 0
    """Estimated."""
    calls: int = 0
    """Estimated, of all visits, those at a visit's start aside."""
    estimate_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A cell that is not run, as the row it becomes."""

    case_id: str
    case: Case
    status: str
    reason: str
    replicate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do: jobs in order, cells that are already there, cells skipped with their reasons."""

    jobs: tuple[Job, ...]
    kept: tuple[str, ...] = ()
    """Case ids whose newest rows answer already."""
    skips: tuple[Skip, ...] = ()
    spare: tuple[Job, ...] = ()
    """Cases that the budget seems to leave out, each with its skip: taken in where others take less than was thought."""
    more: tuple[Job, ...] = ()
    """Cases that are there already, in further processes: visited where what is known is not precise enough and there is patience."""
    estimate_s: float = 0.0
    budget_s: float | None = None
    """No job begins later."""
    left_out_s: float = 0.0
    """Time that the cells left out by the budget would take."""
    calibrated: bool = False
    """Whether its estimates rest on networks' times, not on a matrix product's alone."""
    device_title: str = ""
    reference: str = ""
    """The case id of the suite's reference, by which groups of cases that memory does not hold together are joined; empty where
    there is none."""
    fallback: str = ""
    """Said loudly when none of the preferred devices is here; empty otherwise."""


def facts_key(model: str, image_px: int | None, options: Options = ()) -> str:
    """What facts are looked up by: the model, its image size unless that is its own, its options."""
    name = ",".join(f"{key}={value}" for key, value in options)
    return model + (f"@{image_px}" if image_px else "") + (f"({name})" if name else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What planning asks the probe about a model: its facts, with counts at `image_px` (None: native size)."""

    model: str
    image_px: int | None = None
    options: Options = ()
    kind: Kind = "model"
