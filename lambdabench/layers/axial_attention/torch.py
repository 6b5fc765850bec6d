"""Axial attention in torch."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...kernels.grid_attention import attend
from .._attention.spec import depth_of_heads, refuse_larger, required_size
from .._attention.torch import pooling, projection, relative
from .spec import OPTIONS


class AxialAttention(nn.Module):
    """Attention along the height, then along the width of its output, each with projections and relative offsets of its own.

    Logits are (q.k + q.r) / sqrt(depth): Wang et al. (arXiv 2003.07853, equation 3) over the whole axis. Their position terms
    of keys and values (equation 4) and their batch norms are left out, so that only the axes differ from `self_attention`;
    Ho et al. (arXiv 1912.12180) have the same axes with absolute positions. arXiv 2102.08602 does not say which it timed.
    """

    def __init__(self, dim: int, dim_out: int, *, stride: int, size: tuple[int, int], heads: int) -> None:
        super().__init__()
        self.size = size
        self.height = _Axis(dim, dim_out, length=size[0], heads=heads)
        self.width = _Axis(dim_out, dim_out, length=size[1], heads=heads)
        self.pool = pooling(stride)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b dim_out height_out width_out"]:
        """A map no larger than `size`."""
        refuse_larger((x.shape[2], x.shape[3]), self.size)
        y = self.height(x.transpose(2, 3)).transpose(2, 3)
        return self.pool(self.width(y))


class _Axis(nn.Module):
    """Attention along the last axis, which has at most `length` positions."""

    def __init__(self, dim: int, dim_out: int, *, length: int, heads: int) -> None:
        super().__init__()
        self.heads, self.depth = heads, depth_of_heads(dim_out, heads)
        self.to_queries_keys_values = projection(dim, dim_out)
        self.embeddings = nn.Parameter(torch.empty(2 * length - 1, self.depth))
        nn.init.normal_(self.embeddings, std=self.depth**-0.5)

    def forward(self, x: Float[Tensor, "b d lines length"]) -> Float[Tensor, "b dim_out lines length"]:
        b, _, lines, length = x.shape
        heads = self.to_queries_keys_values(x).reshape(b * self.heads, 3, self.depth, lines, length)
        queries, keys, values = heads.permute(0, 3, 1, 2, 4).reshape(-1, 3, self.depth, length).unbind(1)
        queries = queries.transpose(1, 2) * self.depth**-0.5
        positions = torch.einsum("gid,idj->gij", queries, relative(self.embeddings, length))
        y = attend(queries, keys, values, positions, positions.new_zeros(*positions.shape[:2], 1))
        y = y.reshape(b, self.heads, lines, self.depth, length).transpose(2, 3)
        return y.reshape(b, self.heads * self.depth, lines, length)


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> AxialAttention:
    """An AxialAttention; see `lambdabench.create_layer`."""
    settings: dict[str, Any] = OPTIONS | options
    return AxialAttention(dim, dim_out, stride=stride, size=required_size("axial_attention", size), **settings)
