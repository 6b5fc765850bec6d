"""For TPU, in Pallas: lambdas of a tile of queries by one matrix product over 128 lanes, each one channel of one image; none is stored.

Forward and backward. Sums are float32; in bfloat16 the gradient of the lambdas is rounded once, before its products. Compiled for
v5e and v4 by libtpu and equal to float64 in Pallas' interpreter; not measured on a TPU yet. `xla_rows` runs elsewhere, and where a map
is too large for a core's vector memory.
"""

import functools
from typing import Any

import jax
from jax import numpy as jnp
from jaxtyping import Array, Float

from . import _xla_target, xla_rows
from ._pallas import programs, tiles
from ._pallas.tiles import LANES, SUBLANES, Tiles
from .xla_einsum import with_content

INTERPRETED = False
"""Set by tests: the kernel runs in Pallas' interpreter, on any platform."""
WIDEST = 4
"""Bytes of an element at most: float64 is not a TPU's."""


def runs(platform: str, size: tuple[int, ...], context_size: tuple[int, ...], scope: tuple[int, ...]) -> bool:
    """Whether it is for such a map, whatever its channels and its dtype."""
    cut = tiles.cut((1, *size, 4, 16), (1, *context_size, 1), scope)
    return (platform == "tpu" or INTERPRETED) and tiles.vmem_bytes(cut, WIDEST) <= tiles.VMEM_BYTES


