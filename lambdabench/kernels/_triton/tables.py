"""The embeddings as the kernels multiply with them, shifted from row to row (Toeplitz), and gradients of such tables put together."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Offsets (rows, columns) that a query and a context position have between them: how many, how many are before a query, how many
    of the embeddings are before those, and how many behind."""

    size: tuple[int, int]
    before: tuple[int, int]
    cut: tuple[int, int]
    cut_behind: tuple[int, int]


@lru_cache(maxsize=512)
def window(scope: tuple[int, ...], size: tuple[int, ...], context_size: tuple[int, ...]) -> Window:
    """Of a map and its context's, for embeddings whose offset 0 is at scope // 2."""
    centre = (scope[0] // 2, scope[1] // 2)
    before = (min(centre[0], size[0] - 1), min(centre[1], size[1] - 1))
    behind = tuple(min(scope[axis] - 1 - centre[axis], context_size[axis] - 1) for axis in (0, 1))
    return Window(
        size=(before[0] + behind[0] + 1, before[1] + behind[1] + 1),
        before=before,
        cut=(centre[0] - before[0], centre[1] - before[1]),
        cut_behind=(scope[0] - 1 - centre[0] - behind[0], scope[1] - 1 - centre[1] - behind[1]),
    )


def within(embeddings: Float[Tensor, "k 1 r_y r_x"], seen: Window) -> Float[Tensor, "k rows columns"]:
    """The embeddings of a window."""
    return embeddings[:, 0].narrow(1, seen.cut[0], seen.size[0]).narrow(2, seen.cut[1], seen.size[1])


def of_queries(
    e: Float[Tensor, "k r_y r_x"], tile: tuple[int, int], key_rows: int, halo: int, dtype: torch.dtype
) -> Float[Tensor, "queries_k halo"]:
    """Of each query of a tile and each k (padded to `key_rows`) the embedding of each position around the tile, 0 out of its window."""
    k, r_y, r_x = e.shape
    wide, row = tile[1] + r_x - 1, key_rows * halo
    table = e.new_zeros((tile[0] * tile[1] * key_rows, halo), dtype=dtype)
    table.as_strided((*tile, k, r_y, r_x), (tile[1] * row + wide, row + 1, halo, wide, 1)).copy_(e)
    return table


def of_context(
    e: Float[Tensor, "k r_y r_x"], square: tuple[int, int], key_rows: int, halo: int, dtype: torch.dtype
) -> Float[Tensor, "positions halo_k"]:
    """Of each context position of a square and each query around it, both counted from their ends, the embeddings [k]."""
    k, r_y, r_x = e.shape
    wide, row = square[1] + r_x - 1, key_rows * halo
    table = e.new_zeros((square[0] * square[1], row), dtype=dtype)
    strides = (square[1] * row + wide * key_rows, row + key_rows, wide * key_rows, key_rows, 1)
    table.as_strided((*square, r_y, r_x, k), strides).copy_(e.permute(1, 2, 0))
    return table


def gradient(
    shares: Float[Tensor, "splits queries_k halo"], tile: tuple[int, int], key_rows: int, k: int, seen: Window
) -> Float[Tensor, "k 1 r_y r_x"]:
    """Gradient of the embeddings from shares of the gradient of `of_queries`, in one sum."""
    splits, rows, halo = shares.shape
    wide, row = tile[1] + seen.size[1] - 1, key_rows * halo
    strides = (rows * halo, tile[1] * row + wide, row + 1, halo, wide, 1)
    tensor = shares.as_strided((splits, *tile, k, *seen.size), strides).sum((0, 1, 2))
    around = (seen.cut[1], seen.cut_behind[1], seen.cut[0], seen.cut_behind[0])
    return (functional.pad(tensor, around) if any(around) else tensor)[:, None]
