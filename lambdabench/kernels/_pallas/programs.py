"""The two programs of a TPU's core: lambdas of a tile of queries by one matrix product, met by the queries where they are made.

Embeddings between the tile and the positions around it, [queries x k, around], times values [around, lanes] are position lambdas
[queries x k, lanes] in registers. Queries are spread over the lanes of their image by a product with a matrix of zeros and ones.
Sums are float32. The backward pass makes the lambdas again and adds up what several tiles share in vector memory.
"""

import functools
from typing import Any

import jax
from jax import numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from .tiles import LANES, SUBLANES, VMEM_BYTES, Tiles

Array = jax.Array
EXACT, PLAIN_PRECISION = jax.lax.Precision.HIGHEST, jax.lax.Precision.DEFAULT
PLAIN, LEFT, RIGHT = ((1,), (0,)), ((0,), (0,)), ((1,), (1,))
"""Which axes a product sums over: as matrices are multiplied, with the left one transposed, with the right one."""


def forward(tiles: Tiles, *operands: Array, interpret: bool) -> Array:
    """Outputs [y, x, h, lanes] of a table [queries k, around], lanes of images [images, 128], values [rows, columns, lanes], queries
    [y, groups, images, x h k] and content lambdas [k, lanes]."""
    table, spread, values, _, _ = operands
    shape = (tiles.size[0], tiles.columns, tiles.heads, tiles.groups * LANES)
    return _call(
        functools.partial(_forward, tiles),
        tiles,
        _inputs(tiles, table, spread),
        [(_outputs_spec(tiles), jax.ShapeDtypeStruct(shape, values.dtype))],
        interpret=interpret,
    )(*operands)[0]


def backward(tiles: Tiles, *operands: Array, interpret: bool) -> tuple[Array, Array, Array, Array]:
    """Gradients of values, queries (of each group of lanes), content and table (of each group), all float32, of the operands of
    `forward` and the gradient of its outputs."""
    table, spread, values, queries, _, _ = operands
    rows, columns, lanes = values.shape
    shapes = (
        (pl.BlockSpec((rows, columns, LANES), lambda g, y, x: (0, 0, g)), values.shape),
        (_queries_spec(tiles, 1), (tiles.size[0], tiles.groups, *queries.shape[2:])),
        (pl.BlockSpec((tiles.key_rows, LANES), lambda g, y, x: (0, g)), (tiles.key_rows, lanes)),
        (pl.BlockSpec((1, *table.shape), lambda g, y, x: (g, 0, 0)), (tiles.groups, *table.shape)),
    )
    made = _call(
        functools.partial(_backward, tiles),
        tiles,
        [*_inputs(tiles, table, spread), _outputs_spec(tiles)],
        [(spec, jax.ShapeDtypeStruct(shape, jnp.float32)) for spec, shape in shapes],
        interpret=interpret,
    )(*operands)
    return made[0], made[1], made[2], made[3]


def _call(body: Any, tiles: Tiles, inputs: list[Any], outputs: list[Any], *, interpret: bool) -> Any:
    return pl.pallas_call(
        body,
        grid=(tiles.groups, tiles.size[0], tiles.columns // tiles.queries),
        in_specs=inputs,
        out_specs=[spec for spec, _ in outputs],
        out_shape=[shape for _, shape in outputs],
        compiler_params=pltpu.CompilerParams(
            dimension_semantics=("parallel", "arbitrary", "arbitrary"), vmem_limit_bytes=VMEM_BYTES
        ),
        interpret=interpret,
    )


def _inputs(tiles: Tiles, table: Array, spread: Array) -> list[Any]:
    return [
        pl.BlockSpec(table.shape, lambda g, y, x: (0, 0)),
        pl.BlockSpec(spread.shape, lambda g, y, x: (0, 0)),
        pl.BlockSpec((*tiles.padded, LANES), lambda g, y, x: (0, 0, g)),
        _queries_spec(tiles, tiles.blocks),
        pl.BlockSpec((tiles.key_rows, LANES), lambda g, y, x: (0, g)),
    ]


def _queries_spec(tiles: Tiles, blocks: int) -> Any:
    """Of queries that `blocks` groups of lanes share."""
    shape = (1, 1, max(SUBLANES, tiles.images), tiles.rows * tiles.heads)
    return pl.BlockSpec(shape, lambda g, y, x: (y, g // blocks, 0, x))


def _outputs_spec(tiles: Tiles) -> Any:
    return pl.BlockSpec((1, tiles.queries, tiles.heads, LANES), lambda g, y, x: (y, x, 0, g))


def _product(left: Array, right: Array, sums: Any) -> Array:
    """Of float32 all bits count; narrower operands are multiplied exactly anyway."""
    precision = EXACT if left.dtype == jnp.float32 else PLAIN_PRECISION
    return jax.lax.dot_general(left, right, (sums, ((), ())), precision=precision, preferred_element_type=jnp.float32)


def _met(tiles: Tiles, values: Any) -> tuple[Any, Array]:
    """(Where the context around this tile lies, its values [around, lanes])."""
    column = pl.multiple_of(pl.program_id(2) * tiles.queries, tiles.queries)
    where = (pl.ds(pl.program_id(1), tiles.window[0]), pl.ds(column, tiles.around), slice(None))
    return where, values[where].reshape(tiles.window[0] * tiles.around, LANES)


def _lambdas(tiles: Tiles, table: Any, values: Array, content: Any) -> Array:
    """[queries, k, lanes], float32."""
    lambdas = _product(table[...], values, PLAIN).reshape(tiles.queries, tiles.key_rows, LANES)
    return lambdas + content[...].astype(jnp.float32)[None]


def _spread(tiles: Tiles, queries: Any, spread: Any) -> Array:
    """[queries, h, k, lanes]: in each lane those of its image."""
    return _product(queries[0, 0], spread[...], LEFT).reshape(tiles.queries, tiles.heads, tiles.key_rows, LANES)


def _forward(tiles: Tiles, *references: Any) -> None:
    table, spread, values, queries, content, outputs = references
    lambdas = _lambdas(tiles, table, _met(tiles, values)[1], content)
    outputs[0] = (_spread(tiles, queries, spread) * lambdas[:, None]).sum(2).astype(outputs.dtype)


def _backward(tiles: Tiles, *references: Any) -> None:
    table, spread, values, queries, content, slopes, d_values, d_queries, d_content, d_table = references

    @pl.when((pl.program_id(1) == 0) & (pl.program_id(2) == 0))
    def _() -> None:
        for reference in (d_values, d_content, d_table):
            reference[...] = jnp.zeros_like(reference)

    where, met = _met(tiles, values)
    slope = slopes[0].astype(jnp.float32)
    lambdas = _lambdas(tiles, table, met, content)
    weighted = (slope[:, :, None] * lambdas[:, None]).reshape(tiles.rows * tiles.heads, LANES)
    d_queries[0, 0] = _product(spread[...], weighted.astype(spread.dtype), RIGHT)
    d_lambdas = (_spread(tiles, queries, spread) * slope[:, :, None]).sum(1)
    d_content[...] += d_lambdas.sum(0)
    d_rows = d_lambdas.reshape(tiles.rows, LANES).astype(values.dtype)
    d_table[0] += _product(d_rows, met, RIGHT)
    d_values[where] += _product(table[...], d_rows, LEFT).reshape(tiles.window[0], tiles.around, LANES)
