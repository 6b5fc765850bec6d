"""`triton` with tables that are read for each block of columns, though shared memory had room for them: what that is measured against.

Where there is none, or a table is small, it is the same. Not measured on a GPU yet.
"""

from jaxtyping import Float
from torch import Tensor

from . import triton
from .triton import runs as runs

_apply, _gradients = triton.operators("apply_lambdas_triton_streamed", stream=True)


def apply(
    queries: Float[Tensor, "b h k height width"],
    values: Float[Tensor, "b v u height_m width_m"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k u r_y r_x"] | None,
) -> Float[Tensor, "b h v height width"]:
    """As `triton.apply`."""
    return triton.applied(_apply, queries, values, content, embeddings)
