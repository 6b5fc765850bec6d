"""Variants of the family, without a framework: the eight placements of Table 13 of arXiv 2102.08602."""

from ...layers.lambda_layer import spec as lambda_layer

BLOCKS = (3, 4, 6, 3)
WIDTHS = (64, 128, 256, 512)
EXPANSION = 4
NATIVE_PX = 224
PLACEMENTS = ("cccc", "lccc", "llcc", "lllc", "llll", "clll", "ccll", "cccl")
VARIANTS: dict[str, str] = {f"resnet50_{placement}": placement for placement in PLACEMENTS}
"""Name -> what stands in place of the 3x3 of stages c2 to c5: c convolution, l lambda layer."""
OPTIONS: dict[str, int | str] = dict(lambda_layer.OPTIONS)
"""Options of the lambda layers; identity defaults as well."""


def options_of(name: str) -> dict[str, int | str]:
    """The options that a variant takes, with their identity defaults."""
    return OPTIONS if "l" in VARIANTS[name] else {}
