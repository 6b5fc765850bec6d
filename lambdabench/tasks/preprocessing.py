"""From a file to a network's input, as timm does it for the weights: size, crop, interpolation, mean and deviation are theirs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
from PIL import Image
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from torch import Tensor

from .. import models
from ..core.spec import Case
from ..models.classification.spec import CLASSES

CHANNELS = 3
Read = Callable[[Path], Tensor]


def config_of(case: Case, tag: str) -> dict[str, Any]:
    """What timm does to an image before this network with weights of this tag, at the case's size: `input_size`, `crop_pct`, `crop_mode`,
    `interpolation`, `mean`, `std`. The crop is the one for testing where the size is."""
    known = described(case.model, tag)
    size = (CHANNELS, case.image_px, case.image_px)
    is_test_size = tuple(known.get("test_input_size") or ()) == size != tuple(known.get("input_size") or ())
    data_config = resolve_data_config({"input_size": size}, pretrained_cfg=known, use_test_size=is_test_size)
    return {str(key): value for key, value in data_config.items()}


def classes_of(case: Case, tag: str) -> int:
    """How many classes the network with weights of this tag tells apart."""
    asked = dict(case.options).get("num_classes")
    return int(asked if asked is not None else described(case.model, tag).get("num_classes") or CLASSES)


def described(model: str, tag: str) -> dict[str, Any]:
    """timm's description of a network, or of weights of it; ours is its own."""
    if model in models.ours():
        return models.default_cfg(model)
    pretrained_cfg = timm.get_pretrained_cfg(f"{model}.{tag}" if tag else model, allow_unregistered=True)
    return pretrained_cfg.to_dict() if pretrained_cfg is not None else {}


def reader(config: dict[str, Any]) -> Read:
    """What makes a file an input [channels, height, width]. Raises whatever a decoder does for one that is damaged."""
    transform: Any = create_transform(**config, is_training=False)

    def read(path: Path) -> Tensor:
        with Image.open(path) as image:
            return transform(image.convert("RGB"))

    return read


def told(config: dict[str, Any]) -> str:
    """ "224 px, crop 0.875, bicubic, mean 0.485 0.456 0.406, std 0.229 0.224 0.225"."""
    mean, std = (" ".join(f"{item:.4g}" for item in config[name]) for name in ("mean", "std"))
    mode = "" if config["crop_mode"] == "center" else f" {config['crop_mode']}"
    size = config["input_size"][-1]
    return f"{size} px, crop {config['crop_pct']:g}{mode}, {config['interpolation']}, mean {mean}, std {std}"
