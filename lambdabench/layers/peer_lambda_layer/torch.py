"""The lambda layers of timm and lambda-networks."""

from typing import Any

from torch import nn

from ...core import registry
from ...core.errors import OptionError
from .spec import LIBRARIES, OPTIONS, refuse_change


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> nn.Module:
    """The library's own module; see `lambdabench.create_layer`. Raises UnknownNameError, OptionError where it is not installed."""
    refuse_change(dim, dim_out, stride)
    settings = OPTIONS | options
    library, heads, key_depth, scope = (settings[key] for key in ("library", "heads", "key_depth", "scope"))
    if library == "timm":
        from timm.layers.lambda_layer import LambdaLayer

        return LambdaLayer(dim, num_heads=int(heads), dim_head=int(key_depth), r=int(scope))
    if library == "lambda_networks":
        return _lambda_networks(dim, heads=int(heads), key_depth=int(key_depth), scope=int(scope))
    raise registry.unknown("library", str(library), LIBRARIES)


def _lambda_networks(dim: int, *, heads: int, key_depth: int, scope: int) -> nn.Module:
    try:
        from lambda_networks import LambdaLayer  # pyright: ignore[reportMissingTypeStubs] (there are none)
    except ImportError as error:
        raise OptionError('library lambda_networks is not installed: pip install "lambda-networks==0.4.0"') from error
    return LambdaLayer(dim=dim, dim_out=dim, dim_k=key_depth, heads=heads, dim_u=1, r=scope)
