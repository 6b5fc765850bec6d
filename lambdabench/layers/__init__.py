"""Layers that replace the 3x3 convolution of a bottleneck: one folder each, twins `torch.py` and `jax.py` over one `spec.py`."""

from collections.abc import Sequence
from typing import Any

from ..core import registry
from ..core.errors import OptionError, UnsupportedError
from ..core.flags import whole

ARGUMENTS: dict[str, int | str] = {"dim": 0, "dim_out": 0, "stride": 1, "size": ""}
"""What a suite of layers may say in `options` beside the layer's own, with identity defaults (0 and "" are never asked for)."""

FRAMEWORKS = ("torch", "jax")
FRAMEWORKS_OWN = {"jax": ("dtype", "param_dtype", "rngs")}
"""Arguments that every layer and network has in a framework, and no suite."""


def option_defaults(name: str) -> dict[str, int | str | bool]:
    """Identity defaults of a layer's options and arguments. Raises UnknownNameError."""
    registry.load("layers", name)
    return {**ARGUMENTS, **registry.load(f"layers.{name}", "spec").OPTIONS}


def create(
    name: str,
    dim: int,
    dim_out: int | None = None,
    *,
    framework: str = "torch",
    stride: int = 1,
    size: tuple[int, int] | None = None,
    **options: Any,
) -> Any:
    """A layer from [batch, dim, height, width] to [batch, dim_out, height / stride, width / stride] (torch), or the same with
    channels last (JAX, a flax nnx module, which takes dtype, param_dtype and rngs as nnx's own do).

    `size` is (height, width) of the input, needed for scope="global" and where there is an embedding for every offset on the map.
    Raises UnknownNameError, OptionError naming the options there are, or UnsupportedError where it has no twin in a framework.
    """
    registry.load("layers", name)
    spec = registry.load(f"layers.{name}", "spec")
    if framework not in FRAMEWORKS:
        raise registry.unknown("framework", framework, FRAMEWORKS)
    for argument, given in {"dim": dim, "dim_out": dim if dim_out is None else dim_out, "stride": stride}.items():
        whole(argument, given)
    if size is not None and not (isinstance(size, Sequence) and len(size) == 2):
        raise OptionError(f"found size {size!r}, expected (height, width)")
    if strange := sorted(set(options) - set(spec.OPTIONS) - set(FRAMEWORKS_OWN.get(framework, ()))):
        raise OptionError(f"{name} takes no option {', '.join(strange)}; it takes {', '.join(spec.OPTIONS)}")
    if framework not in registry.names(f"layers.{name}"):
        raise UnsupportedError(
            f"{name} has no twin in {framework.upper()}; use framework torch (--backend torch_eager)"
        )
    twin = registry.load(f"layers.{name}", framework)
    return twin.create(dim, dim if dim_out is None else dim_out, stride=stride, size=size, **options)
