"""Local relative self-attention in JAX."""

from typing import Any

from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from .._attention.jax import MASKED, attend, by_offset, heads_of, pooled, product, projection, table, together
from .spec import OPTIONS, Blocks, around, blocks, check, past


class LocalAttention(nnx.Module):
    """softmax((q.k + q.r) / sqrt(depth)) v over the window around a query; see the torch twin, whose blocks these are."""

    def __init__(
        self, dim: int, dim_out: int, *, stride: int, heads: int, scope: int, settings: dict[str, Any]
    ) -> None:
        self.heads, self.scope, self.depth, self.stride = heads, scope, check(dim_out, heads, scope), stride
        self.to_queries_keys_values = projection(dim, dim_out, settings)
        std = self.depth**-0.5
        self.row_embeddings = table(scope, self.depth // 2, std, settings)
        self.column_embeddings = table(scope, self.depth // 2, std, settings)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height_out width_out dim_out"]:
        """A map of any size."""
        b, height, width, _ = x.shape
        down, right = blocks(height, self.scope), blocks(width, self.scope)
        queries, keys, values = heads_of(self.to_queries_keys_values(x), self.heads)
        grid = _query_blocks(queries, down, right) * self.depth**-0.5
        of_rows, of_columns = jnp.split(grid, 2, axis=-1)
        rows = product("bhpyqxd,yjd->bhpyqxj", of_rows, _embedded(self.row_embeddings[...].astype(grid.dtype), down))
        embedded = _embedded(self.column_embeddings[...].astype(grid.dtype), right)
        columns = product("bhpyqxd,xid->bhpyqxi", of_columns, embedded)
        rows = rows + _mask(down, self.scope, height)[:, :, None, None]
        columns = columns + _mask(right, self.scope, width)
        flat = (
            _flat(item)
            for item in (grid, _key_blocks(keys, down, right), _key_blocks(values, down, right), rows, columns)
        )
        y = attend(*flat).reshape(b, self.heads, down.count, right.count, down.queries, right.queries, self.depth)
        y = y.swapaxes(3, 4).reshape(b, self.heads, down.count * down.queries, -1, self.depth)
        return pooled(together(y[:, :, :height, :width]), self.stride)


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
) -> LocalAttention:
    """A LocalAttention; see `lambdabench.create_layer`. It needs no `size`."""
    given: dict[str, Any] = OPTIONS | options
    settings = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs or nnx.Rngs(0)}
    return LocalAttention(dim, dim_out, stride=stride, settings=settings, **given)


def _flat(array: Float[Array, "b h p y q x d"]) -> Float[Array, "bhpq yx d"]:
    """Blocks as groups, positions in them in one row."""
    b, h, p, y, q, x, d = array.shape
    return array.swapaxes(3, 4).reshape(b * h * p * q, y * x, d)


def _query_blocks(
    maps: Float[Array, "b h height width d"], down: Blocks, right: Blocks
) -> Float[Array, "b h p y q x d"]:
    """Block p, q of the map, position y, x in it; zeros past the map's end."""
    b, h, height, width, d = maps.shape
    more = (down.count * down.queries - height, right.count * right.queries - width)
    maps = jnp.pad(maps, ((0, 0), (0, 0), (0, more[0]), (0, more[1]), (0, 0)))
    return maps.reshape(b, h, down.count, down.queries, right.count, right.queries, d)


def _key_blocks(maps: Float[Array, "b h height width d"], down: Blocks, right: Blocks) -> Float[Array, "b h p j q i d"]:
    """What every block sees, the positions around it included."""
    edges = [(item.margin, past(item, length)) for item, length in zip((down, right), maps.shape[2:4], strict=True)]
    maps = jnp.pad(maps, ((0, 0), (0, 0), *edges, (0, 0)))
    maps = jnp.take(maps, _places(down), axis=2)
    return jnp.take(maps, _places(right), axis=4)


def _places(axis: Blocks) -> Array:
    """Positions of the keys of each block on the padded axis."""
    return jnp.arange(axis.count)[:, None] * axis.queries + jnp.arange(axis.keys)[None, :]


def _embedded(table: Float[Array, "scope depth"], axis: Blocks) -> Float[Array, "y j depth"]:
    """Embeddings of key j of a block as seen from its query y; zeros out of the scope."""
    return by_offset(_widened(table, axis, 0.0), axis.queries)


def _mask(axis: Blocks, scope: int, length: int) -> Float[Array, "p y j"]:
    """0 for the keys of block p that query y sees, MASKED out of the scope and, twice over, off the map; y and j last."""
    window = by_offset(_widened(jnp.zeros((scope, 1)), axis, MASKED), axis.queries)[..., 0]
    on_map = jnp.pad(jnp.zeros(length), (axis.margin, past(axis, length)), constant_values=MASKED)
    return window + on_map[_places(axis)][:, None]


def _widened(table: Array, axis: Blocks, value: float) -> Array:
    """The table over all offsets of a block's queries and keys; what is too far is cut off."""
    before, behind = around(axis, table.shape[0])
    kept = table[max(0, -before) : table.shape[0] - max(0, -behind)]
    return jnp.pad(kept, ((max(0, before), max(0, behind)), (0, 0)), constant_values=value)
