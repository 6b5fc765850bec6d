"""The paper's own way (arXiv 2102.08602, Fig. 3 and appendix): dense embeddings, zero outside the window, and einsum."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def apply(
    queries: Float[Tensor, "b h k height width"],
    values: Float[Tensor, "b v u height_m width_m"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k u r_y r_x"] | None,
) -> Float[Tensor, "b h v height width"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out."""
    size, context_size = queries.shape[-2:], values.shape[-2:]
    terms: list[Tensor] = []
    if content is not None:
        terms.append(torch.einsum("bhkn,bkv->bhvn", queries.flatten(3), content))
    if embeddings is not None:
        dense = expand(embeddings.to(values.dtype), size, context_size)
        lambdas = torch.einsum("nmku,bvum->bnkv", dense, values.flatten(3))
        terms.append(torch.einsum("bhkn,bnkv->bhvn", queries.flatten(3), lambdas))
    return sum(terms[1:], start=terms[0]).unflatten(3, size)


def apply_masked(
    queries: Float[Tensor, "b h k n"],
    keys: Float[Tensor, "b n m k u"] | None,
    values: Float[Tensor, "b v u m"],
    embeddings: Float[Tensor, "n m k u"] | None,
    mask: Bool[Tensor, "b n m"],
) -> Float[Tensor, "b h v n"]:
    """Each query has a context of its own, so a content lambda of its own: `keys` are normalised over it (appendix, masked contexts)."""
    lambdas = torch.zeros((), dtype=queries.dtype, device=queries.device)
    if keys is not None:
        lambdas = lambdas + torch.einsum("bnmku,bvum->bnkv", keys, values)
    if embeddings is not None:
        lambdas = lambdas + torch.einsum("nmku,bnm,bvum->bnkv", embeddings, mask.to(values.dtype), values)
    return torch.einsum("bhkn,bnkv->bhvn", queries, lambdas)


def expand(
    embeddings: Float[Tensor, "k u r_y r_x"], size: Sequence[int], context_size: Sequence[int]
) -> Float[Tensor, "n m k u"]:
    """e_nm = r_rel(n,m), zero where the offset is outside the window; positions row by row."""
    places: list[Tensor] = []
    inside: list[Tensor] = []
    for axis in (0, 1):
        scope = embeddings.shape[2 + axis]
        query = torch.arange(size[axis], device=embeddings.device)
        context = torch.arange(context_size[axis], device=embeddings.device)
        offset = context[None, :] - query[:, None] + scope // 2
        inside.append((offset >= 0) & (offset < scope))
        places.append(offset.clamp(0, scope - 1))
    dense = embeddings[:, :, places[0][:, None, :, None], places[1][None, :, None, :]]
    seen = inside[0][:, None, :, None] & inside[1][None, :, None, :]
    k, u = embeddings.shape[:2]
    return (dense * seen).permute(2, 3, 4, 5, 0, 1).reshape(size[0] * size[1], context_size[0] * context_size[1], k, u)
