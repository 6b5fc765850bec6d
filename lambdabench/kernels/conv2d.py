"""Lambda convolution (arXiv 2102.08602, section 3.2): position lambdas by one 2-D convolution of the values, shared over their depth."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def apply(
    queries: Float[Tensor, "b h k height width"],
    values: Float[Tensor, "b v u height_m width_m"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k u r_y r_x"] | None,
) -> Float[Tensor, "b h v height width"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out.

    `embeddings` hold the relative offsets of context positions, the centre being offset 0.
    """
    height, width = queries.shape[-2:]
    terms: list[Tensor] = []
    if content is not None:
        terms.append(torch.einsum("bhkyx,bkv->bhvyx", queries, content))
    if embeddings is not None:
        lambdas = _position_lambdas(values, embeddings, (height, width))
        terms.append(torch.einsum("bhkyx,bvkyx->bhvyx", queries, lambdas))
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]


def _position_lambdas(
    values: Float[Tensor, "b v u height_m width_m"],
    embeddings: Float[Tensor, "k u r_y r_x"],
    size: tuple[int, int],
) -> Float[Tensor, "b v k height width"]:
    """Offsets that no query and context position have between them are cut off the window first."""
    b, v = values.shape[:2]
    context_size = values.shape[3:]
    before, after, window = [0, 0], [0, 0], embeddings
    for axis in (0, 1):
        centre = embeddings.shape[2 + axis] // 2
        before[axis] = min(centre, size[axis] - 1)
        after[axis] = min(centre, context_size[axis] - 1)
        window = window.narrow(2 + axis, centre - before[axis], before[axis] + after[axis] + 1)
    bottom, right = (size[axis] + after[axis] - context_size[axis] for axis in (0, 1))
    maps = functional.pad(values.flatten(0, 1), (before[1], right, before[0], bottom))
    return functional.conv2d(maps, window.to(maps.dtype)).reshape(b, v, -1, *size)
