"""What every backend on torch can be asked beside its case, and what none of them can do."""

from collections.abc import Mapping

from ..core.dtypes import HELD_IN
from ..core.errors import UnsupportedError
from ..core.spec import Case, Value

OPTIONS: Mapping[str, Value] = {"fold": False, "cudnn_benchmark": False, "caches": "warm"}
"""`fold`: batch norms that directly follow a convolution are folded into it; inference and features only. `cudnn_benchmark`: cuDNN tries
its algorithms on each shape and takes the fastest, as timm's own benchmark.py has it. `caches`: "cold" empties a device's caches before
each timed call, as other layers of a network do to a layer that is timed alone."""
CHOICES: Mapping[str, tuple[Value, ...]] = {
    "fold": (False, True),
    "cudnn_benchmark": (False, True),
    "caches": ("warm", "cold"),
}


def refuse(case: Case) -> None:
    """Raises UnsupportedError, with what to ask instead, for what torch cannot do on any backend of ours."""
    if case.devices != 1:
        raise UnsupportedError(f"{case.backend} runs on one device; leave out --devices")
    if case.dtype == "tf32" and not case.device.startswith("cuda"):
        raise UnsupportedError(f"tf32 is a mode of NVIDIA's tensor cores and not of {case.device}; use --dtype float32")
    if case.dtype == "float32_default":
        raise UnsupportedError("float32_default is what JAX's compiler takes for float32; use --dtype float32 or tf32")
    if HELD_IN[case.dtype] == "float32" and case.param_dtype != "float32":
        raise UnsupportedError(
            f"{case.dtype} compute on {case.param_dtype} parameters is not a thing torch does; "
            f'use --dtype {case.param_dtype}, or param_dtype = "float32" in the suite'
        )
    if folds(case) and case.mode == "train":
        raise UnsupportedError("batch norms fold in inference only; leave out fold, or use --mode inference")
    if searches(case) and not case.device.startswith("cuda"):
        raise UnsupportedError(f"cuDNN is not of {case.device}; leave out cudnn_benchmark")
    if (caches := _option(case, "caches")) not in CHOICES["caches"]:
        raise UnsupportedError(f"caches {caches!r} is unknown; use one of warm, cold")


def folds(case: Case) -> bool:
    return bool(_option(case, "fold"))


def searches(case: Case) -> bool:
    """Whether cuDNN looks for its fastest algorithms."""
    return bool(_option(case, "cudnn_benchmark"))


def is_cold(case: Case) -> bool:
    """Whether each timed call begins with empty caches."""
    return _option(case, "caches") == "cold"


def _option(case: Case, name: str) -> Value:
    return dict(case.options).get(name, OPTIONS[name])
