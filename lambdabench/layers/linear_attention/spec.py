"""Options, parameters and operations of linear attention, without a framework."""

from .._attention.spec import depth_of_heads

OPTIONS: dict[str, int | str] = {"heads": 8}
"""Identity defaults: as many heads as the other attentions of arXiv 2102.08602 have."""


def parameters(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, heads: int = 8) -> int:
    """Three projections."""
    return 3 * dim * dim_out


def macs(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, heads: int = 8) -> int:
    """One image: projections, keys times values, queries times that. A stride changes nothing, it pools behind."""
    return size[0] * size[1] * dim_out * (3 * dim + 2 * depth_of_heads(dim_out, heads))


def activation_bytes(
    dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, itemsize: int = 4, heads: int = 8
) -> int:
    """One image, one forward: what convolutions and matrix products write."""
    return itemsize * dim_out * (4 * size[0] * size[1] + depth_of_heads(dim_out, heads))


def interaction_elements(dim: int, dim_out: int, *, size: tuple[int, int], batch_size: int = 1, heads: int = 8) -> int:
    """Keys times values of all heads, b h k v = b dim_out^2 / heads: the Theta(bkd) of Table 2 of arXiv 2102.08602."""
    return batch_size * dim_out * depth_of_heads(dim_out, heads)
