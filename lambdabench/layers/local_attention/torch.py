"""Local relative self-attention in torch."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ...kernels.grid_attention import MASKED, attend
from .._attention.torch import by_offset, pooling, projection
from .spec import OPTIONS, Blocks, around, blocks, check, past


class LocalAttention(nn.Module):
    """softmax((q.k + q.r) / sqrt(depth)) v over the window around a query; r is a row and a column embedding, half the depth each.

    arXiv 1906.05909, equations 2 and 3. Beyond the map there are no keys (padding would add zero keys with weights of their own).
    Blocks of queries share their keys, masked to the window: no key is copied scope^2 times.
    """

    def __init__(self, dim: int, dim_out: int, *, stride: int, heads: int, scope: int) -> None:
        super().__init__()
        self.heads, self.scope, self.depth = heads, scope, check(dim_out, heads, scope)
        self.to_queries_keys_values = projection(dim, dim_out)
        self.row_embeddings = nn.Parameter(torch.empty(scope, self.depth // 2))
        self.column_embeddings = nn.Parameter(torch.empty(scope, self.depth // 2))
        for table in (self.row_embeddings, self.column_embeddings):
            nn.init.normal_(table, std=self.depth**-0.5)
        self.pool = pooling(stride)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b dim_out height_out width_out"]:
        """A map of any size."""
        b, _, height, width = x.shape
        down, right = blocks(height, self.scope), blocks(width, self.scope)
        heads = self.to_queries_keys_values(x).reshape(b * self.heads, 3, self.depth, height, width)
        grid = _query_blocks(heads[:, 0], down, right) * self.depth**-0.5
        of_rows, of_columns = grid.chunk(2, dim=-1)
        rows = torch.einsum("gpqyxd,ydj->gpqyxj", of_rows, _embedded(self.row_embeddings, down))
        columns = torch.einsum("gpqyxd,xdi->gpqyxi", of_columns, _embedded(self.column_embeddings, right))
        rows = rows + _mask(down, self.scope, height, rows)[:, None, :, None]
        columns = columns + _mask(right, self.scope, width, columns)[:, None]
        queries, rows, columns = (item.flatten(3, 4).flatten(0, 2) for item in (grid, rows, columns))
        y = attend(queries, *_key_blocks(heads[:, 1:], down, right), rows, columns)
        y = y.reshape(b * self.heads, down.count, right.count, self.depth, down.queries, right.queries)
        y = y.permute(0, 3, 1, 4, 2, 5).reshape(b, self.heads * self.depth, *_covered(down, right))
        return self.pool(y[:, :, :height, :width])


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> LocalAttention:
    """A LocalAttention; see `lambdabench.create_layer`. It needs no `size`."""
    settings: dict[str, Any] = OPTIONS | options
    return LocalAttention(dim, dim_out, stride=stride, **settings)


def _covered(down: Blocks, right: Blocks) -> tuple[int, int]:
    return down.count * down.queries, right.count * right.queries


def _query_blocks(maps: Float[Tensor, "g d height width"], down: Blocks, right: Blocks) -> Float[Tensor, "g p q y x d"]:
    """Block p, q of the map, position y, x in it; zeros past the map's end."""
    height, width = _covered(down, right)
    maps = functional.pad(maps, (0, width - maps.shape[3], 0, height - maps.shape[2]))
    maps = maps.unflatten(3, (right.count, right.queries)).unflatten(2, (down.count, down.queries))
    return maps.permute(0, 2, 4, 3, 5, 1)


def _key_blocks(
    maps: Float[Tensor, "g two d height width"], down: Blocks, right: Blocks
) -> tuple[Float[Tensor, "gpq d m"], Float[Tensor, "gpq d m"]]:
    """Keys and values of every block, those around it included."""
    (above, below), (before, after) = (
        (item.margin, past(item, length)) for item, length in ((down, maps.shape[3]), (right, maps.shape[4]))
    )
    maps = functional.pad(maps, (before, after, above, below))
    maps = maps.unfold(3, down.keys, down.queries).unfold(4, right.keys, right.queries)
    keys, values = maps.permute(0, 3, 4, 1, 2, 5, 6).flatten(5, 6).flatten(0, 2).unbind(1)
    return keys, values


def _embedded(table: Float[Tensor, "scope depth"], axis: Blocks) -> Float[Tensor, "y depth j"]:
    """Embeddings of key j of a block as seen from its query y; zeros out of the scope."""
    return by_offset(functional.pad(table, (0, 0, *around(axis, table.shape[0]))), axis.queries)


def _mask(axis: Blocks, scope: int, length: int, like: Tensor) -> Float[Tensor, "p y j"]:
    """0 for the keys of block p that query y sees, MASKED out of the scope and, twice over, off the map."""
    window = functional.pad(like.new_zeros(scope), around(axis, scope), value=MASKED)
    on_map = functional.pad(like.new_zeros(length), (axis.margin, past(axis, length)), value=MASKED)
    return by_offset(window, axis.queries) + on_map.unfold(0, axis.keys, axis.queries)[:, None]
