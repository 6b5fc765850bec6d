"""EfficientNets and MobileNet-v2 in JAX, equal to timm's; images [batch, height, width, channels], names of weights as timm's."""

import math
from collections.abc import Callable
from typing import Any

from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from ...layers._initial.jax import he, uniform
from .spec import HEAD, SQUEEZE, STEM, VARIANTS, Block, Variant, scaled, stages_of

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"silu": nnx.silu, "relu6": nnx.relu6}


class _Maker:
    """Convolutions and norms of one variant and dtype policy."""

    def __init__(self, variant: Variant, dtype: Any, param_dtype: Any, rngs: nnx.Rngs) -> None:
        self.one, self.settings = variant, {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}

    def conv(
        self, dim: int, dim_out: int, side: int = 1, *, stride: int = 1, groups: int = 1, bias: bool = False
    ) -> nnx.Conv:
        """Weights N(0, sqrt(2 / fan out)), as the authors draw them."""
        reach = (side - 1) // 2
        return nnx.Conv(
            dim,
            dim_out,
            (side, side),
            stride,
            padding="SAME" if self.one.same else ((reach, reach), (reach, reach)),
            feature_group_count=groups,
            use_bias=bias,
            kernel_init=he(side, dim_out // groups),
            **self.settings,
        )

    @property
    def activation(self) -> Callable[[Array], Array]:
        return ACTIVATIONS[self.one.activation]

    def gate(self, dim: int, block: Block) -> "SqueezeExcite | None":
        return SqueezeExcite(dim, block.dim // SQUEEZE, self) if self.one.gated else None

    def norm(self, dim: int) -> nnx.BatchNorm:
        return nnx.BatchNorm(dim, momentum=0.9, epsilon=self.one.epsilon, **self.settings)


class SqueezeExcite(nnx.Module):
    """A gate a channel, on the mean of the map."""

    def __init__(self, dim: int, width: int, made: _Maker) -> None:
        self.conv_reduce = made.conv(dim, width, bias=True)
        self.conv_expand = made.conv(width, dim, bias=True)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height width d"]:
        return x * nnx.sigmoid(self.conv_expand(nnx.silu(self.conv_reduce(x.mean((1, 2), keepdims=True)))))


class SeparableBlock(nnx.Module):
    """Depthwise, gate, 1x1: a block without expansion."""

    def __init__(self, block: Block, drop_path_rate: float, made: _Maker) -> None:
        self.conv_dw = made.conv(block.dim, block.dim, block.kernel, stride=block.stride, groups=block.dim)
        self.bn1 = made.norm(block.dim)
        self.se = made.gate(block.dim, block)
        self.activation = made.activation
        self.conv_pw = made.conv(block.dim, block.dim_out)
        self.bn2 = made.norm(block.dim_out)
        self.skip = _skip(block, drop_path_rate, made)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height_out width_out d_out"]:
        y = self.activation(self.bn1(self.conv_dw(x)))
        y = y if self.se is None else self.se(y)
        y = self.bn2(self.conv_pw(y))
        return y if self.skip is None else self.skip(y) + x


class InvertedBlock(nnx.Module):
    """1x1 that widens, depthwise, gate, 1x1 (arXiv 1801.04381)."""

    def __init__(self, block: Block, drop_path_rate: float, made: _Maker) -> None:
        wide = block.dim * block.expansion
        self.conv_pw = made.conv(block.dim, wide)
        self.bn1 = made.norm(wide)
        self.conv_dw = made.conv(wide, wide, block.kernel, stride=block.stride, groups=wide)
        self.bn2 = made.norm(wide)
        self.se = made.gate(wide, block)
        self.activation = made.activation
        self.conv_pwl = made.conv(wide, block.dim_out)
        self.bn3 = made.norm(block.dim_out)
        self.skip = _skip(block, drop_path_rate, made)

    def __call__(self, x: Float[Array, "b height width d"]) -> Float[Array, "b height_out width_out d_out"]:
        y = self.activation(self.bn1(self.conv_pw(x)))
        y = self.activation(self.bn2(self.conv_dw(y)))
        y = y if self.se is None else self.se(y)
        y = self.bn3(self.conv_pwl(y))
        return y if self.skip is None else self.skip(y) + x


class EfficientNet(nnx.Module):
    """A classifier of images [b, height, width, in_chans] into float32 logits [b, num_classes]."""

    def __init__(
        self,
        variant: Variant,
        *,
        num_classes: int = 1000,
        in_chans: int = 3,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        made = _Maker(variant, dtype, param_dtype, rngs or nnx.Rngs(0))
        stages = stages_of(variant)
        count, place = sum(len(blocks) for blocks in stages), 0
        stem, head = scaled(STEM, variant.width), scaled(HEAD, variant.width)
        self.activation = made.activation
        self.conv_stem, self.bn1 = made.conv(in_chans, stem, 3, stride=2), made.norm(stem)
        lists: list[nnx.List[Any]] = []
        for blocks in stages:
            made_blocks: list[Any] = []
            for block in blocks:
                kind = SeparableBlock if block.expansion == 1 else InvertedBlock
                made_blocks.append(kind(block, drop_path_rate * place / count, made))
                place += 1
            lists.append(nnx.List(made_blocks))
        self.blocks = nnx.List(lists)
        self.conv_head, self.bn2 = made.conv(stages[-1][-1].dim_out, head), made.norm(head)
        self.dropout = nnx.Dropout(drop_rate, rngs=made.settings["rngs"]) if drop_rate else None
        self.classifier = nnx.Linear(head, num_classes, kernel_init=_even(num_classes), **made.settings)

    def __call__(self, images: Float[Array, "b height width c"]) -> Float[Array, "b classes"]:
        x = self.activation(self.bn1(self.conv_stem(images)))
        for stage in self.blocks:
            for block in stage:
                x = block(x)
        x = self.activation(self.bn2(self.conv_head(x))).mean((1, 2))
        x = x if self.dropout is None else self.dropout(x)
        return self.classifier(x).astype(jnp.float32)


def create(name: str, *, image_px: int | None = None, **options: Any) -> EfficientNet:
    """The variant `name` with random weights, for images of any size; see `lambdabench.create_model`."""
    return EfficientNet(VARIANTS[name], **options)


def _skip(block: Block, drop_path_rate: float, made: _Maker) -> nnx.Dropout | None:
    """What the branch goes through where the input is added to it: stochastic depth; None where it is not."""
    if block.stride > 1 or block.dim != block.dim_out:
        return None
    return nnx.Dropout(drop_path_rate, broadcast_dims=(1, 2, 3), rngs=made.settings["rngs"])


def _even(classes: int) -> Any:
    """Uniform within 1 / sqrt(classes) on both sides."""
    return uniform(1 / math.sqrt(classes))
