"""Options, parameters, operations and blocks of local relative self-attention, without a framework."""

from dataclasses import dataclass

from ...core.errors import OptionError
from .._attention.spec import depth_of_heads

OPTIONS: dict[str, int | str] = {"heads": 8, "scope": 7}
"""Identity defaults: 8 heads and a 7x7 window (arXiv 1906.05909, section 4.1; arXiv 2102.08602, Table 4)."""
BLOCK = 7
"""Queries on a block's edge. They share the keys of the block and its surroundings (Vaswani et al., arXiv 2103.12731).

Of 4, 7, 8, 10 and 14 the quickest on a Zen 4 core for a ResNet-50's maps and 8 images, forward and backward.
"""
WHOLE = 16
"""Axes up to this length are one block: its own keys are no more than a block's with surroundings."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """How an axis is cut: `count` blocks of `queries` positions, each with `keys` of them from `margin` before it on."""

    count: int
    queries: int
    keys: int
    margin: int


def blocks(length: int, scope: int) -> Blocks:
    """The blocks of an axis; the last one may reach past its end."""
    if length <= WHOLE:
        return Blocks(1, length, length, 0)
    return Blocks(-(-length // BLOCK), BLOCK, BLOCK + scope - 1, scope // 2)


def past(axis: Blocks, length: int) -> int:
    """How far the keys of the last block reach past the end of an axis of `length`."""
    return (axis.count - 1) * axis.queries + axis.keys - axis.margin - length


def around(axis: Blocks, scope: int) -> tuple[int, int]:
    """What to add before and behind `scope` offsets (negative: cut off) for those from the last query to the first key and back."""
    reach = scope // 2
    return axis.queries - 1 + axis.margin - reach, axis.keys - 1 - axis.margin - reach


def check(dim_out: int, heads: int, scope: int) -> int:
    """Depth of a head. Raises OptionError for a depth or a scope that the layer cannot have."""
    depth = depth_of_heads(dim_out, heads)
    if depth % 2:
        raise OptionError(f"heads of depth {depth} have no two halves, for rows and columns; choose other heads")
    if scope < 1 or scope % 2 == 0:
        raise OptionError(f"found scope {scope}, expected an odd number of positions")
    return depth


def parameters(
    dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, heads: int = 8, scope: int = 7
) -> int:
    """Three projections and `scope` row and column offsets, each of half a head's depth."""
    return 3 * dim * dim_out + scope * check(dim_out, heads, scope)


def macs(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, heads: int = 8, scope: int = 7) -> int:
    """One image as it is computed, masked keys of a block included; the window alone would have scope^2 keys."""
    check(dim_out, heads, scope)
    queries, rows, columns = _counts(size, scope)
    products = queries * dim_out * 2 * rows * columns + queries * (dim_out // 2) * (rows + columns)
    return 3 * size[0] * size[1] * dim * dim_out + products


def activation_bytes(
    dim: int,
    dim_out: int,
    *,
    size: tuple[int, int],
    stride: int = 1,
    itemsize: int = 4,
    heads: int = 8,
    scope: int = 7,
) -> int:
    """One image, one forward: what convolutions and matrix products write, masked weights of a block included."""
    queries, rows, columns = _counts(size, scope)
    weights = heads * queries * (rows * columns + rows + columns)
    return itemsize * (3 * size[0] * size[1] * dim_out + weights + queries * dim_out)


def interaction_elements(
    dim: int, dim_out: int, *, size: tuple[int, int], batch_size: int = 1, heads: int = 8, scope: int = 7
) -> int:
    """Attention weights b h n m with m = scope^2, Table 4 of arXiv 2102.08602."""
    return batch_size * heads * size[0] * size[1] * scope * scope


def _counts(size: tuple[int, int], scope: int) -> tuple[int, int, int]:
    """Queries of all blocks, and rows and columns of one block's keys."""
    down, right = (blocks(length, scope) for length in size)
    return down.count * down.queries * right.count * right.queries, down.keys, right.keys
