"""ONNX Runtime: the network exported to ONNX by a process of its own, or a .onnx file as it is, in a process that loads the runtime and
NumPy alone. On a CPU, and by its CUDA provider on NVIDIA's GPUs (written for it, not measured yet).

The graph's optimisations are `graph_optimization`; threads are those of one operator, operators run one after the other. The first call
finds the graph optimised and weights packed: the metric load_s has that.
"""

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import MismatchError, MissingExtraError, UnsupportedError
from ..core.exported import Exported
from ..core.ports import Session
from ..core.spec import Case, Device, Library, Value
from . import _file_session, _nvidia

FRAMEWORK = "onnx"
COMPILES = False
LIBRARIES = (
    *(Library(name=name) for name in ("onnxruntime", "onnx", "onnxscript", "torch", "timm", "numpy")),
    *_nvidia.LIBRARIES,
)
OPTIONS: Mapping[str, Value] = {"graph_optimization": "all", "quantize": "none", "calibration": ""}
"""`quantize`: the file is made one of 8-bit integers; `calibration`: the folder of images from which static takes its ranges, seeded
noise without one."""
CHOICES: Mapping[str, tuple[Value, ...]] = {
    "graph_optimization": ("all", "extended", "basic", "none"),
    "quantize": ("none", "dynamic", "static"),
}
LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "none": "ORT_DISABLE_ALL",
}
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
INSTALL = 'pip install "lambdabench[onnxruntime]"'


def find_devices() -> tuple[Device, ...]:
    """GPUs that the runtime's build has a provider for, then the CPU. Raises MissingExtraError without the runtime."""
    if find_spec("onnxruntime") is None:
        raise MissingExtraError(f"onnxruntime is not installed: {INSTALL}")
    import onnxruntime

    has_cuda = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
    return (*(_nvidia.devices("onnxruntime") if has_cuda else ()), _file_session.cpu("onnxruntime"))


def prepare(case: Case) -> None:
    """Nothing: the runtime takes its settings when a file is loaded."""


def open_session(exported: Exported | None, case: Case, seed: int) -> Session:
    """Loads the file. Raises UnsupportedError with what to ask instead."""
    assert exported is not None
    _file_session.refuse(case)
    level = _file_session.option(case, OPTIONS, CHOICES, "graph_optimization")
    if case.device == "cpu" and case.dtype != "float32":
        raise UnsupportedError(
            f"ONNX Runtime computes {case.dtype} on a CPU by way of float32, and convolutions in bfloat16 not at all; "
            "use --dtype float32, or --backend openvino"
        )
    if case.dtype == "bfloat16":
        raise UnsupportedError("ONNX Runtime has no convolutions in bfloat16; use --dtype float16")
    quantised = _file_session.option(case, OPTIONS, CHOICES, "quantize")
    if "calibration" in dict(case.options) and quantised != "static":
        raise UnsupportedError(f"quantize {quantised} takes no images; leave out calibration, or use quantize = static")
    return _file_session.FileSession(
        exported, case, lambda path: _OnnxRuntime(path, case, level), quantised=quantised != "none"
    )


class _OnnxRuntime:
    """A `_file_session.Runtime`."""

    def __init__(self, path: Path, case: Case, level: str) -> None:
        import onnxruntime

        kind, _, index = case.device.partition(":")
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = case.threads or 1
        settings.inter_op_num_threads = 1
        settings.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[level])
        settings.log_severity_level = 3  # errors
        own = {"device_id": index or "0", "use_tf32": str(int(case.dtype == "tf32"))} if kind == "cuda" else {}
        before = _threads()
        self._session = onnxruntime.InferenceSession(path, settings, providers=[(PROVIDERS[kind], own)])
        self._threads = None if before is None else (_threads() or 0) - before + 1
        self._names = [item.name for item in self._session.get_inputs()]
        self._device = case.device
        if (provider := self._session.get_providers()[0]) != PROVIDERS[kind]:
            raise MismatchError(f"ONNX Runtime took {provider} instead of {PROVIDERS[kind]}: its log says why")

    def run(self, inputs: Sequence[Any]) -> Sequence[Any]:
        return self._session.run(None, dict(zip(self._names, inputs, strict=True)))

    def inputs(self) -> int:
        return len(self._names)

    def effective(self) -> Mapping[str, Any]:
        settings = self._session.get_session_options()
        level = settings.graph_optimization_level.name
        name = next(name for name, value in LEVELS.items() if value == level)
        return {
            "device": self._device,
            "threads": settings.intra_op_num_threads if self._threads is None else self._threads,
            "runtime": f"{self._session.get_providers()[0]}, graph optimization {name}, operators in turn",
        }

    def close(self) -> None:
        del self._session


def _threads() -> int | None:
    """Threads of this process; None where nobody tells. The runtime starts one less than it computes with: the caller's is one of them."""
    tasks = Path("/proc/self/task")
    return len(os.listdir(tasks)) if tasks.is_dir() else None
