"""Position lambdas in XLA by the convolution theorem, one key channel at a time: for windows about as wide as the map.

n log n operations a value channel and key channel, whatever the scope. No lambda [k, v] of a position is kept: the queries meet
each key channel's product at once, and the backward pass makes it again.
"""

import jax
from jax import numpy as jnp
from jaxtyping import Array, Float

from .xla_einsum import with_content

FACTORS = (2, 3, 5)
"""Of lengths that transforms are quick for."""


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
    size, context = queries.shape[1:3], values.shape[1:3]
    window, before, lengths = embeddings.astype(jnp.float32), [0, 0], [0, 0]
    for axis in (0, 1):
        centre = embeddings.shape[2 + axis] // 2
        before[axis], after = min(centre, size[axis] - 1), min(centre, context[axis] - 1)
        window = jax.lax.slice_in_dim(window, centre - before[axis], centre + after + 1, axis=2 + axis)
        # so long that what reaches over an edge meets zeros only
        lengths[axis] = quick_length(max(context[axis] + before[axis], size[axis] + after))
    wide = jnp.fft.rfft2(values.astype(jnp.float32), s=lengths, axes=(1, 2))
    transformed = jnp.conj(jnp.fft.rfft2(window, s=lengths))

    @jax.checkpoint
    def add_channel(y: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
        query, kernel = step
        spectrum = (wide * kernel.transpose(1, 2, 0)[None, :, :, None, :]).sum(-1)
        lambdas = jnp.fft.irfft2(spectrum, s=lengths, axes=(1, 2))
        # the correlation at -before is that of the first query
        lambdas = jnp.roll(lambdas, tuple(before), axis=(1, 2))[:, : size[0], : size[1]]
        return y + query[..., None] * lambdas[:, :, :, None, :], None

    zero = jnp.zeros((*queries.shape[:4], values.shape[3]), jnp.float32)
    total, _ = jax.lax.scan(add_channel, zero, (jnp.moveaxis(queries.astype(jnp.float32), -1, 0), transformed))
    return total.astype(values.dtype)


def quick_length(least: int) -> int:
    """The next length that is a product of small primes."""
    length = least
    while not _is_quick(length):
        length += 1
    return length


def _is_quick(length: int) -> bool:
    for factor in FACTORS:
        while length % factor == 0:
            length //= factor
    return length == 1
