"""Squeeze and excitation in JAX."""

from typing import Any

from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from .._initial.jax import as_torch
from .spec import OPTIONS, refuse_change, squeezed


class SqueezeExcitation(nnx.Module):
    """x * sigmoid(W2 relu(W1 mean(x))), arXiv 1709.01507, equations 2 to 4; see the torch twin."""

    def __init__(self, dim: int, *, ratio: int, rngs: nnx.Rngs, **dtypes: Any) -> None:
        width = squeezed(dim, ratio)
        self.squeeze = nnx.Conv(dim, width, (1, 1), rngs=rngs, **as_torch(dim), **dtypes)
        self.excite = nnx.Conv(width, dim, (1, 1), rngs=rngs, **as_torch(width), **dtypes)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height width d"]:
        """A map of any size."""
        gate = self.excite(nnx.relu(self.squeeze(x.mean((1, 2), keepdims=True))))
        return x * nnx.sigmoid(gate)


def create(
    dim: int,
    dim_out: int,
    *,
    stride: int,
    size: tuple[int, int] | None,
    dtype: Any = None,
    param_dtype: Any = jnp.float32,
    rngs: nnx.Rngs | None = None,
    **options: Any,
) -> SqueezeExcitation:
    """A SqueezeExcitation; see `lambdabench.create_layer`. Raises OptionError for other widths out than in, and for strides."""
    refuse_change(dim, dim_out, stride)
    settings: dict[str, Any] = OPTIONS | options
    return SqueezeExcitation(dim, rngs=rngs or nnx.Rngs(0), dtype=dtype, param_dtype=param_dtype, **settings)
