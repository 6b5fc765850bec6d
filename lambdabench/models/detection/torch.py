"""Detectors in torch, with what they are fed."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ... import models
from ...core.errors import UnsupportedError
from ...core.spec import Case
from ..classification.spec import REFUSALS, refusal
from ..mask_rcnn.torch import CLASSES, DETECTIONS, Detector

OBJECTS = 8
"""In each image; COCO's have 7 on average (arXiv 1405.0312, section 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A `core.ports.Workload`."""

    network: Detector
    weights: str = "random"

    def inputs(self, case: Case, seed: int) -> tuple[Tensor, ...]:
        """Images; in training also boxes, labels and the boxes filled as masks, the same for every network."""
        generator = torch.Generator().manual_seed(seed)
        b, px = case.batch_size, case.image_px
        assert px is not None
        images = torch.rand(b, 3, px, px, generator=generator)
        if case.mode != "train":
            return (images,)
        corners = torch.rand(b, OBJECTS, 2, generator=generator) * px / 2
        sides = (0.05 + 0.45 * torch.rand(b, OBJECTS, 2, generator=generator)) * px
        boxes = torch.cat([corners, corners + sides], dim=2)
        labels = torch.randint(1, CLASSES, (b, OBJECTS), generator=generator)
        return images, boxes, labels, _filled(boxes, px)

    def arguments(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return inputs

    def loss(self, output: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return output[0].sum()

    def check(self, output: Any, case: Case) -> str:
        wanted = (case.batch_size, DETECTIONS, 6)
        if case.mode != "train" and tuple(output.shape) != wanted:
            return f"the detections' shape is {tuple(output.shape)}, expected {wanted}"
        return ""

    def features(self, output: Any, case: Case) -> str:
        return ""

    def interaction_bytes(self, case: Case) -> int | None:
        return None


def create(case: Case) -> Detection:
    """The workload of a case, with reproducible random weights. Raises UnsupportedError for what a detector does not do."""
    if case.mode == "features":
        raise UnsupportedError(
            f"{case.model} is no backbone; time its backbone's features, {models.backbone(case.model)}"
        )
    if case.dtype in ("bfloat16", "float16") and case.param_dtype != "float32":
        raise UnsupportedError(
            f'boxes need float32: {case.model} runs with {case.dtype} under autocast, param_dtype = "float32"'
        )
    torch.manual_seed(0)
    options: dict[str, Any] = dict(case.options)
    try:
        network = models.create(case.model, image_px=case.image_px or models.native_px(case.model), **options)
    except REFUSALS as error:
        raise refusal(case.model, error) from error
    return Detection(network=network)


def _filled(boxes: Tensor, px: int) -> Tensor:
    """Masks [b, objects, px, px] that are one inside the boxes."""
    pixel = torch.arange(px)
    left, top, right, bottom = (edge[..., None] for edge in boxes.unbind(2))
    across, down = (pixel >= left) & (pixel < right), (pixel >= top) & (pixel < bottom)
    return (down[..., :, None] & across[..., None, :]).to(torch.uint8)
