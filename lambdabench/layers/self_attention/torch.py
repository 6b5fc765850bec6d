"""Global relative self-attention in torch."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...kernels.grid_attention import attend
from .._attention.spec import depth_of_heads, refuse_larger, required_size
from .._attention.torch import pooling, projection, relative
from .spec import OPTIONS


class SelfAttention(nn.Module):
    """softmax((q.k + q.r_row + q.r_column) / sqrt(depth)) v over the whole map, relative offsets shared by the heads.

    arXiv 1904.09925, equations 2 to 5; no projection behind the heads, as in arXiv 2101.11605, Fig. 4.
    """

    def __init__(self, dim: int, dim_out: int, *, stride: int, size: tuple[int, int], heads: int) -> None:
        super().__init__()
        self.heads, self.size = heads, size
        self.depth = depth_of_heads(dim_out, heads)
        self.to_queries_keys_values = projection(dim, dim_out)
        self.row_embeddings = nn.Parameter(torch.empty(2 * size[0] - 1, self.depth))
        self.column_embeddings = nn.Parameter(torch.empty(2 * size[1] - 1, self.depth))
        for table in (self.row_embeddings, self.column_embeddings):
            # as arXiv 2101.11605's published code
            nn.init.normal_(table, std=self.depth**-0.5)
        self.pool = pooling(stride)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b dim_out height_out width_out"]:
        """A map no larger than `size`."""
        b, _, height, width = x.shape
        refuse_larger((height, width), self.size)
        heads = self.to_queries_keys_values(x).reshape(b * self.heads, 3, self.depth, height * width)
        queries, keys, values = heads.unbind(1)
        queries = queries.transpose(1, 2) * self.depth**-0.5
        grid = queries.unflatten(1, (height, width))
        rows = torch.einsum("gyxd,ydj->gyxj", grid, relative(self.row_embeddings, height))
        columns = torch.einsum("gyxd,xdi->gyxi", grid, relative(self.column_embeddings, width))
        y = attend(queries, keys, values, rows.flatten(1, 2), columns.flatten(1, 2))
        return self.pool(y.reshape(b, self.heads * self.depth, height, width))


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> SelfAttention:
    """A SelfAttention; see `lambdabench.create_layer`."""
    settings: dict[str, Any] = OPTIONS | options
    return SelfAttention(dim, dim_out, stride=stride, size=required_size("self_attention", size), **settings)
