"""Options, parameters and operations of the lambda layers of timm and lambda-networks, without a framework.

Both make the position lambdas by a 3-D convolution over all of the window, padding included, with a bias for every k.
"""

from typing import Any

from ...core.errors import OptionError
from ..lambda_layer import spec as lambda_layer

OPTIONS: dict[str, int | str] = {"library": "timm", "heads": 4, "key_depth": 16, "scope": 23}
"""Identity defaults: those of lambda_layer, and one of LIBRARIES."""
LIBRARIES = ("timm", "lambda_networks")
Size = tuple[int, int]


def parameters(dim: int, dim_out: int, *, size: Size | None, stride: int = 1, **options: Any) -> int:
    """d(hk + k + v) + 2hk + 2v + r^2 k + k: projections, batch norms, the convolution and its bias."""
    h, k, v, scope = _depths(dim, options)
    return dim * (h * k + k + v) + 2 * h * k + 2 * v + k * scope**2 + k


def macs(dim: int, dim_out: int, *, size: Size, stride: int = 1, **options: Any) -> int:
    """One image, as executed."""
    h, k, v, scope = _depths(dim, options)
    n = size[0] * size[1]
    return n * (dim * (h * k + k + v) + k * v + 2 * h * k * v + k * v * scope**2)


def fewest_macs(dim: int, dim_out: int, *, size: Size, stride: int = 1, **options: Any) -> float:
    """What a lambda layer needs, not what these execute."""
    needed = {key: value for key, value in options.items() if key != "library"}
    return lambda_layer.fewest_macs(dim, dim_out, size=size, **needed)


def activation_bytes(dim: int, dim_out: int, *, size: Size, stride: int = 1, itemsize: int = 4, **options: Any) -> int:
    """Bytes that convolutions and matrix products write for one image: projections, lambdas, both terms."""
    h, k, v, _ = _depths(dim, options)
    n = size[0] * size[1]
    return itemsize * (n * (h * k + k + v) + k * v + n * k * v + 2 * n * h * v)


def interaction_elements(dim: int, dim_out: int, *, size: Size, batch_size: int = 1, **options: Any) -> int:
    """Elements of the position embeddings as Table 4 of arXiv 2102.08602 counts those of a convolution, whatever the batch: k n r^2."""
    _, k, _, scope = _depths(dim, options)
    n = size[0] * size[1]
    return k * n * min(scope**2, n)


def refuse_change(dim: int, dim_out: int, stride: int) -> None:
    """Raises OptionError for other widths out than in (timm's layer fails on them), and for strides (which differ)."""
    if dim != dim_out or stride != 1:
        raise OptionError(
            f"peer_lambda_layer keeps width and size: found dim {dim}, dim_out {dim_out}, stride {stride}; "
            "make dim_out equal to dim and stride 1"
        )


def _depths(dim: int, options: dict[str, Any]) -> tuple[int, int, int, int]:
    """(h, k, v, scope)."""
    settings = OPTIONS | options
    h, k, scope = (int(settings[key]) for key in ("heads", "key_depth", "scope"))
    return h, k, dim // h, scope
