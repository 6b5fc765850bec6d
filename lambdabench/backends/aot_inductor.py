"""AOTInductor: the network compiled ahead of time, by a process of its own, into a package that needs no network code: what measures loads
torch's runtime, and neither timm nor ours. On a CPU, in float32.

Its torch is the whole of torch: start-up and memory are torch's, without what makes and compiles networks.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import UnsupportedError
from ..core.exported import Exported
from ..core.ports import Session
from ..core.spec import Case, Device, Value
from . import _file_session, _torch_devices

FRAMEWORK = "aot_inductor"
COMPILES = False
LIBRARIES = _torch_devices.LIBRARIES
OPTIONS: Mapping[str, Value] = {}
CHOICES: Mapping[str, tuple[Value, ...]] = {}


def find_devices() -> tuple[Device, ...]:
    """The CPU. Raises MissingExtraError without torch."""
    return tuple(device for device in _torch_devices.find_devices("aot_inductor") if device.kind == "cpu")


def prepare(case: Case) -> None:
    """Nothing: torch takes its threads when a package is loaded."""


def open_session(exported: Exported | None, case: Case, seed: int) -> Session:
    """Loads the package. Raises UnsupportedError with what to ask instead."""
    assert exported is not None
    _file_session.refuse(case)
    if case.device != "cpu" or case.dtype != "float32":
        raise UnsupportedError(
            f"aot_inductor is offered on a CPU in float32, found {case.device} and {case.dtype}; use --backend torch_compile"
        )
    if case.model.endswith(".onnx"):
        raise UnsupportedError(f"{case.model} is an ONNX file; use --backend onnxruntime or --backend openvino")
    return _file_session.FileSession(exported, case, lambda path: _Package(path, case))


class _Package:
    """A `_file_session.Runtime`."""

    def __init__(self, path: Path, case: Case) -> None:
        import torch
        from torch import _inductor

        self._torch = torch
        torch.set_num_threads(case.threads or 1)
        self._package = _inductor.aoti_load_package(str(path))

    def run(self, inputs: Sequence[Any]) -> Sequence[Any]:
        with self._torch.inference_mode():
            output = self._package(*map(self._torch.from_numpy, inputs))
        return [item.numpy() for item in (output if isinstance(output, (list, tuple)) else (output,))]

    def inputs(self) -> int | None:
        """A package does not tell."""
        return None

    def effective(self) -> Mapping[str, Any]:
        return {"device": "cpu", "threads": self._torch.get_num_threads(), "runtime": "torch's C++ runtime"}

    def close(self) -> None:
        del self._package
