"""Query-first in XLA, a row of the window at a time: what is alive is the weights of one row, on maps of any size.

Within a row of offsets all columns are multiplied, those outside the window by zero, so that both products are matrix products.
The backward pass makes a row's weights again.
"""

import jax
from jax import numpy as jnp
from jaxtyping import Array, Float

from .xla_einsum import accumulator, band, product, with_content


def apply(
    queries: Float[Array, "b y x h k"],
    values: Float[Array, "b j i v u"],
    content: Float[Array, "b k v"] | None,
    embeddings: Float[Array, "k u r_y r_x"] | None,
) -> Float[Array, "b y x h v"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out."""
    b, height, width, h, k = queries.shape
    y = with_content(queries.reshape(b, -1, h, k), content)
    y = jnp.broadcast_to(y, (b, height * width, h, values.shape[3])).reshape(b, height, width, h, -1)
    return y if embeddings is None else y + _position(queries, values, embeddings)


def _position(queries: Array, values: Array, embeddings: Array) -> Array:
    """Offsets that no query and context position have between them are cut off the window first."""
    b, height, width, h, _ = queries.shape
    rows, context = embeddings.shape[2], values.shape[1]
    before, after = min(rows // 2, height - 1), min(rows // 2, context - 1)
    table = embeddings[:, :, rows // 2 - before : rows // 2 + after + 1].astype(values.dtype)
    below = max(0, height + after - context)
    padded = jnp.pad(values, ((0, 0), (before, below), *((0, 0),) * 3))
    columns = band(table.transpose(2, 0, 1, 3), 3, width, values.shape[2])

    @jax.checkpoint
    def add_row(y: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
        start, column = step
        row = jax.lax.dynamic_slice_in_dim(padded, start, height, axis=1)
        weights = product("byxhk,kuxi->byxhiu", queries, column)
        return y + product("byxhiu,byivu->byxhv", weights, row).astype(y.dtype), None

    zero = jnp.zeros((b, height, width, h, values.shape[3]), accumulator(values))
    total, _ = jax.lax.scan(add_row, zero, (jnp.arange(before + after + 1), columns))
    return total.astype(values.dtype)
