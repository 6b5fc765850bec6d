"""Options, parameters and operations of squeeze and excitation, without a framework."""

from ...core.errors import OptionError

OPTIONS: dict[str, int | str] = {"ratio": 4}
"""Identity defaults: the squeeze ratio of arXiv 2102.08602, appendix. Hu et al. have 16 (arXiv 1709.01507, section 4)."""


def squeezed(dim: int, ratio: int) -> int:
    """Channels between the two layers, at least one."""
    return max(1, dim // ratio)


def parameters(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, ratio: int = 4) -> int:
    """Two layers with biases."""
    return (2 * dim + 1) * squeezed(dim, ratio) + dim


def macs(dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, ratio: int = 4) -> int:
    """One image: two layers on one position; the mean and the gating are no matrix products."""
    return 2 * dim * squeezed(dim, ratio)


def activation_bytes(
    dim: int, dim_out: int, *, size: tuple[int, int], stride: int = 1, itemsize: int = 4, ratio: int = 4
) -> int:
    """One image, one forward: what the two layers write."""
    return itemsize * (dim + squeezed(dim, ratio))


def interaction_elements(dim: int, dim_out: int, *, size: tuple[int, int], batch_size: int = 1, ratio: int = 4) -> int:
    """0: no positions interact."""
    return 0


def refuse_change(dim: int, dim_out: int, stride: int) -> None:
    """Raises OptionError for other widths out than in, and for strides."""
    if dim != dim_out or stride != 1:
        raise OptionError(
            f"squeeze_excitation is a gate on its input: found dim {dim}, dim_out {dim_out}, stride {stride}; "
            "make dim_out equal to dim and stride 1"
        )
