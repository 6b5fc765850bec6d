"""Options, parameters and operations of axial attention, without a framework."""

from .._attention.spec import depth_of_heads

OPTIONS: dict[str, int | str] = {"heads": 8}
"""Identity defaults: 8 heads (arXiv 2003.07853, section 4.1; arXiv 2102.08602, Table 4)."""


def parameters(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, heads: int = 8) -> int:
    """Projections before either axis and 2H - 1 + 2W - 1 offsets of a head's depth."""
    return 3 * (dim + dim_out) * dim_out + (2 * size[0] + 2 * size[1] - 2) * depth_of_heads(dim_out, heads)


def macs(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, heads: int = 8) -> int:
    """One image: projections; q.r, q.k and the sum of values along either axis. A stride changes nothing, it pools behind."""
    depth_of_heads(dim_out, heads)
    return 3 * size[0] * size[1] * dim_out * (dim + dim_out + size[0] + size[1])


def activation_bytes(
    dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, itemsize: int = 4, heads: int = 8
) -> int:
    """One image, one forward: what convolutions and matrix products write."""
    return itemsize * size[0] * size[1] * (8 * dim_out + 2 * heads * (size[0] + size[1]))


def interaction_elements(dim: int, dim_out: int, *, size: tuple[int, int], batch_size: int = 1, heads: int = 8) -> int:
    """Attention weights b h n (H + W), the memory of Table 4 of arXiv 2102.08602 for two axes."""
    return batch_size * heads * size[0] * size[1] * (size[0] + size[1])
