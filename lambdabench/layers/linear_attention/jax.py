"""Linear attention in JAX."""

from typing import Any

import jax
from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from .._attention.jax import heads_of, pooled, product, projection, together
from .._attention.spec import depth_of_heads
from .spec import OPTIONS


class LinearAttention(nnx.Module):
    """softmax_depth(q) (softmax_positions(k)^T v), the product in brackets first; see the torch twin."""

    def __init__(self, dim: int, dim_out: int, *, stride: int, heads: int, settings: dict[str, Any]) -> None:
        self.heads, self.depth, self.stride = heads, depth_of_heads(dim_out, heads), stride
        self.to_queries_keys_values = projection(dim, dim_out, settings)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height_out width_out dim_out"]:
        """A map of any size."""
        queries, keys, values = heads_of(self.to_queries_keys_values(x), self.heads)
        weights = jax.nn.softmax(keys.astype(jnp.float32), axis=(2, 3)).astype(values.dtype)
        context = product("bhyxk,bhyxd->bhkd", weights, values).astype(values.dtype)
        queries = jax.nn.softmax(queries.astype(jnp.float32), axis=4).astype(values.dtype)
        y = product("bhyxk,bhkd->bhyxd", queries, context).astype(values.dtype)
        return pooled(together(y), self.stride)


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
) -> LinearAttention:
    """A LinearAttention; see `lambdabench.create_layer`. It needs no `size`."""
    given: dict[str, Any] = OPTIONS | options
    settings = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs or nnx.Rngs(0)}
    return LinearAttention(dim, dim_out, stride=stride, settings=settings, **given)
