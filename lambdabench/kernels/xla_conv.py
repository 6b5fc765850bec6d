"""Lambda convolution in XLA (arXiv 2102.08602, section 3.2): position lambdas by one convolution of the values, shared over their depth."""

import jax
from jax import numpy as jnp
from jaxtyping import Array, Float

from .xla_einsum import accumulator, product, with_content


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
    if embeddings is None:
        return y
    return y + product("byxhk,bvyxk->byxhv", queries, _position_lambdas(values, embeddings, (height, width)))


def _position_lambdas(values: Array, embeddings: Array, size: tuple[int, int]) -> Float[Array, "b v y x k"]:
    b, *context, v, u = values.shape
    maps = values.transpose(0, 3, 1, 2, 4).reshape(b * v, *context, u)
    reach = tuple(number // 2 for number in embeddings.shape[2:])
    padding = [(reach[axis], size[axis] + reach[axis] - context[axis]) for axis in (0, 1)]
    array = jax.lax.conv_general_dilated(
        maps,
        embeddings.astype(maps.dtype).transpose(2, 3, 1, 0),
        (1, 1),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        preferred_element_type=accumulator(maps),
    )
    return array.astype(values.dtype).reshape(b, v, *size, -1)
