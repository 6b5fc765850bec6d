"""Variants of the family, without a framework: the rows of arXiv 2102.08602, Table 6."""

from ..resnet import spec as resnet

BACKBONES = {
    "resnet{}": "resnet_rs{}_plain",
    "resnet{}_se": "resnet_rs{}",
    "lambda_resnet{}": "lambda_resnet{}",
}
VARIANTS = {
    f"mask_rcnn_{name.format(depth)}": backbone.format(depth)
    for depth in (101, 152)
    for name, backbone in BACKBONES.items()
}
"""Name -> backbone."""


def native_px(name: str) -> int:
    """Pixels a side of the images of Table 6."""
    return 1024


def options_of(name: str) -> dict[str, int | float | str | bool]:
    """The options of its backbone, with their identity defaults."""
    return resnet.options_of(VARIANTS[name])
