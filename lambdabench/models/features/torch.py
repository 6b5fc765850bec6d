"""Backbones in torch whose output is a list of feature maps: ours, timm's (`features_only=True`) and the user's own."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ... import models
from ...core.errors import UnsupportedError
from ...core.shapes import shape_of
from ...core.spec import Case
from ..classification.spec import is_users
from ..classification.torch import build, random_images, refuse_size
from ..users import torch as users

SWITCH = "features_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureMaps:
    """A `core.ports.Workload`."""

    network: nn.Module
    weights: str = "random"
    strides: tuple[int, ...] = ()
    """What the network says its maps' strides are; empty where it does not, and they are read off the maps."""
    channels_last: bool = False
    """Maps of shape [batch, height, width, channels], as Swin's are."""

    def inputs(self, case: Case, seed: int) -> tuple[Tensor, ...]:
        return (random_images(case, torch.Generator().manual_seed(seed)),)

    def arguments(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return inputs

    def loss(self, output: Any, inputs: tuple[Tensor, ...]) -> Tensor:
        raise UnsupportedError("feature maps have no loss; use --mode train for classification")

    def check(self, output: Any, case: Case) -> str:
        if not isinstance(output, (list, tuple)) or not all(isinstance(item, Tensor) for item in output) or not output:
            return f"the output is a {type(output).__name__}, expected a list of feature maps"
        if self.strides and len(self.strides) != len(output):
            return f"there are {len(output)} feature maps, expected {len(self.strides)}"
        for index, entry in enumerate(output):
            if entry.dim() != 4 or entry.shape[0] != case.batch_size:
                return f"map {index} has the shape {tuple(entry.shape)}, expected four axes, the first of {case.batch_size}"
            stride, sizes = self._stride(index, entry, case), self._sizes(entry)
            shape = shape_of(case.image_px or 0, case.options)
            if not (_fits(sizes[0], shape.height, stride) and _fits(sizes[1], shape.width, stride)):
                square = shape.height == shape.width
                of = f"{case.image_px}" if square else f"{shape.height} x {shape.width}"
                return f"map {index} is {sizes[0]} x {sizes[1]}, expected {of} px divided by {stride}"
        return ""

    def features(self, output: Any, case: Case) -> str:
        axis = 3 if self.channels_last else 1
        return " ".join(f"{self._stride(index, item, case)}:{item.shape[axis]}" for index, item in enumerate(output))

    def interaction_bytes(self, case: Case) -> int | None:
        return models.interaction_bytes(case)

    def _sizes(self, tensor: Tensor) -> tuple[int, int]:
        height = 1 if self.channels_last else 2
        return int(tensor.shape[height]), int(tensor.shape[height + 1])

    def _stride(self, index: int, tensor: Tensor, case: Case) -> int:
        return self.strides[index] if self.strides else self._found(tensor, case)

    def _found(self, tensor: Tensor, case: Case) -> int:
        return max(1, round(shape_of(case.image_px or 0, case.options).height / self._sizes(tensor)[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMaps:
    """A `core.ports.OwnWorkload`: a user's own network, whose output is checked as feature maps are."""

    inner: users.Users
    maps: FeatureMaps

    def check(self, output: Any, case: Case) -> str:
        return self.maps.check(output, case)

    def features(self, output: Any, case: Case) -> str:
        return self.maps.features(output, case)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def create(case: Case) -> FeatureMaps | OwnMaps:
    """The workload of a case, with reproducible random weights. Raises UnsupportedError for a model without feature maps."""
    if is_users(case.model):
        inner = users.create(case)
        return OwnMaps(inner=inner, maps=_wrapped(inner.network))
    refuse_size(case)
    torch.manual_seed(0)
    options: dict[str, Any] = dict(case.options)
    try:
        network = build(case.model, options | {SWITCH: True}, case.image_px)
    except Exception as error:  # timm refuses by all kinds of errors, most of them without a word
        first = (str(error).splitlines() or [""])[0]
        raise UnsupportedError(
            f"{case.model} has no mode features: it cannot be made with {SWITCH}=True "
            f"({type(error).__name__}{': ' if first else ''}{first}); use --mode inference"
        ) from error
    return _wrapped(network)


def _wrapped(network: nn.Module) -> FeatureMaps:
    info: Any = getattr(network, "feature_info", None)
    strides = tuple(int(item) for item in info.reduction()) if hasattr(info, "reduction") else ()
    last = "NHWC" in str(getattr(network, "output_fmt", ""))
    return FeatureMaps(network=network, strides=strides, channels_last=last)


def _fits(size: int, image_px: int, stride: int) -> bool:
    """Padded convolutions round up, patches down."""
    return size in (math.ceil(image_px / stride), image_px // stride)
