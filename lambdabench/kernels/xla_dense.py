"""Query-first in XLA, dense: queries meet the embeddings before the values, so that no lambda [k, v] of a position is ever made.

y_n = sum_m (q_n . e_nm) v_m costs h (k + v) products a pair of positions instead of k v, and keeps h weights a pair instead of
k v a position. For small maps, where all pairs are few.
"""

from jax import numpy as jnp
from jaxtyping import Array, Float

from .xla_einsum import expand, product, with_content


def apply(
    queries: Float[Array, "b y x h k"],
    values: Float[Array, "b j i v u"],
    content: Float[Array, "b k v"] | None,
    embeddings: Float[Array, "k u r_y r_x"] | None,
) -> Float[Array, "b y x h v"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out."""
    b, height, width, h, k = queries.shape
    flat = queries.reshape(b, height * width, h, k)
    y = with_content(flat, content)
    if embeddings is not None:
        dense = expand(embeddings.astype(values.dtype), (height, width), values.shape[1:3])
        weights = product("bnhk,nmku->bnhmu", flat, dense)
        y = y + product("bnhmu,bmvu->bnhv", weights, values.reshape(b, -1, *values.shape[3:]))
    return jnp.broadcast_to(y, (b, height * width, h, values.shape[3])).reshape(b, height, width, h, -1)
