"""A case that is a file and runs in a runtime which knows no framework: what ONNX Runtime, OpenVINO and their like have in common.

The answer of every visit is held against what eager float32 gave on the same weights and inputs, when the file was exported.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..core.errors import UnsupportedError
from ..core.exported import ARRAYS, Exported, FromFile
from ..core.record import Compilation, Effective
from ..core.spec import Case, Device, Value

LARGEST: Mapping[str, float] = {"float32": 1e-4, "tf32": 2e-2, "float16": 2e-2, "bfloat16": 1e-1}
"""Largest difference from eager float32, as a share of its largest output, that is rounding. float32: sums in another order came to
1.2e-6 at most over five networks, and bfloat16 taken silently to 4e-3 and more; the others have steps of 1e-3 (tf32, float16) and 8e-3
(bfloat16), which fifty layers add up."""
QUANTISED = 0.7
"""The same of 8-bit integers, as the root of squares of the difference against that of the output: a random answer has 1.4, resnet18 had
0.02 and mobilenetv2_100 0.10 (ONNX Runtime's quantiser, random weights, 64 px). Whether such a network answers well is for `evaluate`
to say."""
SHOWN = 1000
"""Numbers of an output that are kept."""
IMAGES = 4
"""Axes of a batch of maps."""


class Runtime(Protocol):
    """A file, loaded."""

    def run(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Arrays in the order of the file's inputs, to arrays in the order of its outputs."""
        ...

    def inputs(self) -> int | None:
        """How many the file takes; None where it does not tell."""
        ...

    def effective(self) -> Mapping[str, Any]:
        """Fields of `core.record.Effective`, read back: device, threads, runtime and whatever else is known."""
        ...

    def close(self) -> None:
        """Frees what is held."""
        ...


class _PerfClock:
    def now(self) -> float:
        return time.perf_counter()


def refuse(case: Case) -> None:
    """Raises UnsupportedError, with what to ask instead, for what no file of ours does."""
    if case.devices != 1:
        raise UnsupportedError(f"{case.backend} runs on one device; leave out --devices")
    if case.mode == "train":
        raise UnsupportedError(
            f"{case.backend} runs networks and trains none; use --mode inference, or --backend torch_eager"
        )
    if case.layout != "contiguous":
        raise UnsupportedError(f"{case.backend} lays maps out as it likes, from contiguous images; leave out --layout")


def option(case: Case, options: Mapping[str, Value], choices: Mapping[str, tuple[Value, ...]], name: str) -> str:
    """A case's value of an option of the backend's own. Raises UnsupportedError for none of its choices."""
    value = dict(case.options).get(name, options[name])
    if name in choices and value not in choices[name]:
        raise UnsupportedError(f"{name} {value!r} is unknown; use one of {', '.join(map(str, choices[name]))}")
    return str(value)


def quantised(case: Case, options: Mapping[str, Value], choices: Mapping[str, tuple[Value, ...]]) -> bool:
    """Whether a case's file is one of 8-bit integers. Raises UnsupportedError for images that nobody takes."""
    scheme = option(case, options, choices, "quantize")
    if "calibration" in dict(case.options) and scheme != "static":
        raise UnsupportedError(f"quantize {scheme} takes no images; leave out calibration, or use quantize = static")
    return scheme != "none"


def cpu(backend: str) -> Device:
    """The processor, whose rate another backend measures."""
    import os

    from ..core import cpuinfo

    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Device(name="cpu", title=cpuinfo.name(), memory_bytes=memory_bytes, backends=(backend,))


class FileSession:
    """A `core.ports.Session`."""

    clock = _PerfClock()
    asynchronous = False
    meter = None

    def __init__(
        self, exported: Exported, case: Case, load: Callable[[Path], Runtime], *, quantised: bool = False
    ) -> None:
        self._facts, self._case, self._quantised = exported.facts, case, quantised
        with np.load(exported.folder / ARRAYS) as arrays:
            self._inputs = _in_order(arrays, "input")
            self._expected = _in_order(arrays, "output")
        if case.dtype == "float16":
            self._inputs = [item.astype(np.float16) if item.dtype == np.float32 else item for item in self._inputs]
        start_s = time.perf_counter()
        self._runtime = load(exported.path)
        self._load_s = time.perf_counter() - start_s
        if self._runtime.inputs() not in (None, len(self._inputs)):
            raise UnsupportedError(
                f"the file of {case.model} takes {self._runtime.inputs()} inputs, and the network {len(self._inputs)}: the exporter left "
                "out what changes nothing; use --backend torch_eager"
            )
        self._difference: float | None = None
        self._is_own = True

    def call(self) -> Any:
        return self._runtime.run(self._inputs)

    def feed(self, inputs: tuple[Any, ...]) -> None:
        self._inputs, self._is_own = [np.asarray(item) for item in inputs], False

    def synchronize(self) -> None:
        """A call returns when it is done."""

    def time_calls(self, count: int) -> Sequence[float]:
        times: list[float] = []
        run, inputs = self._runtime.run, self._inputs
        for _ in range(count):
            start_s = time.perf_counter()
            run(inputs)
            times.append(time.perf_counter() - start_s)
        return times

    def rest(self) -> None:
        """Nothing is kept on a device."""

    def from_file(self) -> FromFile:
        """What is known of the file and its loading, once an output was checked."""
        return FromFile(
            export_s=self._facts.seconds,
            file_bytes=self._facts.file_bytes,
            load_s=self._load_s,
            difference=self._difference,
        )

    def effective(self, output: Any) -> Effective:
        known = self._runtime.effective()
        fed = ", ".join(f"{item.dtype} {'x'.join(map(str, item.shape))}" for item in self._inputs)
        sizes = [len(item) for item in output if item.ndim]
        asked = self._case.batch_size
        mode = "features" if self._facts.features else "inference" if self._facts.seconds is not None else ""
        settings: dict[str, Any] = dict(known) | {"runtime": f"{self._facts.exporter}; {known['runtime']}"}
        return Effective(
            mode=mode,
            output_dtype=",".join(sorted({str(item.dtype) for item in output})),
            layout="contiguous",
            batch_size=asked if asked in sizes else min(sizes, default=asked),
            kernel=self._facts.kernel,
            features=self._facts.features,
            inputs=fed,
            **settings,
        )

    def compilation(self) -> Compilation | None:
        """What a runtime makes of a graph is made when it is loaded."""
        return None

    def check(self, output: Any) -> str:
        wrong = sum(int((~np.isfinite(item)).sum()) for item in output if item.dtype.kind == "f")
        if wrong:
            return f"{wrong} of {sum(item.size for item in output)} outputs are not finite"
        if not self._expected or not self._is_own:
            sizes = {len(item) for item in output if item.ndim}
            shapes = ", ".join(str(item.shape) for item in output[:IMAGES])
            named = f"the output's shape is {shapes}, expected ({self._case.batch_size},) and more"
            return "" if self._case.batch_size in sizes else named
        shapes, wanted = ([tuple(item.shape) for item in items] for items in (output, self._expected))
        if shapes != wanted:
            return f"the output's shape is {shapes}, expected {wanted} as torch's"
        self._difference = max(map(_apart, output, self._expected))
        return self._too_far(output)

    def doubts(self) -> tuple[str, ...]:
        return ()

    def values(self, output: Any) -> tuple[float, ...]:
        first = output[0]
        last = first.transpose(0, 2, 3, 1) if first.ndim == IMAGES else first
        return tuple(last.reshape(-1)[:SHOWN].astype(float).tolist())

    def array(self, output: Any) -> Any:
        return np.asarray(output[0], np.float32)

    def parameters(self) -> int | None:
        return self._facts.parameters

    def parameter_bytes(self) -> int | None:
        return self._facts.parameter_bytes

    def input_bytes(self) -> int:
        return sum(item.nbytes for item in self._inputs)

    def interaction_bytes(self) -> int | None:
        return self._facts.interaction_bytes

    def flops(self) -> float | None:
        return self._facts.flops

    def compiler_flops(self) -> None:
        """A runtime counts none."""

    def close(self) -> None:
        self._runtime.close()

    def _too_far(self, output: Any) -> str:
        if self._quantised:
            noise = max(map(_noise, output, self._expected))
            limit, apart = QUANTISED, noise
            what = "the root of squares of its output"
        else:
            limit, apart = LARGEST[self._case.dtype], self._difference or 0.0
            what = "its largest output"
        if apart <= limit:
            return ""
        return f"differs from eager float32 on the same weights and inputs by {apart:.1e} of {what}, of which {limit:g} is rounding"


def _in_order(arrays: Any, name: str) -> list[Any]:
    return [arrays[f"{name}{place}"] for place in range(sum(key.startswith(name) for key in arrays.files))]


def _apart(output: Any, expected: Any) -> float:
    """The largest difference as a share of the largest value."""
    largest = float(np.max(np.abs(expected), initial=0.0))
    apart = float(np.max(np.abs(output.astype(np.float64) - expected), initial=0.0))
    return apart / largest if largest else apart


def _noise(output: Any, expected: Any) -> float:
    """The root of squares of the difference against that of what was expected."""
    power = float(np.sum(np.square(expected, dtype=np.float64)))
    return float(np.sqrt(np.sum(np.square(output.astype(np.float64) - expected)) / power)) if power else 0.0
