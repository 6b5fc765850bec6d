"""A backend of scripted times and failures: the whole path in milliseconds, with exact numbers, on any machine.

Options of a case: latency_s, jitter (relative), first_call_s, memory_bytes, parameters, flops (a step), sleep_s (real),
largest_batch (a larger one is out of memory); top1 (percent, where it is asked for); fail = "oom" | "crash" | "unsupported" |
"mismatch" | "wrong_output" | "hang" | "kill" | "recompile" | "train"; flag (doubts about the network); compile_s makes it a compiler,
with trace_s, lower_s, graphs, breaks; xla_flops (a step) one that counts; load_s one that runs a file, with export_s, file_bytes,
difference.

Of a fleet of scripted nodes each is told by two variables what it is: `LAMBDABENCH_FAKE_KIND`, and `LAMBDABENCH_FAKE_SLOWNESS`, by which
its steps take longer, of which no row says anything.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.dtypes import HELD_IN
from ..core.errors import MismatchError, OutOfMemoryError, UnsupportedError
from ..core.exported import FromFile
from ..core.ports import Session, Workload
from ..core.record import Compilation, Effective
from ..core.scripted_nodes import KIND, SLOWNESS
from ..core.spec import Case, Device, Value

FRAMEWORK = ""
SEVERAL_HOSTS = True
COMPILES = False
OPTIONS: Mapping[str, Value] = {}
"""None of its own: its script stands where a model's options do, and any are taken."""
CHOICES: Mapping[str, tuple[Value, ...]] = {}
TEST_IMAGES = 1000


def find_devices() -> tuple[Device, ...]:
    """The one device of this backend."""
    kind = os.environ.get(KIND, "")
    title = f"scripted times, {kind}" if kind else "scripted times"
    return (Device(name="fake", title=title, memory_bytes=2**40, backends=("fake",), gemm_flop_per_s=1e12),)


def prepare(case: Case) -> None:
    """Nothing: there is no framework."""


def open_session(workload: Workload | None, case: Case, seed: int) -> Session:
    """A session whose clock advances by what the options say. Raises the failure that they ask for."""
    options: dict[str, Any] = dict(case.options)
    fail = str(options.get("fail", ""))
    if fail == "unsupported":
        raise UnsupportedError("asked to be unsupported; leave out the option fail")
    if fail == "crash":
        raise RuntimeError("asked to crash")
    if fail == "oom" or case.batch_size > int(options.get("largest_batch", case.batch_size)):
        raise OutOfMemoryError("asked to run out of memory; leave out the option fail")
    if fail == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return _FakeSession(case, options, seed)


def train(case: Case, seed: int) -> tuple[int, int]:
    """(Images that are told rightly, images) of a training: as the option top1 says, but for a tenth of the wrong ones each way. Raises
    the failure that `fail = "train"` asks for."""
    options: dict[str, Any] = dict(case.options)
    if options.get("fail") == "train":
        raise RuntimeError("asked to fail where it is trained")
    wrong = (1 - float(options.get("top1", 90.0)) / 100) * random.Random(f"{seed}/{case.model}").uniform(0.9, 1.1)
    return round((1 - wrong) * TEST_IMAGES), TEST_IMAGES


class _FakeClock:
    """Seconds that pass only when a session says so."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def now(self) -> float:
        return self.time_s


class _FakeMeter:
    name = "scripted"

    def __init__(self, extra_bytes: float) -> None:
        self._extra_bytes = extra_bytes

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        return self._extra_bytes, work()


class _FakeSession:
    asynchronous = False

    def __init__(self, case: Case, options: dict[str, Any], seed: int) -> None:
        self.clock = _FakeClock()
        self.meter = _FakeMeter(float(options.get("memory_bytes", 2**20 * case.batch_size)))
        self._case, self._options, self._calls = case, options, 0
        self._slowness = float(os.environ.get(SLOWNESS, "1"))
        self._random = random.Random(f"{seed}/{case}")

    def call(self) -> Any:
        if self._options.get("fail") == "hang":
            time.sleep(3600)
        time.sleep(float(self._options.get("sleep_s", 0.0)))
        self._calls += 1
        step_s = self._slowness * float(self._options.get("latency_s", 0.01 * self._case.batch_size))
        jitter = float(self._options.get("jitter", 0.002))
        if self._calls == 1:
            step_s = float(self._options.get("first_call_s", 3 * step_s))
        self.clock.time_s += step_s * (1 + jitter * self._random.uniform(-1, 1))
        return "output"

    def feed(self, inputs: tuple[Any, ...]) -> None:
        """Nothing is fed."""

    def synchronize(self) -> None:
        """Nothing is ever in flight."""

    def time_calls(self, count: int) -> Sequence[float]:
        times: list[float] = []
        for _ in range(count):
            start_s = self.clock.now()
            self.call()
            times.append(self.clock.now() - start_s)
        return times

    def rest(self) -> None:
        """Nothing is kept."""

    def compilation(self) -> Compilation | None:
        if "compile_s" not in self._options:
            return None
        again = self._options.get("fail") == "recompile" and self._calls > 5
        return Compilation(
            compiler="scripted",
            seconds=float(self._options["compile_s"]),
            graphs=int(self._options.get("graphs", 1)) + again,
            breaks=int(self._options.get("breaks", 0)),
            trace_s=self._options.get("trace_s"),
            lower_s=self._options.get("lower_s"),
        )

    def effective(self, output: Any) -> Effective:
        if self._options.get("fail") == "mismatch":
            raise MismatchError("asked for a mismatch; leave out the option fail")
        case = self._case
        return Effective(
            mode=case.mode,
            device=case.device,
            param_dtype=case.param_dtype or "",
            output_dtype=HELD_IN[case.dtype],
            layout=case.layout,
            threads=case.threads,
            batch_size=case.batch_size,
        )

    def check(self, output: Any) -> str:
        return "asked for a wrong output" if self._options.get("fail") == "wrong_output" else ""

    def doubts(self) -> tuple[str, ...]:
        return tuple(str(self._options["flag"]).split(",")) if "flag" in self._options else ()

    def values(self, output: Any) -> tuple[float, ...]:
        return (1.0, 2.0, 3.0)

    def array(self, output: Any) -> Any:
        raise UnsupportedError("a script has no answers; use another --backend")

    def parameters(self) -> int:
        return int(self._options.get("parameters", 1_000_000))

    def parameter_bytes(self) -> int:
        return 4 * self.parameters()

    def input_bytes(self) -> int:
        return 12 * self._case.batch_size * (self._case.image_px or 0) ** 2

    def interaction_bytes(self) -> int | None:
        return 4 * self._case.batch_size * (self._case.image_px or 1) ** 2

    def flops(self) -> float:
        return float(self._options.get("flops", 1e9 * self._case.batch_size))

    def compiler_flops(self) -> float | None:
        return self._options.get("xla_flops")

    def from_file(self) -> FromFile | None:
        if "load_s" not in self._options:
            return None
        return FromFile(
            export_s=self._options.get("export_s"),
            file_bytes=int(self._options.get("file_bytes", self.parameter_bytes())),
            load_s=float(self._options["load_s"]),
            difference=self._options.get("difference"),
        )

    def close(self) -> None:
        """Nothing is held."""
