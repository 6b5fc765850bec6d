"""What backend, workload, metric and worker expect of each other. None of them knows the others."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from .exported import FromFile
from .record import Compilation, Effective, Energy, Measurement, Served
from .spec import Case, Device, Value


class Workload(Protocol):
    """A network with what it is fed: one folder of models makes it, a backend runs it, neither knows the other.

    `network` is the framework's own object (torch.nn.Module, flax.nnx.Module); the backend moves it and sets its mode.
    """

    network: Any
    weights: str
    """Weights loaded: "random", or a tag."""

    def inputs(self, case: Case, seed: int) -> tuple[Any, ...]:
        """Seeded random inputs on the host, in float32: model inputs, then targets if the mode trains; of a layer the gradient of
        its output, with which its step begins.

        torch tensors with channels before pixels, numpy arrays with channels after them for JAX.
        """
        ...

    def loss(self, output: Any, inputs: tuple[Any, ...]) -> Any:
        """The scalar that a training step differentiates; `inputs` as made by `inputs`, moved to the device. A layer has none."""
        ...

    def arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The part of `inputs` that the network takes."""
        ...

    def check(self, output: Any, case: Case) -> str:
        """What is wrong with the shape of an output; empty when nothing is."""
        ...

    def features(self, output: Any, case: Case) -> str:
        """stride:channels of each map of an output that is a list of maps ("4:256 8:512"); empty for others."""
        ...

    def interaction_bytes(self, case: Case) -> int | None:
        """Bytes that hold the interactions of positions by the formula of arXiv 2102.08602, Table 4; None where it does not reach."""
        ...


class OwnWorkload(Workload, Protocol):
    """A user's own network: it may be fed anything, and nobody knows what it does."""

    def keywords(self, inputs: tuple[Any, ...]) -> dict[str, Any]:
        """The part of `inputs` that the network takes by name."""
        ...

    def anew(self) -> Any:
        """The network made again, on the host, which has seen no input."""
        ...


class Clock(Protocol):
    """Seconds, monotonic. A backend brings its own when time is scripted or read from device events."""

    def now(self) -> float: ...


class MemoryMeter(Protocol):
    """Peak bytes above the start over one piece of work."""

    @property
    def name(self) -> str:
        """How the last piece of work was read."""
        ...

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        """Runs `work`, returns (extra peak bytes, what work returned)."""
        ...


class Session(Protocol):
    """One case, built, placed and ready on a backend. Raises the worker errors of `core.errors`."""

    @property
    def clock(self) -> Clock: ...

    @property
    def asynchronous(self) -> bool:
        """True where a call returns before its work is done (CUDA, JAX)."""
        ...

    @property
    def meter(self) -> MemoryMeter | None:
        """The device's own allocator's; None where the host's memory is the device's."""
        ...

    def call(self) -> Any:
        """One step. Its output stays valid until the next call."""
        ...

    def feed(self, inputs: tuple[Any, ...]) -> None:
        """Other inputs, on the host and of the same shapes as the workload's, for all calls that follow."""
        ...

    def synchronize(self) -> None:
        """Returns when all work dispatched so far is done."""
        ...

    def time_calls(self, count: int) -> Sequence[float]:
        """Seconds of each of `count` steps, each synchronised (device events where there are some)."""
        ...

    def rest(self) -> None:
        """Gives back what is kept on the device between calls, for cases that are visited next. Nothing may be in flight."""
        ...

    def effective(self, output: Any) -> Effective:
        """What is in force, read back from the live objects. `output` is a call's."""
        ...

    def compilation(self) -> Compilation | None:
        """What was compiled since the session opened; None where nothing ever is. Costs nothing."""
        ...

    def check(self, output: Any) -> str:
        """What is wrong with an output (shape, not finite); empty when nothing is."""
        ...

    def doubts(self) -> tuple[str, ...]:
        """Flags, of `core.row_flags`, of a user's own network that does another work, or keeps more, at every call. Asked after the
        timing, at the cost of some calls. Raises WrongOutputError where the timed calls answer from what was kept of others."""
        ...

    def values(self, output: Any) -> tuple[float, ...]:
        """The first thousand numbers of an output at most, those of its first image first, channels last."""
        ...

    def array(self, output: Any) -> Any:
        """The whole first tensor of an output as a NumPy array of float32. Raises UnsupportedError where there is none."""
        ...

    def parameters(self) -> int | None:
        """None, as of the two that follow, where a file of the user's does not tell."""
        ...

    def parameter_bytes(self) -> int | None: ...

    def input_bytes(self) -> int: ...

    def interaction_bytes(self) -> int | None:
        """The workload's."""
        ...

    def flops(self) -> float | None:
        """FLOP of one step, 2 x multiply-accumulate, counted over one more call."""
        ...

    def compiler_flops(self) -> float | None:
        """FLOP of one step as the compiler counts them; None where it does not."""
        ...

    def close(self) -> None:
        """Frees what the case held on the device."""
        ...


