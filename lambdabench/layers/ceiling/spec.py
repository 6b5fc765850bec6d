"""Options, parameters and operations of the two ceilings, without a framework."""

from ...core.errors import OptionError

OPTIONS: dict[str, int | str] = {"of": "product"}
"""Identity default; the other is "copy"."""
CEILINGS = ("product", "copy")
Size = tuple[int, int]


def parameters(dim: int, dim_out: int, *, size: Size, stride: int = 1, of: str = "product") -> int:
    """The matrix."""
    return dim * dim_out if of == "product" else 0


def macs(dim: int, dim_out: int, *, size: Size, stride: int = 1, of: str = "product") -> int:
    """One image: a matrix [dim_out, dim] times [dim, positions]."""
    return dim * dim_out * size[0] * size[1] if of == "product" else 0


def activation_bytes(
    dim: int, dim_out: int, *, size: Size, stride: int = 1, itemsize: int = 4, of: str = "product"
) -> int:
    """One image: what the product writes."""
    return itemsize * dim_out * size[0] * size[1] if of == "product" else 0


def interaction_elements(dim: int, dim_out: int, *, size: Size, batch_size: int = 1, of: str = "product") -> int:
    """0: no positions interact."""
    return 0


def refuse_change(dim: int, dim_out: int, stride: int) -> None:
    """Raises OptionError for other widths out than in, and for strides."""
    if dim != dim_out or stride != 1:
        raise OptionError(
            f"ceiling keeps width and size: found dim {dim}, dim_out {dim_out}, stride {stride}; "
            "make dim_out equal to dim and stride 1"
        )
