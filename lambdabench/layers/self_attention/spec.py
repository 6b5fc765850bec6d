"""Options, parameters and operations of global relative self-attention, without a framework."""

from .._attention.spec import depth_of_heads

OPTIONS: dict[str, int | str] = {"heads": 8}
"""Identity defaults: 8 heads (arXiv 1904.09925, section 4.1; arXiv 2102.08602, Table 4). BoTNet has 4 (arXiv 2101.11605)."""


def parameters(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, heads: int = 8) -> int:
    """Three projections and 2H - 1 + 2W - 1 offsets of a head's depth, shared by the heads."""
    return 3 * dim * dim_out + (2 * size[0] + 2 * size[1] - 2) * depth_of_heads(dim_out, heads)


def macs(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, heads: int = 8) -> int:
    """One image: projections, q.r for each row and column, q.k and the sum of values; a stride changes nothing, it pools behind."""
    depth_of_heads(dim_out, heads)
    n = size[0] * size[1]
    return n * dim_out * (3 * dim + size[0] + size[1] + 2 * n)


def activation_bytes(
    dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, itemsize: int = 4, heads: int = 8
) -> int:
    """One image, one forward: what convolutions and matrix products write, the n^2 weights included, kept or not."""
    n = size[0] * size[1]
    return itemsize * n * (4 * dim_out + heads * (size[0] + size[1] + n))


def interaction_elements(dim: int, dim_out: int, *, size: tuple[int, int], batch_size: int = 1, heads: int = 8) -> int:
    """Attention weights b h n^2, the memory of Table 4 of arXiv 2102.08602."""
    return batch_size * heads * (size[0] * size[1]) ** 2
