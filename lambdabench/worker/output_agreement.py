"""Do two versions of a case compute the same? Outputs, and in training the gradients, of one call each."""

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from .versions import Opened

SHARE = {"float32": 1e-3, "float64": 1e-6}
"""Largest difference as a share of the largest value. Sums in another order differ by 1e-5 in float32."""
COARSE_SHARE = 3e-2
"""The same for tf32 and half precision, whose steps are 1e-3 (tf32, float16) and 8e-3 (bfloat16)."""


PLAIN = (int, float, complex, str, bytes, bool, type(None))


def give_equal_weights(base: Any, head: Any) -> None:
    """Copies base's weights to head's network where both have weights of the same names and shapes (torch)."""
    networks = [getattr(item, "network", None) for item in (base, head)]
    if not all(hasattr(network, "state_dict") and hasattr(network, "load_state_dict") for network in networks):
        return
    theirs, ours = (network.state_dict() for network in networks)  # pyright: ignore[reportOptionalMemberAccess]
    if {key: tuple(item.shape) for key, item in theirs.items()} == {
        key: tuple(item.shape) for key, item in ours.items()
    }:
        networks[1].load_state_dict(theirs)  # pyright: ignore[reportOptionalMemberAccess]


def call_with_gradients(opened: Opened) -> dict[str, Any]:
    """One call's outputs and, where its network is torch's and trains, gradients by parameter, as arrays."""
    network: Any = getattr(opened.workload, "network", None)
    gradients: dict[str, Any] = {}
    hooks: list[Any] = []
    if opened.case.mode == "train" and hasattr(network, "named_parameters"):
        hooks = [item.register_hook(_keep(gradients, name)) for name, item in network.named_parameters()]
    output = opened.session.call()
    opened.session.synchronize()
    for hook in hooks:
        hook.remove()
    if problem := opened.session.check(output):
        raise ValueError(problem)
    outputs = output if isinstance(output, (list, tuple)) else (output,)
    result = {f"output {number}" if number else "output": as_array(item) for number, item in enumerate(outputs)}
    return result | {f"gradient of {name}": as_array(item) for name, item in gradients.items()}


def difference(base: Mapping[str, Any], head: Mapping[str, Any], dtype: str) -> str:
    """Where two calls' arrays differ by more than rounding, in words; empty where they agree."""
    if strange := sorted(set(base) ^ set(head)):
        return f"{strange[0]} is there on one side only"
    for name, ours in head.items():
        if problem := _difference(base[name], ours, SHARE.get(dtype, COARSE_SHARE)):
            return f"{name}: {problem}"
    return ""


def as_arrays(result: Any) -> dict[str, Any] | None:
    """A result as arrays by name; None for what cannot be compared."""
    if isinstance(result, PLAIN):
        if isinstance(result, float) and math.isnan(result):
            return None
        return {"result": np.asarray(result)}
    if hasattr(result, "detach") or hasattr(result, "__array__"):
        array = as_array(result)
        return {"result": array} if array.dtype.kind in "biufcUS" else None
    items: Any = enumerate(cast("Any", result)) if isinstance(result, (list, tuple)) else ()
    if isinstance(result, dict):
        items = cast("Any", result).items()
    outcome: dict[str, Any] = {}
    for key, item in items:
        inner = as_arrays(item)
        if inner is None:
            return None
        outcome |= {f"{name} {key}": value for name, value in inner.items()}
    return outcome if isinstance(result, (list, tuple, dict)) else None


def digest(call: Callable[[], Any]) -> dict[str, Any] | None:
    """A result in a few numbers that another process can compare; None where two calls differ or it cannot be compared."""
    item, other = as_arrays(call()), as_arrays(call())
    if item is None or other is None or difference(item, other, "float32"):
        return None
    return {name: _few(value) for name, value in item.items()}


def differing_digests(base: dict[str, Any] | None, head: dict[str, Any] | None) -> str:
    """Where two digests differ, in words; empty where they agree or one is not there."""
    if base is None or head is None:
        return ""
    if set(base) != set(head):
        return f"{min(set(base) ^ set(head))} is there on one side only"
    for name, ours in head.items():
        theirs = base[name]
        same = ours == theirs
        if not same and isinstance(ours, list) and isinstance(theirs, list):
            pairs = zip(cast("list[float]", ours), cast("list[float]", theirs), strict=False)
            same = len(ours) == len(theirs) and all(
                math.isclose(a, b, rel_tol=SHARE["float32"], abs_tol=1e-9) for a, b in pairs
            )
        if not same:
            return f"{name}: {ours} instead of {theirs}"
    return ""


def _few(value: Any) -> Any:
    """Size, sum of magnitudes and root of squares of floats; of anything else what it is, or its hash where that is long."""
    if value.dtype.kind != "f":
        text = str(value.tolist())
        return text if len(text) <= 80 else hashlib.sha256(text.encode()).hexdigest()[:12]
    wide = value.astype(np.float64)
    return [float(wide.size), float(np.abs(wide).sum()), float(np.sqrt(np.square(wide).sum()))]


def _difference(base: Any, head: Any, share: float) -> str:
    if base.dtype.kind not in "fc":
        return "" if np.array_equal(base, head) else "another value"
    if base.shape != head.shape:
        return f"shape {head.shape} instead of {base.shape}"
    largest = float(np.max(np.abs(base), initial=0.0))
    apart = float(np.max(np.abs(base - head), initial=0.0))
    return (
        "" if apart <= share * largest + 1e-12 else f"differs by {apart:.2g} where the largest value is {largest:.2g}"
    )


def _keep(where: dict[str, Any], name: str) -> Callable[[Any], None]:
    def keep(gradient: Any) -> None:
        where[name] = gradient

    return keep


def as_array(value: Any) -> Any:
    """A tensor or array of any framework, in double precision where it holds floats."""
    if hasattr(value, "detach"):
        value = value.detach().float().cpu().numpy()
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" or array.dtype.kind == "V" else array
