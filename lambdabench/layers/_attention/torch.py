"""Projections, relative offsets and pooling of the attention layers in torch."""

import math

from jaxtyping import Float
from torch import Tensor, nn


def projection(dim: int, dim_out: int) -> nn.Conv2d:
    """One 1x1 convolution for queries, keys and values: heads * 3 * depth channels, N(0, dim^-1/2)."""
    conv = nn.Conv2d(dim, 3 * dim_out, 1, bias=False)
    nn.init.normal_(conv.weight, std=1 / math.sqrt(dim))
    return conv


def pooling(stride: int) -> nn.Module:
    """The stride of a layer that runs at its input's resolution (arXiv 2102.08602, appendix): means of what lies on the map."""
    return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False) if stride > 1 else nn.Identity()


def by_offset(table: Float[Tensor, "offsets ..."], rows: int) -> Float[Tensor, "i ... j"]:
    """result[i, ..., j] = table[rows - 1 + j - i] for `rows` i, and as many j as the table has offsets for."""
    return table.unfold(0, table.shape[0] - rows + 1, 1).flip(0)


def relative(table: Float[Tensor, "offsets depth"], length: int) -> Float[Tensor, "i depth j"]:
    """Embeddings of the offsets j - i on an axis of `length`, from a table made for an axis as long or longer."""
    centre = table.shape[0] // 2
    return by_offset(table[centre - length + 1 : centre + length], length)
