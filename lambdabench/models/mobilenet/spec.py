"""Variants of the family, without a framework. MobileNet-v2 itself is timm's mobilenetv2_100."""

from ...layers.lambda_layer import spec as lambda_layer

VARIANTS = {"mobilenet_v2_lambda": (10, 16)}
"""Name -> inverted bottlenecks, counted from 1, whose depthwise convolution is a lambda convolution (arXiv 2102.08602, Table 17)."""
OPTIONS: dict[str, int | float | str | bool] = {
    **lambda_layer.OPTIONS,
    "scope": 5,
    "key_depth": 8,
    "drop_rate": 0.0,
    "drop_path_rate": 0.0,
}
"""The paper's text says k = 32 and h = 4. Its 3.21 M parameters and 563 M FLOPs come out where 32 is the depth of all heads together
(k = 8 a head): 3.208 M and 564 M; k = 32 a head gives 3.237 M and 577 M."""


def native_px(name: str) -> int:
    """Pixels a side of the images that a variant is meant for."""
    return 224


def options_of(name: str) -> dict[str, int | float | str | bool]:
    """The options that a variant takes, with their identity defaults."""
    return OPTIONS
