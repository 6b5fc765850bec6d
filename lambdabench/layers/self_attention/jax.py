"""Global relative self-attention in JAX."""

from typing import Any

from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from .._attention.jax import attend, heads_of, pooled, product, projection, relative, table, together
from .._attention.spec import depth_of_heads, refuse_larger, required_size
from .spec import OPTIONS


class SelfAttention(nnx.Module):
    """softmax((q.k + q.r_row + q.r_column) / sqrt(depth)) v over the whole map; see the torch twin."""

    def __init__(
        self, dim: int, dim_out: int, *, stride: int, size: tuple[int, int], heads: int, settings: dict[str, Any]
    ) -> None:
        self.heads, self.size, self.stride = heads, size, stride
        self.depth = depth_of_heads(dim_out, heads)
        self.to_queries_keys_values = projection(dim, dim_out, settings)
        std = self.depth**-0.5
        self.row_embeddings = table(2 * size[0] - 1, self.depth, std, settings)
        self.column_embeddings = table(2 * size[1] - 1, self.depth, std, settings)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height_out width_out dim_out"]:
        """A map no larger than `size`."""
        b, height, width, _ = x.shape
        refuse_larger((height, width), self.size)
        queries, keys, values = heads_of(self.to_queries_keys_values(x), self.heads)
        queries = queries * self.depth**-0.5
        of_rows = relative(self.row_embeddings[...].astype(queries.dtype), height)
        of_columns = relative(self.column_embeddings[...].astype(queries.dtype), width)
        rows = product("bhyxd,yjd->bhyxj", queries, of_rows)
        columns = product("bhyxd,xid->bhyxi", queries, of_columns)
        flat = (item.reshape(b * self.heads, height * width, -1) for item in (queries, keys, values, rows, columns))
        y = attend(*flat).reshape(b, self.heads, height, width, self.depth)
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
) -> SelfAttention:
    """A SelfAttention; see `lambdabench.create_layer`."""
    given: dict[str, Any] = OPTIONS | options
    settings = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs or nnx.Rngs(0)}
    size = required_size("self_attention", size)
    return SelfAttention(dim, dim_out, stride=stride, size=size, settings=settings, **given)
