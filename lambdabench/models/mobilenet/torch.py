"""The family in torch: timm's MobileNet-v2, some of whose blocks hold a lambda layer."""

from typing import Any

import timm
from jaxtyping import Float
from torch import Tensor, nn

from ...core.errors import OptionError
from ...layers.lambda_layer.torch import LambdaLayer
from .spec import OPTIONS, VARIANTS

BASE = "mobilenetv2_100"


class LambdaBlock(nn.Module):
    """Pointwise convolution that keeps the channels, lambda layer, pointwise convolution, and the input (arXiv 2102.08602, Table 17).

    Batch norm and activation stand where the inverted bottleneck has them.
    """

    def __init__(self, block: Any, **options: Any) -> None:
        super().__init__()
        dim = int(block.conv_pw.in_channels)
        self.conv_pw = nn.Conv2d(dim, dim, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(dim)
        self.act1 = nn.ReLU6(inplace=True)
        self.spatial = LambdaLayer(dim, dim, **options)
        self.bn2 = nn.BatchNorm2d(dim)
        self.act2 = nn.ReLU6(inplace=True)
        self.conv_pwl = nn.Conv2d(dim, dim, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(dim)
        self.drop_path = block.drop_path
        for conv in (self.conv_pw, self.conv_pwl):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out")

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b d height width"]:
        y = self.act1(self.bn1(self.conv_pw(x)))
        y = self.act2(self.bn2(self.spatial(y)))
        return x + self.drop_path(self.bn3(self.conv_pwl(y)))


def create(name: str, **options: Any) -> nn.Module:
    """The variant `name` with random weights; takes what timm's mobilenetv2_100 takes."""
    if options.pop("pretrained", False):
        raise OptionError(f"there are no weights for {name}; make it with pretrained=False")
    for unused in ("image_px", "img_size"):  # no weight depends on the size
        options.pop(unused, None)
    defaults = {key: value for key, value in OPTIONS.items() if not key.startswith("drop")}
    mine = {key: options.pop(key, value) for key, value in defaults.items()}
    if mine["scope"] == "global":
        raise OptionError(f"{name} is made for any size of image; found scope='global', expected a number of positions")
    given: dict[str, Any] = {"pretrained_cfg": default_cfg(name)} | options
    network: Any = timm.create_model(BASE, **given)
    places = [(stage, place) for stage in network.blocks for place in range(len(stage))]
    for number in VARIANTS[name]:
        stage, place = places[number - 1]
        stage[place] = LambdaBlock(stage[place], **mine)
    return network


def default_cfg(name: str) -> dict[str, Any]:
    """timm's description of MobileNet-v2, without its weights."""
    base = timm.get_pretrained_cfg(BASE)
    assert base is not None
    kept = (
        "num_classes",
        "input_size",
        "pool_size",
        "crop_pct",
        "interpolation",
        "mean",
        "std",
        "first_conv",
        "classifier",
    )
    return {"url": ""} | {key: getattr(base, key) for key in kept}
