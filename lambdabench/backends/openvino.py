"""OpenVINO: the network exported to ONNX by a process of its own, or a .onnx file as it is, in a process that loads the runtime and NumPy
alone, on a CPU.

The precision that it computes in is always said: by itself it takes bfloat16 where the processor has it. One stream, hinted at latency,
with the case's threads; what came of each is read back. The metric load_s has the compiling of the graph.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import MismatchError, MissingExtraError, UnsupportedError
from ..core.exported import Exported
from ..core.ports import Session
from ..core.spec import Case, Device, Library, Value
from . import _file_session

FRAMEWORK = "onnx"
COMPILES = False
LIBRARIES = tuple(Library(name=name) for name in ("openvino", "onnx", "onnxscript", "torch", "timm", "numpy"))
OPTIONS: Mapping[str, Value] = {"quantize": "none", "calibration": ""}
"""`quantize`: the file is made one of 8-bit integers by ONNX Runtime's quantiser; `calibration` as that backend has it."""
CHOICES: Mapping[str, tuple[Value, ...]] = {"quantize": ("none", "static")}
PRECISIONS = {"float32": ("f32", "FP32"), "bfloat16": ("bf16", "BF16"), "float16": ("f16", "FP16")}
"""dtype -> (OpenVINO's name of it, the capability that a device must have)."""
INSTALL = 'pip install "lambdabench[openvino]"'


def find_devices() -> tuple[Device, ...]:
    """The CPU. Raises MissingExtraError without the runtime."""
    if find_spec("openvino") is None:
        raise MissingExtraError(f"openvino is not installed: {INSTALL}")
    return (_file_session.cpu("openvino"),)


def prepare(case: Case) -> None:
    """Nothing: the runtime takes its settings when a file is loaded."""


def open_session(exported: Exported | None, case: Case, seed: int) -> Session:
    """Compiles the file for this processor. Raises UnsupportedError with what to ask instead."""
    assert exported is not None
    _file_session.refuse(case)
    if case.dtype not in PRECISIONS:
        raise UnsupportedError(f"OpenVINO has no {case.dtype} on {case.device}; use --dtype float32")
    if (has_own := exported.facts.kernel == "cpu") and case.dtype != "float32":
        raise UnsupportedError(f"kernel cpu computes in float32 in OpenVINO, found {case.dtype}; use kernel auto")
    quantised = _file_session.quantised(case, OPTIONS, CHOICES)
    return _file_session.FileSession(
        exported, case, lambda path: _OpenVino(path, case, has_own=has_own, quantised=quantised), quantised=quantised
    )


class _OpenVino:
    """A `_file_session.Runtime`."""

    def __init__(self, path: Path, case: Case, *, has_own: bool, quantised: bool) -> None:
        import openvino

        core = openvino.Core()
        if has_own:
            core.add_extension(_own_operators())
        precision, capability = PRECISIONS[case.dtype]
        there = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if capability not in there:
            raise UnsupportedError(
                f"this processor has no {case.dtype} for OpenVINO ({', '.join(there)}); use --dtype float32"
            )
        asked = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": case.threads or 1,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._compiled = core.compile_model(path, "CPU", asked)
        self._request = self._compiled.create_infer_request()
        self._type: str = self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        if self._type != precision:
            raise MismatchError(f"OpenVINO computes in {self._type} instead of {precision}; use --dtype float32")
        self._is_plain = case.dtype == "float32" and not quantised

    def run(self, inputs: Sequence[Any]) -> Sequence[Any]:
        # a view of the request's own memory, valid until the next call, as ONNX Runtime's fresh arrays are
        return [*self._request.infer(dict(enumerate(inputs)), share_inputs=True, share_outputs=True).values()]

    def inputs(self) -> int:
        return len(self._compiled.inputs)

    def effective(self) -> Mapping[str, Any]:
        tell = self._compiled.get_property
        devices = ",".join(device.lower() for device in tell("EXECUTION_DEVICES"))
        streams, hint = tell("NUM_STREAMS"), getattr(tell("PERFORMANCE_HINT"), "name", tell("PERFORMANCE_HINT"))
        return {
            "device": devices,
            "threads": int(tell("INFERENCE_NUM_THREADS")),
            "param_dtype": "float32" if self._is_plain else "",
            "runtime": f"precision {self._type}, hint {str(hint).lower()}, {streams} stream{'' if streams == 1 else 's'}, "
            f"pinned {'yes' if tell('ENABLE_CPU_PINNING') else 'no'}",
        }

    def close(self) -> None:
        del self._request, self._compiled


def _own_operators() -> str:
    """The library of our compiled kernel's operators, built where it is not there yet. Raises UnsupportedError with what to do instead."""
    from ..kernels._cpu import build, openvino  # which no other file needs

    try:
        return str(openvino.library())
    except (build.UnavailableError, OSError) as error:
        raise UnsupportedError(f"kernel cpu cannot be had in OpenVINO: {error}; use kernel auto") from error