def apply(
    queries: Float[Array, "b y x h k"],
    values: Float[Array, "b j i v u"],
    content: Float[Array, "b k v"] | None,
    embeddings: Float[Array, "k u r_y r_x"] | None,
) -> Float[Array, "b y x h v"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out."""
    b, height, width, h, k = queries.shape
    v, depth = values.shape[3:]
    if embeddings is None:
        y = with_content(queries.reshape(b, -1, h, k), content)
        return y.reshape(b, height, width, h, v)
    here = runs(_xla_target.platform(), queries.shape[1:3], values.shape[1:3], embeddings.shape[2:])
    if not here or values.dtype.itemsize > WIDEST:
        return xla_rows.apply(queries, values, content, embeddings)
    first = jnp.zeros((b, k, v), values.dtype) if content is None else content
    table = embeddings.astype(values.dtype)
    split = _xla_target.split(_applied, (True, True, True, False))
    terms = [
        split(queries, values[..., u], first if u == 0 else jnp.zeros_like(first), table[:, u]) for u in range(depth)
    ]
    return functools.reduce(jnp.add, terms)


@jax.custom_vjp
def _applied(
    queries: Float[Array, "b y x h k"],
    values: Float[Array, "b j i v"],
    content: Float[Array, "b k v"],
    table: Float[Array, "k r_y r_x"],
) -> Float[Array, "b y x h v"]:
    cut = tiles.cut(queries.shape, values.shape, table.shape[1:])
    outputs = programs.forward(cut, *_laid(cut, queries, values, content, table), interpret=INTERPRETED)
    return _images(cut, outputs)


def _forward(*given: Array) -> tuple[Array, tuple[Array, ...]]:
    return _applied(*given), given


def _backward(given: tuple[Array, ...], gradient: Array) -> tuple[Array, ...]:
    queries, values, _, table = given
    cut = tiles.cut(queries.shape, values.shape, table.shape[1:])
    slopes = _lanes(cut, _columns(cut, gradient.astype(values.dtype)), 3)
    d_values, d_queries, d_content, d_table = programs.backward(cut, *_laid(cut, *given), slopes, interpret=INTERPRETED)
    gradients = (
        _plain_queries(cut, d_queries),
        _plain_values(cut, d_values),
        _unlaned(cut, d_content).transpose(1, 0, 2)[:, : cut.key_depth],
        _plain_table(cut, d_table.sum(0), table.shape[1:]),
    )
    return tuple(item.astype(like.dtype) for item, like in zip(gradients, given, strict=True))


_applied.defvjp(_forward, _backward)


def _laid(cut: Tiles, queries: Array, values: Array, content: Array, table: Array) -> tuple[Array, ...]:
    """Table, lanes of images, values, queries and content as the programs take them."""
    wide = jnp.pad(content, ((0, 0), (0, cut.key_rows - cut.key_depth), (0, 0)))
    return (
        _toeplitz(cut, table),
        _lanes_of_images(cut, values.dtype),
        _lanes(cut, _margins(cut, values), 2),
        _laid_queries(cut, queries.astype(values.dtype)),
        _lanes(cut, wide.astype(values.dtype), 1),
    )


def _window(cut: Tiles, scope: tuple[int, ...]) -> tuple[slice, slice]:
    """The offsets of a table of `scope` that two positions can have between them."""
    starts = [number // 2 - before for number, before in zip(scope, cut.before, strict=True)]
    rows, columns = (slice(start, start + count) for start, count in zip(starts, cut.window, strict=True))
    return rows, columns


def _toeplitz(cut: Tiles, table: Array) -> Float[Array, "queries*k around"]:
    """A tile's embeddings of the positions around it: the table, a column further for each query."""
    part = table[:, *_window(cut, table.shape[1:])]
    most = cut.around - cut.window[1]
    rows = [
        jnp.pad(part, ((0, cut.key_rows - cut.key_depth), (0, 0), (place, most - place)))
        for place in range(cut.queries)
    ]
    return jnp.stack(rows).reshape(cut.rows, cut.window[0] * cut.around)


def _plain_table(cut: Tiles, wide: Array, scope: tuple[int, ...]) -> Array:
    """The gradient of a table from that of a tile's embeddings."""
    parts = wide.reshape(cut.queries, cut.key_rows, cut.window[0], cut.around)[:, : cut.key_depth]
    sums = sum(parts[place, :, :, place : place + cut.window[1]] for place in range(cut.queries))
    return jnp.zeros((cut.key_depth, *scope), wide.dtype).at[:, *_window(cut, scope)].set(sums)


def _lanes_of_images(cut: Tiles, dtype: Any) -> Float[Array, "images lanes"]:
    ones = jnp.repeat(jnp.eye(cut.images, dtype=dtype), LANES // cut.images, axis=1)
    return jnp.pad(ones, ((0, max(0, SUBLANES - cut.images)), (0, 0)))


def _margins(cut: Tiles, values: Array) -> Array:
    margins = [
        (before, whole - before - side) for before, whole, side in zip(cut.before, cut.padded, cut.context, strict=True)
    ]
    return jnp.pad(values, ((0, 0), *margins, (0, 0)))


def _columns(cut: Tiles, array: Array) -> Array:
    """[b, y, x, h, any] with whole tiles of columns."""
    return jnp.pad(array, ((0, 0), (0, 0), (0, cut.columns - cut.size[1]), (0, 0), (0, 0)))


def _lanes(cut: Tiles, array: Array, axes: int) -> Array:
    """[b, (axes), v] as [(axes), lanes]."""
    images = -(-cut.batch // cut.images) * cut.images
    more = ((0, images - cut.batch), *((0, 0),) * axes, (0, cut.depth - cut.value_depth))
    return jnp.moveaxis(jnp.pad(array, more), 0, axes).reshape(*array.shape[1 : axes + 1], images * cut.depth)


def _unlaned(cut: Tiles, array: Array) -> Array:
    """[(axes), lanes] as [(axes), b, v]."""
    return array.reshape(*array.shape[:-1], -1, cut.depth)[..., : cut.batch, : cut.value_depth]


def _images(cut: Tiles, outputs: Float[Array, "y x h lanes"]) -> Float[Array, "b y x h v"]:
    return jnp.moveaxis(_unlaned(cut, outputs[:, : cut.size[1]]), 3, 0)


def _plain_values(cut: Tiles, laid: Float[Array, "rows columns lanes"]) -> Float[Array, "b j i v"]:
    (top, left), (rows, columns) = cut.before, cut.context
    return jnp.moveaxis(_unlaned(cut, laid[top : top + rows, left : left + columns]), 2, 0)


def _laid_queries(cut: Tiles, queries: Array) -> Float[Array, "y groups images x*h*k"]:
    images = -(-cut.batch // cut.images) * cut.images
    more = ((0, images - cut.batch), (0, 0), (0, 0), (0, 0), (0, cut.key_rows - cut.key_depth))
    wide = jnp.moveaxis(jnp.pad(_columns(cut, queries), more), 0, 1)
    flat = wide.reshape(cut.size[0], -1, cut.images, cut.columns * cut.heads * cut.key_rows)
    return jnp.pad(flat, ((0, 0), (0, 0), (0, max(0, SUBLANES - cut.images)), (0, 0)))


def _plain_queries(cut: Tiles, laid: Float[Array, "y groups images x*h*k"]) -> Float[Array, "b y x h k"]:
    """Summed over the groups of lanes of an image."""
    rows, columns = cut.size
    parts = laid[:, :, : cut.images].reshape(rows, -1, cut.blocks, cut.images, laid.shape[3]).sum(2)
    wide = parts.reshape(rows, -1, cut.columns, cut.heads, cut.key_rows)
    return jnp.moveaxis(wide, 1, 0)[: cut.batch, :, :columns, :, : cut.key_depth]
