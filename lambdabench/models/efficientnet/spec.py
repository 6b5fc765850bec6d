"""Variants of the family, without a framework."""

import math
from dataclasses import dataclass
from typing import Literal

STAGES = (
    # kernel, blocks, stride, expansion, channels
    (3, 1, 1, 1, 16),
    (3, 2, 2, 6, 24),
    (5, 2, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (5, 3, 1, 6, 112),
    (5, 4, 2, 6, 192),
    (3, 1, 1, 6, 320),
)
"""EfficientNet-B0 (arXiv 1905.11946, Table 1)."""
MOBILENET_V2 = (
    (3, 1, 1, 1, 16),
    (3, 2, 2, 6, 24),
    (3, 3, 2, 6, 32),
    (3, 4, 2, 6, 64),
    (3, 3, 1, 6, 96),
    (3, 3, 2, 6, 160),
    (3, 1, 1, 6, 320),
)
"""arXiv 1801.04381, Table 2."""
STEM, HEAD = 32, 1280
DIVISOR = 8
SQUEEZE = 4
"""Ratio of squeeze-and-excitation, on the width that a block is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Stages, scaled. `same` pads as TensorFlow does, with its epsilon; else as PyTorch's re-implementations do."""

    stages: tuple[tuple[int, int, int, int, int], ...] = STAGES
    width: float = 1.0
    depth: float = 1.0
    native_px: int = 224
    same: bool = True
    gated: bool = True
    """With squeeze-and-excitation."""
    activation: Literal["silu", "relu6"] = "silu"

    @property
    def epsilon(self) -> float:
        """Of batch norms."""
        return 1e-3 if self.same else 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block in its place; `expansion` 1 has no first 1x1."""

    kernel: int
    stride: int
    expansion: int
    dim: int
    dim_out: int


SCALES = (
    (1.0, 1.0, 224),
    (1.0, 1.1, 240),
    (1.1, 1.2, 260),
    (1.2, 1.4, 300),
    (1.4, 1.8, 380),
    (1.6, 2.2, 456),
    (1.8, 2.6, 528),
    (2.0, 3.1, 600),
)
"""Width, depth and image size of B0 to B7, as the authors released them (tensorflow/tpu, models/official/efficientnet)."""
VARIANTS = {
    f"{'tf_' if same else ''}efficientnet_b{index}": Variant(width=width, depth=depth, native_px=px, same=same)
    for index, (width, depth, px) in enumerate(SCALES)
    for same in (True, False)
    if same or index < 2
} | {"mobilenetv2_100": Variant(stages=MOBILENET_V2, same=False, gated=False, activation="relu6")}
DROP_OPTIONS: dict[str, float] = {"drop_rate": 0.0, "drop_path_rate": 0.0}


def native_px(name: str) -> int:
    """Pixels a side of the images that a variant is meant for."""
    return VARIANTS[name].native_px


def options_of(name: str) -> dict[str, float]:
    """The options that a variant takes, with their identity defaults."""
    return dict(DROP_OPTIONS)


def scaled(channels: int, width: float) -> int:
    """Channels times the width, a multiple of 8 that is not a tenth below."""
    wanted = channels * width
    number = max(DIVISOR, int(wanted + DIVISOR / 2) // DIVISOR * DIVISOR)
    return number + DIVISOR if number < 0.9 * wanted else number


def stages_of(variant: Variant) -> list[list[Block]]:
    """The blocks of each stage; a stage's first strides."""
    dim, result = scaled(STEM, variant.width), list[list[Block]]()
    for kernel, count, stride, expansion, channels in variant.stages:
        blocks: list[Block] = []
        for place in range(math.ceil(count * variant.depth)):
            dim_out = scaled(channels, variant.width)
            own = stride if place == 0 else 1
            blocks.append(Block(kernel=kernel, stride=own, expansion=expansion, dim=dim, dim_out=dim_out))
            dim = dim_out
        result.append(blocks)
    return result
