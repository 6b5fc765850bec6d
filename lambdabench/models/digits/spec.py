"""Variants of the family, without a framework; their parameters and operations; how they are trained."""

import importlib
from dataclasses import dataclass
from typing import Any

from ...core.training import Recipe

DEPTH = 3
"""Blocks of every variant."""
LAYERS = {"conv": "convolution", "attention": "self_attention", "lambda": "lambda_layer"}
WIDTHS = {"s": 8, "m": 16, "l": 32}
"""Channels, and a block's inner ones."""
OWN: dict[str, dict[str, int | str]] = {
    "convolution": {},
    "self_attention": {"heads": 2},
    "lambda_layer": {"heads": 4, "key_depth": 8, "scope": 7},
}
"""Options that suit maps of 8x8 and few channels."""
CHANNELS, CLASSES, PX = 1, 10, 8
RECIPE = Recipe(
    data="digits",
    title="scikit-learn's digits",
    needs="sklearn",
    install='pip install "lambdabench[digits]"',
    images=898,
    epochs=8,
    batch_size=32,
    learning_rate=0.03,
    weight_decay=0.05,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A network of the family."""

    layer: str
    width: int


VARIANTS = {
    f"digits_{kind}_{size}": Variant(layer=layer, width=width)
    for kind, layer in LAYERS.items()
    for size, width in WIDTHS.items()
}


def native_px(name: str) -> int:
    """Pixels a side of the images that a variant is meant for."""
    return PX


def options_of(name: str) -> dict[str, int | float | str | bool]:
    """The options that a variant takes, its layer's, with their identity defaults."""
    layer = VARIANTS[name].layer
    return {**_layer(layer).OPTIONS, **OWN[layer]}


def parameters(
    name: str, *, image_px: int = PX, in_chans: int = CHANNELS, num_classes: int = CLASSES, **options: Any
) -> int:
    """Stem, blocks of two pointwise convolutions around the layer, a norm behind each, and a linear classifier."""
    width, layer, settings = VARIANTS[name].width, VARIANTS[name].layer, options_of(name) | options
    norms = 2 * width * (1 + 3 * DEPTH)
    blocks = DEPTH * (2 * width**2 + _layer(layer).parameters(width, width, size=(image_px, image_px), **settings))
    return 9 * in_chans * width + norms + blocks + (width + 1) * num_classes


def macs(name: str, *, image_px: int = PX, in_chans: int = CHANNELS, num_classes: int = CLASSES, **options: Any) -> int:
    """Multiply-accumulates of one image; of a lambda layer as the paper counts them."""
    width, layer, settings = VARIANTS[name].width, VARIANTS[name].layer, options_of(name) | options
    n = image_px**2
    blocks = DEPTH * (2 * n * width**2 + _layer(layer).macs(width, width, size=(image_px, image_px), **settings))
    return 9 * n * in_chans * width + blocks + width * num_classes


def _layer(name: str) -> Any:
    return importlib.import_module(f"...layers.{name}.spec", __package__)
