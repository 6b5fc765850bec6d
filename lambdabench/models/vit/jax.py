"""Vision transformers in JAX, equal to timm's; images [batch, height, width, channels], names of weights as timm's."""

from typing import Any

import jax
from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Float

from ...layers._initial.jax import as_torch, normal
from .spec import VARIANTS, Variant

EPSILON = 1e-6
STD = 0.02
"""Of all weights but the class token's, 1e-6, as the authors draw them."""


class Attention(nnx.Module):
    """Softmax self-attention of several heads."""

    def __init__(self, width: int, heads: int, settings: dict[str, Any]) -> None:
        self.heads = heads
        self.qkv = nnx.Linear(width, 3 * width, kernel_init=normal(STD), **settings)
        self.proj = nnx.Linear(width, width, kernel_init=normal(STD), **settings)

    def __call__(self, x: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
        b, n, d = x.shape
        queries, keys, values = jnp.moveaxis(self.qkv(x).reshape(b, n, 3, self.heads, -1), 2, 0)
        return self.proj(jax.nn.dot_product_attention(queries, keys, values).reshape(b, n, d))


class Mlp(nnx.Module):
    """Two layers with a GELU between them, the first four times as wide."""

    def __init__(self, width: int, settings: dict[str, Any]) -> None:
        self.fc1 = nnx.Linear(width, 4 * width, kernel_init=normal(STD), **settings)
        self.fc2 = nnx.Linear(4 * width, width, kernel_init=normal(STD), **settings)

    def __call__(self, x: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
        return self.fc2(jax.nn.gelu(self.fc1(x), approximate=False))


class Block(nnx.Module):
    """Attention and layers on their own, each behind a norm and added to its input."""

    def __init__(self, variant: Variant, drop_path_rate: float, settings: dict[str, Any]) -> None:
        self.norm1 = nnx.LayerNorm(variant.width, epsilon=EPSILON, **settings)
        self.attn = Attention(variant.width, variant.heads, settings)
        self.norm2 = nnx.LayerNorm(variant.width, epsilon=EPSILON, **settings)
        self.mlp = Mlp(variant.width, settings)
        self.drop_path = nnx.Dropout(drop_path_rate, broadcast_dims=(1, 2), rngs=settings["rngs"])

    def __call__(self, x: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class PatchEmbed(nnx.Module):
    """A vector a patch of the image, row by row."""

    def __init__(self, variant: Variant, in_chans: int, settings: dict[str, Any]) -> None:
        side = (variant.patch_px, variant.patch_px)
        self.proj = nnx.Conv(
            in_chans, variant.width, side, side, padding="VALID", **as_torch(in_chans * variant.patch_px**2), **settings
        )

    def __call__(self, images: Float[Array, "b height width c"]) -> Float[Array, "b n d"]:
        x = self.proj(images)
        return x.reshape(len(x), -1, x.shape[-1])


class VisionTransformer(nnx.Module):
    """A classifier of images [b, image_px, image_px, in_chans] into float32 logits [b, num_classes], by its class token."""

    def __init__(
        self,
        variant: Variant,
        *,
        num_classes: int = 1000,
        in_chans: int = 3,
        image_px: int | None = None,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        rngs = rngs or nnx.Rngs(0)
        settings: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        patches = ((image_px or variant.native_px) // variant.patch_px) ** 2
        self.patch_embed = PatchEmbed(variant, in_chans, settings)
        self.cls_token = nnx.Param(normal(1e-6)(rngs.params(), (1, 1, variant.width), param_dtype))
        self.pos_embed = nnx.Param(normal(STD)(rngs.params(), (1, patches + 1, variant.width), param_dtype))
        last = max(1, variant.depth - 1)
        self.blocks = nnx.List(
            [Block(variant, drop_path_rate * place / last, settings) for place in range(variant.depth)]
        )
        self.norm = nnx.LayerNorm(variant.width, epsilon=EPSILON, **settings)
        self.dropout = nnx.Dropout(drop_rate, rngs=rngs) if drop_rate else None
        self.head = nnx.Linear(variant.width, num_classes, kernel_init=normal(STD), **settings)

    def __call__(self, images: Float[Array, "b height width c"]) -> Float[Array, "b classes"]:
        x = self.patch_embed(images)
        token = jnp.broadcast_to(self.cls_token[...].astype(x.dtype), (len(x), 1, x.shape[-1]))
        x = jnp.concatenate([token, x], 1) + self.pos_embed[...].astype(x.dtype)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)[:, 0]
        x = x if self.dropout is None else self.dropout(x)
        return self.head(x).astype(jnp.float32)


def create(name: str, **options: Any) -> VisionTransformer:
    """The variant `name` with random weights; see `lambdabench.create_model`."""
    return VisionTransformer(VARIANTS[name], **options)
