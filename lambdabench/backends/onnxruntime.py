"""ONNX Runtime: the network exported to ONNX by a process of its own, or a .onnx file as it is, in a process that loads the runtime and
NumPy alone. On a CPU; on NVIDIA's GPUs by its CUDA or TensorRT provider, which is written and not measured yet, with the host's memory.

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
OPTIONS: Mapping[str, Value] = {
    "graph_optimization": "all",
    "provider": "default",
    "quantize": "none",
    "calibration": "",
}
"""`provider`: CUDA's on a GPU by default; `quantize`: the file is made one of 8-bit integers; `calibration`: the folder of images from
which static takes its ranges, seeded noise without one."""
CHOICES: Mapping[str, tuple[Value, ...]] = {
    "graph_optimization": ("all", "extended", "basic", "none"),
    "provider": ("default", "tensorrt"),
    "quantize": ("none", "dynamic", "static"),
}
LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "none": "ORT_DISABLE_ALL",
}
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
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
    if exported.facts.kernel == "cpu":
        raise UnsupportedError(
            "ONNX Runtime's package has no headers with which operators of its own could be built; use kernel auto, or --backend openvino"
        )
    level = _file_session.option(case, OPTIONS, CHOICES, "graph_optimization")
    if case.device == "cpu" and case.dtype != "float32":
        raise UnsupportedError(
            f"ONNX Runtime computes {case.dtype} on a CPU by way of float32, and convolutions in bfloat16 not at all; "
            "use --dtype float32, or --backend openvino"
        )
    if case.dtype == "bfloat16":
        raise UnsupportedError("ONNX Runtime has no convolutions in bfloat16; use --dtype float16")
    provider = _file_session.option(case, OPTIONS, CHOICES, "provider")
    if provider == "tensorrt" and not case.device.startswith("cuda"):
        raise UnsupportedError(f"TensorRT's provider runs on NVIDIA's GPUs, found {case.device}; leave out provider")
    quantised = _file_session.quantised(case, OPTIONS, CHOICES)
    return _file_session.FileSession(exported, case, lambda path: _OnnxRuntime(path, case, level), quantised=quantised)


def _providers(case: Case) -> list[tuple[str, dict[str, str]]]:
    """What computes, and what takes over where it cannot, each with its settings."""
    kind, _, index = case.device.partition(":")
    if kind == "cpu":
        return [(PROVIDERS[kind], {})]
    cuda = (PROVIDERS["cuda"], {"device_id": index or "0", "use_tf32": str(int(case.dtype == "tf32"))})
    if dict(case.options).get("provider") != "tensorrt":
        return [cuda]
    halves = str(case.dtype == "float16")
    return [(PROVIDERS["tensorrt"], {"device_id": index or "0", "trt_fp16_enable": halves}), cuda]


class _OnnxRuntime:
    """A `_file_session.Runtime`."""

    def __init__(self, path: Path, case: Case, level: str) -> None:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = case.threads or 1
        settings.inter_op_num_threads = 1
        settings.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[level])
        settings.log_severity_level = 3  # errors
        before, providers = _threads(), _providers(case)
        self._session = onnxruntime.InferenceSession(path, settings, providers=providers)
        self._threads = None if before is None else (_threads() or 0) - before + 1
        self._names = [item.name for item in self._session.get_inputs()]
        self._device, self._bound = case.device, None
        self._binding: Any = None
        if (provider := self._session.get_providers()[0]) != providers[0][0]:
            raise MismatchError(
                f"ONNX Runtime took {provider} instead of {providers[0][0]}: its log says why; "
                "leave out provider, or install what that one needs"
            )

    def run(self, inputs: Sequence[Any]) -> Sequence[Any]:
        if self._device != "cpu":
            return self._run_on_device(inputs)
        return self._session.run(None, dict(zip(self._names, inputs, strict=True)))

    def _run_on_device(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Inputs are on the device before the first call with them, as torch's are; outputs come back to the host."""
        import onnxruntime

        index = int(self._device.partition(":")[2] or 0)
        if self._bound is not inputs:
            self._bound, self._binding = inputs, self._session.io_binding()
            for name, item in zip(self._names, inputs, strict=True):
                value = onnxruntime.OrtValue.ortvalue_from_numpy(item, "cuda", index)
                self._binding.bind_ortvalue_input(name, value)
            for output in self._session.get_outputs():
                self._binding.bind_output(output.name, "cuda", index)
        self._session.run_with_iobinding(self._binding)
        return self._binding.copy_outputs_to_cpu()

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
        del self._binding, self._session


def _threads() -> int | None:
    """Threads of this process; None where nobody tells. The runtime starts one less than it computes with: the caller's is one of them."""
    tasks = Path("/proc/self/task")
    return len(os.listdir(tasks)) if tasks.is_dir() else None
