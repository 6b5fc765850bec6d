"""The family in JAX: flax nnx networks of images [batch, height, width, channels] with torch's names of weights."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from ... import layers
from ...layers._initial.jax import as_torch, he
from ...layers.lambda_layer.jax import LambdaLayer
from .architecture import CONVOLUTION, EXPANSION, LAMBDA, STAGES, STEM_WIDTH, WIDTHS, Architecture, Block, blocks_of
from .spec import VARIANTS

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"relu": nnx.relu, "silu": nnx.silu}


class DropPath(nnx.Module):
    """Stochastic depth: in training a branch is left out for a share of the images, and scaled up for the others."""

    def __init__(self, rate: float, rngs: nnx.Rngs) -> None:
        self.dropout = nnx.Dropout(rate, broadcast_dims=(1, 2, 3), rngs=rngs)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height width d"]:
        return self.dropout(x)


class Bottleneck(nnx.Module):
    """1x1, spatial layer, 1x1, each with batch norm; the last one starts at gamma 0 (arXiv 2102.08602, appendix)."""

    def __init__(
        self, block: Block, architecture: Architecture, spatial: Any, drop_path_rate: float, made: "_Maker"
    ) -> None:
        self.activation = ACTIVATIONS[architecture.activation]
        self.conv1 = made.conv(block.dim, block.width, 1)
        self.bn1 = made.norm(block.width)
        self.spatial = spatial
        self.bn2 = made.norm(block.width)
        self.conv3 = made.conv(block.width, block.dim_out, 1)
        self.bn3 = made.norm(block.dim_out, scale_init=nnx.initializers.zeros)
        gate = {"ratio": architecture.squeeze_ratio, **made.settings}
        self.gate = (
            layers.create("squeeze_excitation", block.dim_out, framework="jax", **gate) if block.has_gate else None
        )
        self.drop_path = DropPath(drop_path_rate, made.settings["rngs"]) if drop_path_rate else None
        self.shortcut = _shortcut(block, architecture.pooled_shortcut, made)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height_out width_out d_out"]:
        y = self.activation(self.bn1(self.conv1(x)))
        y = self.activation(self.bn2(self.spatial(y)))
        y = self.bn3(self.conv3(y))
        y = y if self.gate is None else self.gate(y)
        y = y if self.drop_path is None else self.drop_path(y)
        return self.activation(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNet(nnx.Module):
    """A classifier of images [b, height, width, in_chans] into float32 logits [b, num_classes].

    `image_px` (pixels a side, or height and width) sizes the embeddings of layers that are global.
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        num_classes: int = 1000,
        in_chans: int = 3,
        image_px: int | tuple[int, int] | None = None,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        shared_embeddings: bool = False,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        rngs: nnx.Rngs | None = None,
        **options: Any,
    ) -> None:
        made = _Maker(dtype, param_dtype, rngs or nnx.Rngs(0))
        px = image_px or architecture.native_px
        blocks = blocks_of(architecture, (px, px) if isinstance(px, int) else px)
        options = dict(architecture.options) | options
        self.stem, self.downsample = _stem(architecture, in_chans, made)
        for stage, name in enumerate(STAGES):
            mine = [(place, block) for place, block in enumerate(blocks) if block.stage == stage]
            bottlenecks: list[Bottleneck] = []
            shared: Any = None
            for place, block in mine:
                spatial = _spatial(block, options, shared, made)
                if shared_embeddings and shared is None and block.layer == LAMBDA:
                    shared = spatial.embeddings  # of the stage's first, whose map is the largest
                rate = drop_path_rate * place / (len(blocks) - 1)
                bottlenecks.append(Bottleneck(block, architecture, spatial, rate, made))
            setattr(self, name, nnx.List(bottlenecks))
        self.dropout = nnx.Dropout(drop_rate, rngs=made.settings["rngs"]) if drop_rate else None
        dim = WIDTHS[-1] * EXPANSION
        self.head = nnx.Linear(dim, num_classes, **as_torch(dim), **made.settings)

    def __call__(self, images: Float[Array, "b height width c"]) -> Float[Array, "b classes"]:
        x = self.downsample(self.stem(images))
        for name in STAGES:
            for block in getattr(self, name):
                x = block(x)
        x = x.mean((1, 2))
        x = x if self.dropout is None else self.dropout(x)
        return self.head(x).astype(jnp.float32)


def create(name: str, **options: Any) -> ResNet:
    """The variant `name` with random weights; see `lambdabench.create_model`."""
    return ResNet(VARIANTS[name], **options)


class _Maker:
    """Convolutions and norms of one dtype policy."""

    def __init__(self, dtype: Any, param_dtype: Any, rngs: nnx.Rngs) -> None:
        self.settings: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}

    def conv(self, dim: int, dim_out: int, side: int, stride: int = 1) -> nnx.Conv:
        """Without bias; weights as He et al. (arXiv 1502.01852), for the outputs' count."""
        reach = side // 2
        return nnx.Conv(
            dim,
            dim_out,
            (side, side),
            stride,
            padding=((reach, reach), (reach, reach)),
            use_bias=False,
            kernel_init=he(side, dim_out),
            **self.settings,
        )

    def norm(self, dim: int, **more: Any) -> nnx.BatchNorm:
        return nnx.BatchNorm(dim, momentum=0.9, epsilon=1e-5, **self.settings, **more)


def _stem(architecture: Architecture, in_chans: int, made: _Maker) -> tuple[nnx.Sequential, Any]:
    """(To half the size, to a quarter)."""
    dim, activation = WIDTHS[0], ACTIVATIONS[architecture.activation]
    if architecture.stem == "max_pool":
        return nnx.Sequential(made.conv(in_chans, dim, 7, 2), made.norm(dim), activation), _max_pool
    parts: list[Any] = []
    for place, (before, after) in enumerate(pairwise((in_chans, STEM_WIDTH, STEM_WIDTH, dim))):
        parts += [made.conv(before, after, 3, 2 if place == 0 else 1), made.norm(after), activation]
    return nnx.Sequential(*parts), nnx.Sequential(made.conv(dim, dim, 3, 2), made.norm(dim), activation)


def _max_pool(x: Array) -> Array:
    padding: Any = ((1, 1), (1, 1))
    return nnx.max_pool(x, (3, 3), (2, 2), padding=padding)


def _shortcut(block: Block, pooled: bool, made: _Maker) -> nnx.Sequential | None:
    if block.stride == 1 and block.dim == block.dim_out:
        return None
    norm = made.norm(block.dim_out)
    if not pooled or block.stride == 1:
        return nnx.Sequential(made.conv(block.dim, block.dim_out, 1, block.stride), norm)

    def pool(x: Array) -> Array:
        """2x2, cut off at an odd map's edge (arXiv 1812.01187)."""
        side = (block.stride, block.stride)
        edge: Any = tuple((0, -size % block.stride) for size in x.shape[1:3])
        return nnx.avg_pool(x, side, side, padding=edge, count_include_pad=False)

    return nnx.Sequential(pool, made.conv(block.dim, block.dim_out, 1), norm)


def _spatial(block: Block, options: dict[str, Any], shared: Any, made: _Maker) -> Any:
    settings = {"stride": block.stride, "size": block.size, **made.settings}
    if block.layer == CONVOLUTION:
        return layers.create(CONVOLUTION, block.width, framework="jax", **settings)
    if shared is not None:
        return LambdaLayer(block.width, block.width, embeddings=shared, **settings, **options)
    return layers.create(block.layer, block.width, framework="jax", **settings, **options)
