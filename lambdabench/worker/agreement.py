"""Do two versions of a case compute the same? Outputs, and in training the gradients, of one call each."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .versions import Opened

SHARE = {"float32": 1e-3, "float64": 1e-6}
"""Largest difference as a share of the largest value. Sums in another order differ by 1e-5 in float32."""
COARSE_SHARE = 3e-2
"""The same for tf32 and half precision, whose steps are 1e-3 (tf32, float16) and 8e-3 (bfloat16)."""


def give_equal_weights(base: Any, head: Any) -> None:
    """Copies base's weights to head's network where both have weights of the same names and shapes (torch)."""
    networks = [getattr(one, "network", None) for one in (base, head)]
    if not all(hasattr(one, "state_dict") and hasattr(one, "load_state_dict") for one in networks):
        return
    theirs, ours = (one.state_dict() for one in networks)  # pyright: ignore[reportOptionalMemberAccess]
    if {key: tuple(one.shape) for key, one in theirs.items()} == {key: tuple(one.shape) for key, one in ours.items()}:
        networks[1].load_state_dict(theirs)  # pyright: ignore[reportOptionalMemberAccess]


def call_with_gradients(opened: Opened) -> dict[str, Any]:
    """One call's outputs and, where its network is torch's and trains, gradients by parameter, as arrays."""
    network: Any = getattr(opened.workload, "network", None)
    gradients: dict[str, Any] = {}
    hooks: list[Any] = []
    if opened.case.mode == "train" and hasattr(network, "named_parameters"):
        hooks = [one.register_hook(_keep(gradients, name)) for name, one in network.named_parameters()]
    output = opened.session.call()
    opened.session.synchronize()
    for one in hooks:
        one.remove()
    if problem := opened.session.check(output):
        raise ValueError(problem)
    outputs = output if isinstance(output, (list, tuple)) else (output,)
    found = {f"output {number}" if number else "output": as_array(one) for number, one in enumerate(outputs)}
    return found | {f"gradient of {name}": as_array(one) for name, one in gradients.items()}


def difference(base: Mapping[str, Any], head: Mapping[str, Any], dtype: str) -> str:
    """Where two calls' arrays differ by more than rounding, in words; empty where they agree."""
    if strange := sorted(set(base) ^ set(head)):
        return f"{strange[0]} is there on one side only"
    for name, ours in head.items():
        if problem := _difference(base[name], ours, SHARE.get(dtype, COARSE_SHARE)):
            return f"{name}: {problem}"
    return ""


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
