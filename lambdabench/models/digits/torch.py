"""The family in torch."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from ... import layers
from ...core.errors import OptionError
from .spec import CHANNELS, CLASSES, DEPTH, OWN, PX, VARIANTS, Variant


class Block(nn.Module):
    """Pointwise convolution, spatial layer, pointwise convolution, each with batch norm, added to the input; the last norm starts at
    gamma 0 (arXiv 2102.08602, appendix)."""

    def __init__(self, width: int, spatial: nn.Module) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = nn.ReLU(inplace=True)
        self.spatial = spatial
        self.bn2 = nn.BatchNorm2d(width)
        self.act2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(width, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.act3 = nn.ReLU(inplace=True)
        for conv in (self.conv1, self.conv3):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.bn3.weight)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b d height width"]:
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.act2(self.bn2(self.spatial(y)))
        return self.act3(x + self.bn3(self.conv3(y)))


class DigitsNet(nn.Module):
    """A classifier of images [b, in_chans, height, width] into [b, num_classes]; every block sees the whole resolution.

    `img_size` (pixels a side, or height and width) sizes the embeddings of layers that are global.
    """

    def __init__(
        self,
        variant: Variant,
        *,
        num_classes: int = CLASSES,
        in_chans: int = CHANNELS,
        img_size: int | tuple[int, int] = PX,
        **options: Any,
    ) -> None:
        super().__init__()
        size = (img_size, img_size) if isinstance(img_size, int) else img_size
        settings: dict[str, Any] = OWN[variant.layer] | options
        conv = nn.Conv2d(in_chans, variant.width, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        self.stem = nn.Sequential(conv, nn.BatchNorm2d(variant.width), nn.ReLU(inplace=True))
        made = (layers.create(variant.layer, variant.width, size=size, **settings) for _ in range(DEPTH))
        self.blocks = nn.Sequential(*(Block(variant.width, spatial) for spatial in made))
        self.head = nn.Linear(variant.width, num_classes)

    def forward(self, x: Float[Tensor, "b c height width"]) -> Float[Tensor, "b classes"]:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def create(name: str, **options: Any) -> DigitsNet:
    """The variant `name` with random weights; see `lambdabench.create_model`."""
    if options.pop("pretrained", False):
        raise OptionError(f"there are no weights for {name}; make it with pretrained=False")
    if "image_px" in options:
        options["img_size"] = options.pop("image_px")
    return DigitsNet(VARIANTS[name], **options)
