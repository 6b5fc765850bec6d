"""ResNet-50 in torch, as He et al. (arXiv 1512.03385) have it with the stride in the 3x3, and with lambda layers in its place."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from ...layers.lambda_layer.torch import LambdaLayer
from .spec import BLOCKS, EXPANSION, NATIVE_PX, VARIANTS, WIDTHS


class Bottleneck(nn.Module):
    """1x1, spatial layer, 1x1, each with batch norm; the last one starts at gamma 0 (arXiv 2102.08602, appendix)."""

    def __init__(self, dim: int, width: int, spatial: nn.Module, stride: int) -> None:
        super().__init__()
        dim_out = width * EXPANSION
        self.conv1 = nn.Conv2d(dim, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.spatial = spatial
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, dim_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(dim_out)
        self.act = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity() if dim == dim_out and stride == 1 else _shortcut(dim, dim_out, stride)
        nn.init.zeros_(self.bn3.weight)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b d_out height_out width_out"]:
        y = self.act(self.bn1(self.conv1(x)))
        y = self.act(self.bn2(self.spatial(y)))
        return self.act(self.bn3(self.conv3(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """A classifier of images [b, in_chans, height, width] into [b, num_classes]."""

    def __init__(
        self, placement: str, *, num_classes: int, in_chans: int, image_px: int, options: dict[str, Any]
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_chans, 64, 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.stages = nn.ModuleList()
        dim, px = 64, (image_px + 3) // 4
        for index, (kind, count, width) in enumerate(zip(placement, BLOCKS, WIDTHS, strict=True)):
            blocks: list[nn.Module] = []
            for place in range(count):
                stride = 2 if index > 0 and place == 0 else 1
                spatial = _spatial(kind, width, stride, px, options)
                blocks.append(Bottleneck(dim, width, spatial, stride))
                dim, px = width * EXPANSION, (px + stride - 1) // stride
            self.stages.append(nn.Sequential(*blocks))
        self.head = nn.Linear(dim, num_classes)

    def forward_features(self, x: Float[Tensor, "b c height width"]) -> Float[Tensor, "b d height_out width_out"]:
        """The last stage's map."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return x

    def forward(self, x: Float[Tensor, "b c height width"]) -> Float[Tensor, "b classes"]:
        return self.head(self.forward_features(x).mean(dim=(2, 3)))


def create(
    name: str, *, num_classes: int = 1000, in_chans: int = 3, image_px: int = NATIVE_PX, **options: Any
) -> ResNet:
    """The variant `name`; `image_px` sizes the embeddings of scope="global"."""
    return ResNet(VARIANTS[name], num_classes=num_classes, in_chans=in_chans, image_px=image_px, options=options)


def _spatial(kind: str, width: int, stride: int, px: int, options: dict[str, Any]) -> nn.Module:
    if kind == "l":
        return LambdaLayer(width, width, stride=stride, size=(px, px), **options)
    conv = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


def _shortcut(dim: int, dim_out: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(dim, dim_out, 1, stride, bias=False), nn.BatchNorm2d(dim_out))
