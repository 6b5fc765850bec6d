"""Axial attention in JAX."""

from typing import Any

from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from .._attention.jax import attend, heads_of, pooled, product, projection, relative, table, together
from .._attention.spec import depth_of_heads, refuse_larger, required_size
from .spec import OPTIONS


class AxialAttention(nnx.Module):
    """Attention along the height, then along the width of its output; see the torch twin."""

    def __init__(
        self, dim: int, dim_out: int, *, stride: int, size: tuple[int, int], heads: int, settings: dict[str, Any]
    ) -> None:
        self.size, self.stride = size, stride
        self.height = _Axis(dim, dim_out, length=size[0], heads=heads, settings=settings)
        self.width = _Axis(dim_out, dim_out, length=size[1], heads=heads, settings=settings)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height_out width_out dim_out"]:
        """A map no larger than `size`."""
        refuse_larger((x.shape[1], x.shape[2]), self.size)
        y = self.height(x.swapaxes(1, 2)).swapaxes(1, 2)
        return pooled(self.width(y), self.stride)


class _Axis(nnx.Module):
    """Attention along the third axis, which has at most `length` positions."""

    def __init__(self, dim: int, dim_out: int, *, length: int, heads: int, settings: dict[str, Any]) -> None:
        self.heads, self.depth = heads, depth_of_heads(dim_out, heads)
        self.to_queries_keys_values = projection(dim, dim_out, settings)
        self.embeddings = table(2 * length - 1, self.depth, self.depth**-0.5, settings)

    def __call__(self, x: Float[Array, "b lines length d"]) -> Float[Array, "b lines length dim_out"]:
        b, lines, length, _ = x.shape
        apart = heads_of(self.to_queries_keys_values(x), self.heads)
        queries, keys, values = (array.reshape(b * self.heads * lines, length, self.depth) for array in apart)
        queries = queries * self.depth**-0.5
        embedded = relative(self.embeddings[...].astype(queries.dtype), length)
        positions = product("gid,ijd->gij", queries, embedded)
        y = attend(queries, keys, values, positions, jnp.zeros((*positions.shape[:2], 1), positions.dtype))
        return together(y.reshape(b, self.heads, lines, length, self.depth))


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
) -> AxialAttention:
    """An AxialAttention; see `lambdabench.create_layer`."""
    given: dict[str, Any] = OPTIONS | options
    settings = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs or nnx.Rngs(0)}
    size = required_size("axial_attention", size)
    return AxialAttention(dim, dim_out, stride=stride, size=size, settings=settings, **given)