class Backend(Protocol):
    """A runtime: one module of `backends/` has these as functions. The module's name is the backend's.

    `FRAMEWORK`: which twin of a model it runs ("torch", "jax", or "" for none); or a format of `core.exported.FORMATS`: then it is given
    a file, exported by another process, in a workload's place, and its sessions have `from_file()`, which gives a `FromFile`. One with
    `SEVERAL_HOSTS = True` is run by several processes together where the environment names them (`core.hosts`); of others the first one
    measures alone. `LIBRARIES`, a tuple of `spec.Library`, are what its numbers depend on, the runtime itself first; none without it.
    Importing the module loads none of them.
    """

    FRAMEWORK: str
    COMPILES: bool
    """Whether a first call compiles, which planning leaves time for."""
    OPTIONS: Mapping[str, Value]
    """Options of a case that are the backend's own, with their identity defaults; no model sees them."""
    CHOICES: Mapping[str, tuple[Value, ...]]
    """What an option may be; one that is not named may be anything."""

    def find_devices(self) -> tuple[Device, ...]:
        """Devices here, the best first. Raises MissingExtraError where the framework is absent."""
        ...

    def prepare(self, case: Case) -> None:
        """What must be settled before its framework's first use, which may be the making of the network."""
        ...

    def open_session(self, workload: Any, case: Case, seed: int) -> Session:
        """Builds the session of a resolved case: of a `Workload`, an `Exported` or None, as FRAMEWORK says. Raises UnsupportedError with
        the fix."""
        ...


class Opened(Protocol):
    """What a metric may ask where a case was opened: each question is answered once and shared by the metrics that need it."""

    case: Case

    def first_call_s(self) -> float: ...

    def compile_s(self) -> float | None:
        """Seconds of the first call in which the backend's compiler ran; None where nothing is compiled."""
        ...

    def trace_s(self) -> float | None:
        """The part of `compile_s` that is tracing; None where the compiler does not tell."""
        ...

    def lower_s(self) -> float | None:
        """The part of `compile_s` that is lowering; None where the compiler does not tell."""
        ...

    def outputs(self) -> tuple[float, ...]:
        """The first numbers of the first call's output; empty where a session has none."""
        ...

    def extra_bytes(self) -> float:
        """NaN where nobody tells."""
        ...

    def parameter_bytes(self) -> int | None:
        """None, as `parameters` and `flops_per_image`, where a file of the user's does not tell."""
        ...

    def input_bytes(self) -> int: ...

    def interaction_bytes(self) -> int | None: ...

    def parameters(self) -> int | None: ...

    def flops_per_image(self) -> float | None: ...

    def from_file(self) -> FromFile | None:
        """Of a network that runs from a file, the exporting and loading of it; None for others."""
        ...

    def compiler_flops_per_image(self) -> float | None: ...

    def idle_power(self) -> tuple[float, str] | None:
        """(Watts of the case's devices while nothing is called, by which counters); None where there is no counter."""
        ...


class Visited(Protocol):
    """What a timed metric may ask, of one visit or of several."""

    @property
    def case(self) -> Case: ...

    def latencies(self) -> tuple[float, ...]:
        """Seconds a step, steady, each call synchronised."""
        ...

    def wall_latencies(self) -> tuple[float, ...]:
        """The same calls by the host's clock, dispatch and synchronisation included."""
        ...

    def clock(self) -> str:
        """What tells the latencies, "device events"; empty where it is the host's clock."""
        ...

    def rates(self) -> tuple[tuple[float, ...], int] | None:
        """(Images a second of pipelined blocks, steps a block); None where calls are synchronous, or long enough not to care."""
        ...

    def energies(self) -> tuple[Energy, ...]:
        """What the timed calls of each visit took; empty where nobody asked."""
        ...

    def served(self) -> tuple[Served, ...]:
        """Requests that arrived under a load, a visit and load each, in time order; empty where nobody asked."""
        ...


class MetricModule(Protocol):
    """One metric: one module of `metrics/` has these; `core.metric` reads what else it may say of itself."""

    TITLE: str
    UNIT: str
    BETTER: str
    """"lower", "higher", or "" where neither is."""
    TIMED: bool
    """Whether it is answered from visits, and not once where a case is opened."""

    def answer(self, bench: Any) -> Measurement | tuple[Measurement, ...] | None:
        """The measurement, of a `Visited` where it is timed, else of an `Opened`; one a load under the load's own name (`core.loads`) of
        those that have several; None, and no row, where the backend has no such thing. One with `OF_WEIGHTS = True` answers of a
        `core.evaluation.Judged`, and has none of an `Opened`."""
        ...


class Watch(Protocol):
    """An observer at work: from the start of a visit's cold calls to the end of its timed ones."""

    def warm(self) -> None:
        """The cold calls are over. Costs nothing: it stands between two calls."""
        ...

    def found(self, calls: int) -> Mapping[str, Any]:
        """Fields of `core.record.Noise`, of a visit of so many calls that has just ended; without what nobody tells."""
        ...


class Observer(Protocol):
    """Something that is sampled while a visit runs, in the process that runs it: one module of `observers/` has this as a function."""

    def observe(self, device: str) -> AbstractContextManager[Watch]:
        """Entered around the calls of a visit on a device, by its name here. Raises nothing of its own where there is nobody to ask."""
        ...
