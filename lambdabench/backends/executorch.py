"""ExecuTorch: the network lowered to a .pte program by a process of its own, on XNNPACK and portable operators. On a CPU, in float32.

Its Python runtime takes and gives torch's tensors, so torch is loaded where it is measured: start-up and memory are of both. On a phone
there is neither.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import MissingExtraError, UnsupportedError
from ..core.exported import Exported
from ..core.ports import Session
from ..core.spec import Case, Device, Library, Value
from . import _file_session

FRAMEWORK = "executorch"
COMPILES = False
LIBRARIES = tuple(Library(name=name) for name in ("executorch", "torch", "timm", "numpy"))
OPTIONS: Mapping[str, Value] = {}
CHOICES: Mapping[str, tuple[Value, ...]] = {}
INSTALL = 'pip install "lambdabench[executorch]"'


def find_devices() -> tuple[Device, ...]:
    """The CPU. Raises MissingExtraError without the runtime."""
    for name in ("executorch", "torch"):
        if find_spec(name) is None:
            raise MissingExtraError(f"{name} is not installed: {INSTALL}")
    return (_file_session.cpu("executorch"),)


def prepare(case: Case) -> None:
    """Nothing: the runtime takes its threads when a program is loaded."""


def open_session(exported: Exported | None, case: Case, seed: int) -> Session:
    """Loads the program. Raises UnsupportedError with what to ask instead."""
    assert exported is not None
    _file_session.refuse(case)
    if case.dtype != "float32":
        raise UnsupportedError(f"executorch is offered in float32, found {case.dtype}; use --dtype float32")
    if case.model.endswith(".onnx"):
        raise UnsupportedError(f"{case.model} is an ONNX file; use --backend onnxruntime or --backend openvino")
    return _file_session.FileSession(exported, case, lambda path: _Program(path, case))


class _Program:
    """A `_file_session.Runtime`."""

    def __init__(self, path: Path, case: Case) -> None:
        import torch
        from executorch.extension.pybindings import portable_lib  # pyright: ignore[reportMissingImports] (an extra)
        from executorch.runtime import Runtime  # pyright: ignore[reportMissingImports] (an extra)

        self._torch, self._threads = torch, portable_lib._threadpool_get_thread_count
        torch.set_num_threads(case.threads or 1)
        portable_lib._unsafe_reset_threadpool(case.threads or 1)
        self._program = Runtime.get().load_program(path)
        self._method: Any = self._program.load_method("forward")

    def run(self, inputs: Sequence[Any]) -> Sequence[Any]:
        return [item.numpy() for item in self._method.execute([*map(self._torch.from_numpy, inputs)])]

    def inputs(self) -> int | None:
        return self._method.metadata.num_inputs()

    def effective(self) -> Mapping[str, Any]:
        return {"device": "cpu", "threads": self._threads(), "runtime": "XNNPACK"}

    def close(self) -> None:
        del self._method, self._program
