"""The family in JAX: MobileNet-v2, some of whose blocks hold a lambda layer."""

from typing import Any

from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from ...core.errors import OptionError
from ...layers._initial.jax import he
from ...layers.lambda_layer.jax import LambdaLayer
from ..efficientnet.jax import EfficientNet
from ..efficientnet.spec import VARIANTS as BASES
from .spec import OPTIONS, VARIANTS

BASE = "mobilenetv2_100"


class LambdaBlock(nnx.Module):
    """Pointwise convolution that keeps the channels, lambda layer, pointwise convolution, and the input; see the torch twin."""

    def __init__(self, dim: int, skip: nnx.Dropout | None, settings: dict[str, Any], **options: Any) -> None:
        def conv() -> nnx.Conv:
            return nnx.Conv(dim, dim, (1, 1), use_bias=False, kernel_init=he(1, dim), **settings)

        def norm() -> nnx.BatchNorm:
            return nnx.BatchNorm(dim, momentum=0.9, **settings)

        self.conv_pw, self.bn1 = conv(), norm()
        self.spatial, self.bn2 = LambdaLayer(dim, dim, **settings, **options), norm()
        self.conv_pwl, self.bn3 = conv(), norm()
        self.drop_path = skip

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height width d"]:
        y = nnx.relu6(self.bn1(self.conv_pw(x)))
        y = nnx.relu6(self.bn2(self.spatial(y)))
        y = self.bn3(self.conv_pwl(y))
        return x + (y if self.drop_path is None else self.drop_path(y))


def create(
    name: str,
    *,
    image_px: int | None = None,
    dtype: Any = None,
    param_dtype: Any = jnp.float32,
    rngs: nnx.Rngs | None = None,
    **options: Any,
) -> EfficientNet:
    """The variant `name` with random weights; see `lambdabench.create_model`."""
    settings: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs or nnx.Rngs(0)}
    defaults = {key: value for key, value in OPTIONS.items() if not key.startswith("drop")}
    mine = {key: options.pop(key, value) for key, value in defaults.items()}
    if mine["scope"] == "global":
        raise OptionError(f"{name} is made for any size of image; found scope='global', expected a number of positions")
    network = EfficientNet(BASES[BASE], **settings, **options)
    places = [(stage, place) for stage in network.blocks for place in range(len(stage))]
    for number in VARIANTS[name]:
        stage, place = places[number - 1]
        replaced = stage[place]
        stage[place] = LambdaBlock(replaced.conv_pw.in_features, replaced.skip, settings, **mine)
    return network
