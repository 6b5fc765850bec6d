"""The family in torch. It is a timm network as well: features_only, reset_classifier, gradient checkpointing and the rest work."""

from itertools import pairwise
from typing import Any

from jaxtyping import Float
from timm.layers.classifier import create_classifier
from timm.layers.drop import DropPath
from timm.models import build_model_with_cfg, checkpoint_seq
from torch import Tensor, nn

from ... import layers
from ...core.errors import OptionError
from ...layers.lambda_layer.torch import LambdaLayer
from .architecture import CONVOLUTION, EXPANSION, LAMBDA, STAGES, STEM_WIDTH, WIDTHS, Architecture, Block, blocks_of
from .spec import VARIANTS, native_px

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}


class Bottleneck(nn.Module):
    """1x1, spatial layer, 1x1, each with batch norm; the last one starts at gamma 0 (arXiv 2102.08602, appendix)."""

    def __init__(
        self, block: Block, architecture: Architecture, spatial: nn.Module, drop_path_rate: float = 0.0
    ) -> None:
        super().__init__()
        act = ACTIVATIONS[architecture.activation]
        self.conv1 = nn.Conv2d(block.dim, block.width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(block.width)
        self.act1 = act(inplace=True)
        self.spatial = spatial
        self.bn2 = nn.BatchNorm2d(block.width)
        self.act2 = act(inplace=True)
        self.conv3 = nn.Conv2d(block.width, block.dim_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(block.dim_out)
        gated = block.has_gate
        self.gate = (
            layers.create("squeeze_excitation", block.dim_out, ratio=architecture.squeeze_ratio)
            if gated
            else nn.Identity()
        )
        self.drop_path = DropPath(drop_path_rate) if drop_path_rate else nn.Identity()
        self.shortcut = _shortcut(block, architecture.pooled_shortcut)
        self.act3 = act(inplace=True)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b d_out height_out width_out"]:
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.act2(self.bn2(self.spatial(y)))
        y = self.drop_path(self.gate(self.bn3(self.conv3(y))))
        return self.act3(y + self.shortcut(x))


class ResNet(nn.Module):
    """A classifier of images [b, in_chans, height, width] into [b, num_classes].

    `img_size` (pixels a side, or height and width) sizes the embeddings of layers that are global.
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        num_classes: int = 1000,
        in_chans: int = 3,
        img_size: int | tuple[int, int] | None = None,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        shared_embeddings: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        self.drop_rate, self.grad_checkpointing = drop_rate, False
        self.num_features = self.head_hidden_size = WIDTHS[-1] * EXPANSION
        self.stem, self.downsample = _stem(architecture, in_chans)
        blocks = blocks_of(architecture, _pair(img_size or architecture.native_px))
        options = dict(architecture.options) | options
        for stage, name in enumerate(STAGES):
            mine = [(place, block) for place, block in enumerate(blocks) if block.stage == stage]
            shared = _shared_table([block for _, block in mine], options) if shared_embeddings else None
            made = [
                Bottleneck(
                    block, architecture, _spatial(block, options, shared), drop_path_rate * place / (len(blocks) - 1)
                )
                for place, block in mine
            ]
            setattr(self, name, nn.Sequential(*made))
        self.feature_info = _feature_info(architecture)
        self._make_head(num_classes, global_pool)
        self._draw_weights()

    def forward_features(self, x: Float[Tensor, "b c height width"]) -> Float[Tensor, "b d height_out width_out"]:
        """The last stage's map."""
        x = self.downsample(self.stem(x))
        for name in STAGES:
            stage = getattr(self, name)
            x = checkpoint_seq(stage, x) if self.grad_checkpointing and self.training else stage(x)
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Float[Tensor, "b classes"]:
        """Logits of the last map; what they are made from with `pre_logits`."""
        x = nn.functional.dropout(self.global_pool(x), self.drop_rate, self.training)
        return x if pre_logits else self.head(x)

    def forward(self, x: Float[Tensor, "b c height width"]) -> Float[Tensor, "b classes"]:
        return self.forward_head(self.forward_features(x))

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Whether training keeps only the input of each bottleneck and computes the rest again."""
        self.grad_checkpointing = enable

    def get_classifier(self) -> nn.Module:
        """The last layer."""
        return self.head

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """A new last layer (none for 0 classes), and another pooling where one is named."""
        self._make_head(num_classes, self.global_pool.pool_type if global_pool is None else global_pool)
        self.to(next(self.stem.parameters()).device)

    def _make_head(self, num_classes: int, global_pool: str) -> None:
        self.num_classes = num_classes
        made: Any = create_classifier(self.num_features, num_classes, pool_type=global_pool)
        self.global_pool, self.head = made

    def _draw_weights(self) -> None:
        """He's initialisation of the convolutions of this module; layers draw their own."""
        own = [self.stem, self.downsample] + [
            conv2d
            for block in self.modules()
            if isinstance(block, Bottleneck)
            for conv2d in (block.conv1, block.conv3, block.shortcut)
        ]
        for module in own:
            for item in module.modules():
                if isinstance(item, nn.Conv2d):
                    nn.init.kaiming_normal_(item.weight, mode="fan_out", nonlinearity="relu")
        for block in self.modules():
            if isinstance(block, Bottleneck):
                nn.init.zeros_(block.bn3.weight)


def create(name: str, **options: Any) -> nn.Module:
    """The variant `name` with random weights; takes what timm.create_model takes (features_only, out_indices, drop_rate, ...)."""
    if options.pop("pretrained", False):
        raise OptionError(f"there are no weights for {name}; make it with pretrained=False")
    if "image_px" in options:
        options["img_size"] = options.pop("image_px")
    return build_model_with_cfg(
        ResNet,
        name,
        pretrained=False,
        pretrained_cfg=options.pop("pretrained_cfg", None) or default_cfg(name),
        architecture=VARIANTS[name],
        **options,
    )


def default_cfg(name: str) -> dict[str, Any]:
    """timm's description of a variant: its input and where the first and last layers are."""
    px = native_px(name)
    return {
        "url": "",
        "num_classes": 1000,
        "input_size": (3, px, px),
        "pool_size": (-(-px // 32), -(-px // 32)),
        "crop_pct": 0.875,
        "interpolation": "bicubic",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "first_conv": "stem.0",
        "classifier": "head",
    }


def _stem(architecture: Architecture, in_chans: int) -> tuple[nn.Module, nn.Module]:
    """(To half the size, to a quarter)."""
    dim = WIDTHS[0]
    if architecture.stem == "max_pool":
        first = nn.Conv2d(in_chans, dim, 7, 2, padding=3, bias=False)
        return nn.Sequential(first, *_after(dim, architecture)), nn.MaxPool2d(3, 2, padding=1)
    widths = (in_chans, STEM_WIDTH, STEM_WIDTH, dim)
    parts: list[nn.Module] = []
    for place, (before, after) in enumerate(pairwise(widths)):
        parts += [
            nn.Conv2d(before, after, 3, 2 if place == 0 else 1, padding=1, bias=False),
            *_after(after, architecture),
        ]
    return nn.Sequential(*parts), nn.Sequential(
        nn.Conv2d(dim, dim, 3, 2, padding=1, bias=False), *_after(dim, architecture)
    )


def _after(dim: int, architecture: Architecture) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(dim), ACTIVATIONS[architecture.activation](inplace=True)


def _shortcut(block: Block, pooled: bool) -> nn.Module:
    if block.dim == block.dim_out and block.stride == 1:
        return nn.Identity()
    norm = nn.BatchNorm2d(block.dim_out)
    if pooled and block.stride > 1:
        pool = nn.AvgPool2d(2, block.stride, ceil_mode=True, count_include_pad=False)
        return nn.Sequential(pool, nn.Conv2d(block.dim, block.dim_out, 1, bias=False), norm)
    return nn.Sequential(nn.Conv2d(block.dim, block.dim_out, 1, block.stride, bias=False), norm)


def _spatial(block: Block, options: dict[str, Any], shared: nn.Parameter | None) -> Any:
    mine = options if block.layer != CONVOLUTION else {}
    if block.layer == LAMBDA and shared is not None:
        return LambdaLayer(block.width, block.width, stride=block.stride, size=block.size, embeddings=shared, **mine)
    return layers.create(block.layer, block.width, stride=block.stride, size=block.size, **mine)


def _shared_table(blocks: list[Block], options: dict[str, Any]) -> nn.Parameter | None:
    """The table of a stage's first lambda layer, whose map is the largest: later layers use some of its offsets."""
    first = next((block for block in blocks if block.layer == LAMBDA), None)
    return None if first is None else _spatial(first, options, None).embeddings


def _feature_info(architecture: Architecture) -> list[dict[str, Any]]:
    """What timm's feature extractors need: channels, stride and name of the map at each scale."""
    result = [{"num_chs": WIDTHS[0], "reduction": 2, "module": "stem"}]
    reduction = 4
    for stage, (name, width) in enumerate(zip(STAGES, WIDTHS, strict=True)):
        reduction *= architecture.stride(stage, 0)
        result.append({"num_chs": EXPANSION * width, "reduction": reduction, "module": name})
    return result


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
