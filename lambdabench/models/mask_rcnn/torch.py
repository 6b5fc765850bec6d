"""The family in torch: torchvision's Mask R-CNN and feature pyramid on our backbones."""

from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN

from ..resnet.architecture import EXPANSION, STAGES, WIDTHS
from ..resnet.torch import create as create_backbone
from .spec import VARIANTS

CLASSES = 91
"""COCO's category numbers, 0 the background."""
PYRAMID_WIDTH = 256
PROPOSALS, DETECTIONS = 1000, 100
"""Boxes an image that inference refines, and those it keeps: torchvision's defaults."""
BOX_PX, MASK_PX = 7, 14


class Detector(nn.Module):
    """Boxes and masks of images [b, 3, px, px]; the losses where it is given boxes, labels and masks as well.

    Nothing is suppressed and no score is too low, so that random weights refine as many boxes as trained ones.
    """

    def __init__(self, backbone: nn.Module, *, num_classes: int, image_px: int) -> None:
        super().__init__()
        pyramid = BackboneWithFPN(
            backbone,
            return_layers={name: str(index) for index, name in enumerate(STAGES)},
            in_channels_list=[EXPANSION * width for width in WIDTHS],
            out_channels=PYRAMID_WIDTH,
        )
        self.detector = MaskRCNN(
            pyramid,
            num_classes,
            min_size=image_px,
            max_size=image_px,
            rpn_post_nms_top_n_train=PROPOSALS,
            rpn_post_nms_top_n_test=PROPOSALS,
            rpn_nms_thresh=1.0,
            box_score_thresh=0.0,
            box_nms_thresh=1.0,
            box_detections_per_img=DETECTIONS,
        )

    def forward(
        self,
        images: Float[Tensor, "b 3 px px"],
        boxes: Float[Tensor, "b objects 4"] | None = None,
        labels: Int[Tensor, "b objects"] | None = None,
        masks: UInt8[Tensor, "b objects px px"] | None = None,
    ) -> Tensor:
        """Inference: [b, detections, 6], box corners in pixels, label and score. Training: the losses, the same for each image."""
        if images.is_meta:
            return self._forward_parts(images)
        if boxes is None or labels is None or masks is None:
            item = self.detector(list(images))
            return torch.stack(
                [torch.cat([entry["boxes"], entry["labels"][:, None], entry["scores"][:, None]], 1) for entry in item]
            )
        targets = [
            {"boxes": box, "labels": label, "masks": mask}
            for box, label, mask in zip(boxes, labels, masks, strict=True)
        ]
        losses = self.detector(list(images), targets)
        return torch.stack(list(losses.values())).expand(len(images), -1)

    def _forward_parts(self, images: Tensor) -> Tensor:
        """The parts that have parameters, on as many boxes as inference refines: for counting, where there are no numbers to sort."""
        maps = self.detector.backbone(images)
        heads: Any = self.detector.roi_heads
        propose: Any = self.detector.rpn.head
        propose(list(maps.values()))
        boxes = images.new_empty(len(images) * PROPOSALS, PYRAMID_WIDTH, BOX_PX, BOX_PX)
        scores, _ = heads.box_predictor(heads.box_head(boxes))
        kept = images.new_empty(len(images) * DETECTIONS, PYRAMID_WIDTH, MASK_PX, MASK_PX)
        heads.mask_predictor(heads.mask_head(kept))
        return scores.unflatten(0, (len(images), PROPOSALS))


def create(name: str, *, num_classes: int = CLASSES, image_px: int = 1024, **options: Any) -> Detector:
    """The variant `name` with random weights, for images of `image_px` pixels a side."""
    backbone = create_backbone(VARIANTS[name], img_size=image_px, **options)
    return Detector(backbone, num_classes=num_classes, image_px=image_px)
