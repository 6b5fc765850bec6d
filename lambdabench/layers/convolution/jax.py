"""The 3x3 convolution in JAX."""

from typing import Any

from flax import nnx
from jax import numpy as jnp

from .._initial.jax import he


def create(
    dim: int,
    dim_out: int,
    *,
    stride: int,
    size: tuple[int, int] | None,
    dtype: Any = None,
    param_dtype: Any = jnp.float32,
    rngs: nnx.Rngs | None = None,
) -> nnx.Conv:
    """A convolution that strides itself, without bias; weights as He et al. (arXiv 1502.01852), for the outputs' count."""
    return nnx.Conv(
        dim,
        dim_out,
        (3, 3),
        stride,
        padding=((1, 1), (1, 1)),
        use_bias=False,
        kernel_init=he(3, dim_out),
        dtype=dtype,
        param_dtype=param_dtype,
        rngs=rngs or nnx.Rngs(0),
    )
