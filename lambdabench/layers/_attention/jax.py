"""Projections, relative offsets, pooling and the attention itself of the attention layers in JAX. Maps are channels last."""

import math
from typing import Any

import jax
from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from .._initial.jax import normal

WEIGHTS = 1 << 22
"""Attention weights alive at once: 16 MiB in float32. More are made in turns, and made again in the backward pass."""
MASKED = -1e4
"""Added to the logits of keys that do not count."""


def projection(dim: int, dim_out: int, settings: dict[str, Any]) -> nnx.Conv:
    """One 1x1 convolution for queries, keys and values: heads * 3 * depth channels, N(0, dim^-1/2)."""
    draw = normal(1 / math.sqrt(dim))
    return nnx.Conv(dim, 3 * dim_out, (1, 1), use_bias=False, kernel_init=draw, **settings)


def table(offsets: int, depth: int, std: float, settings: dict[str, Any]) -> nnx.Param[Array]:
    """Embeddings of offsets, N(0, std)."""
    return nnx.Param(normal(std)(settings["rngs"].params(), (offsets, depth), settings["param_dtype"]))


def heads_of(projected: Float[Array, "b height width c"], heads: int) -> list[Float[Array, "b h height width depth"]]:
    """Queries, keys and values."""
    b, height, width, _ = projected.shape
    apart = projected.reshape(b, height, width, heads, 3, -1)
    return [jnp.moveaxis(apart[:, :, :, :, place], 3, 1) for place in range(3)]


def together(y: Float[Array, "b h height width depth"]) -> Float[Array, "b height width dim_out"]:
    """Heads side by side."""
    return jnp.moveaxis(y, 1, 3).reshape(y.shape[0], y.shape[2], y.shape[3], -1)


def pooled(y: Float[Array, "b height width d"], stride: int) -> Float[Array, "b height_out width_out d"]:
    """The stride of a layer that runs at its input's resolution (arXiv 2102.08602, appendix): means of what lies on the map."""
    if stride == 1:
        return y
    padding: Any = ((1, 1), (1, 1))
    return nnx.avg_pool(y, (3, 3), (stride, stride), padding=padding, count_include_pad=False)


def by_offset(table: Float[Array, "offsets depth"], rows: int) -> Float[Array, "i j depth"]:
    """result[i, j] = table[rows - 1 + j - i] for `rows` i, and as many j as the table has offsets for."""
    columns = table.shape[0] - rows + 1
    return table[rows - 1 + jnp.arange(columns)[None, :] - jnp.arange(rows)[:, None]]


def relative(table: Float[Array, "offsets depth"], length: int) -> Float[Array, "i j depth"]:
    """Embeddings of the offsets j - i on an axis of `length`, from a table made for an axis as long or longer."""
    centre = table.shape[0] // 2
    return by_offset(table[centre - length + 1 : centre + length], length)


def product(equation: str, *operands: Array) -> Array:
    """An einsum with sums in float32, of float32 as exact as JAX is asked to be where it is called."""
    wide = jnp.promote_types(operands[0].dtype, jnp.float32)
    return jnp.einsum(equation, *operands, preferred_element_type=wide)


def attend(
    queries: Float[Array, "g n d"],
    keys: Float[Array, "g m d"],
    values: Float[Array, "g m d"],
    rows: Float[Array, "g n j"],
    columns: Float[Array, "g n i"],
) -> Float[Array, "g n d"]:
    """Attention of scaled queries whose logits are q.k + row + column, m = j * i keys; softmax in float32.

    Where there are many weights, queries take turns: no n * m weights are kept, forward or backward.
    """
    g, n, _ = queries.shape
    m = keys.shape[1]

    def turn(part: tuple[Array, Array, Array]) -> Array:
        query, row, column = part
        logits = product("gnd,gmd->gnm", query, keys) + (row[..., :, None] + column[..., None, :]).reshape(g, -1, m)
        weights = jax.nn.softmax(logits, axis=2).astype(values.dtype)
        return product("gnm,gmd->gnd", weights, values).astype(values.dtype)

    turns = -(-g * n * m // WEIGHTS)
    if turns <= 1:
        return turn((queries, rows, columns))
    size = -(-n // turns)
    turns = -(-n // size)
    parts = [jnp.pad(array, ((0, 0), (0, turns * size - n), (0, 0))) for array in (queries, rows, columns)]
    cut = tuple(jnp.moveaxis(part.reshape(g, turns, size, -1), 1, 0) for part in parts)
    result = jax.lax.map(jax.checkpoint(turn), cut)
    return jnp.moveaxis(result, 0, 1).reshape(g, turns * size, -1)[:, :n]
