"""What a residual network of bottlenecks is made of, as data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

WIDTHS = (64, 128, 256, 512)
STEM_WIDTH = 32
"""Of the first two of a stem's three convolutions (arXiv 1812.01187)."""
EXPANSION = 4
STAGES = ("c2", "c3", "c4", "c5")
CONVOLUTION = "convolution"
LAMBDA = "lambda_layer"
LETTERS = {
    "c": CONVOLUTION,
    "l": LAMBDA,
}
"""How arXiv 2102.08602, Table 13 writes a stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A residual network of bottlenecks. `layers[stage][place]` names the layer in place of each bottleneck's 3x3."""

    layers: tuple[tuple[str, ...], ...]
    native_px: int
    stem: Literal["max_pool", "convolutions"] = "max_pool"
    """7x7 of stride 2 and max-pool; or three 3x3 (32, 32, 64) and a strided 3x3 in place of the max-pool (arXiv 2103.07579)."""
    pooled_shortcut: bool = False
    """ResNet-D (arXiv 1812.01187): average-pool, then 1x1, where a shortcut strides."""
    squeeze_stages: tuple[str, ...] = ()
    """Stages whose bottlenecks end in squeeze-and-excitation; never one that holds a lambda layer (arXiv 2102.08602, section 4)."""
    squeeze_ratio: int = 4
    activation: Literal["relu", "silu"] = "relu"
    last_stride: int = 2
    """Stride of c5."""
    options: tuple[tuple[str, int], ...] = ()
    """Options of the layers that differ from the layer's own defaults."""

    @property
    def kind(self) -> str:
        """The one layer that is not a convolution; "" where there is none."""
        return next((name for stage in self.layers for name in stage if name != CONVOLUTION), "")

    def has_gate(self, stage: int, place: int) -> bool:
        """Whether a bottleneck ends in squeeze-and-excitation."""
        return STAGES[stage] in self.squeeze_stages and self.layers[stage][place] != LAMBDA

    def stride(self, stage: int, place: int) -> int:
        """Stride of a bottleneck: the first of c3, c4 and c5 strides."""
        if place or not stage:
            return 1
        return self.last_stride if stage == len(STAGES) - 1 else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A bottleneck in its place, for whoever counts or builds. `size` is (height, width) of its input."""

    stage: int
    layer: str
    dim: int
    width: int
    stride: int
    size: tuple[int, int]
    has_gate: bool

    @property
    def dim_out(self) -> int:
        """Channels of its output."""
        return EXPANSION * self.width

    @property
    def size_out(self) -> tuple[int, int]:
        """(height, width) of its output."""
        return halved(self.size, self.stride)


def blocks_of(architecture: Architecture, image_size: tuple[int, int]) -> list[Block]:
    """Every bottleneck in order, for images of (height, width) pixels."""
    dim, size = WIDTHS[0], halved(halved(image_size, 2), 2)
    blocks: list[Block] = []
    for stage, (layers, width) in enumerate(zip(architecture.layers, WIDTHS, strict=True)):
        for place, layer in enumerate(layers):
            block = Block(
                stage=stage,
                layer=layer,
                dim=dim,
                width=width,
                stride=architecture.stride(stage, place),
                size=size,
                has_gate=architecture.has_gate(stage, place),
            )
            blocks.append(block)
            dim, size = block.dim_out, block.size_out
    return blocks


def halved(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """(height, width) behind a stride, rounded up."""
    return -(-size[0] // stride), -(-size[1] // stride)


def placed(counts: Sequence[int], letters: str) -> tuple[tuple[str, ...], ...]:
    """Layers of each stage's bottlenecks from one letter a stage."""
    return tuple((LETTERS[letter],) * count for count, letter in zip(counts, letters, strict=True))


def filled(counts: Sequence[int], layer: str, stages: Sequence[int] = (0, 1, 2, 3)) -> tuple[tuple[str, ...], ...]:
    """`layer` in every bottleneck of some stages, convolutions elsewhere."""
    return tuple((layer if stage in stages else CONVOLUTION,) * count for stage, count in enumerate(counts))


def hybrid(counts: Sequence[int], places: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    """Lambda layers at some places of c4, counted from 1, and in all of c5 (arXiv 2102.08602, Table 18)."""
    c2, c3, c4, c5 = filled(counts, LAMBDA, stages=(3,))
    return c2, c3, tuple(LAMBDA if place in places else name for place, name in enumerate(c4, start=1)), c5
