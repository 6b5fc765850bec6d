"""Mask R-CNN on our backbones: forward and training step at a small size, counts at the full one."""

import dataclasses

import pytest
import torch

from lambdabench import models
from lambdabench.core.errors import UnsupportedError
from lambdabench.core.spec import Case, Wish

NAME = "mask_rcnn_lambda_resnet101"
SMALL = Case(model=NAME, batch_size=2, image_px=96, param_dtype="float32")


def test_every_row_of_table_6_has_a_network() -> None:
    names = sorted(name for name, family in models.ours().items() if family == "mask_rcnn")
    assert names == sorted(
        f"mask_rcnn_{name}{depth}{gate}"
        for depth in (101, 152)
        for name, gate in (("resnet", ""), ("resnet", "_se"), ("lambda_resnet", ""))
    )


def test_inference_refines_as_many_boxes_whatever_the_weights() -> None:
    work = models.create_workload(SMALL)
    with torch.no_grad():
        item = work.network.eval()(*work.arguments(work.inputs(SMALL, seed=0)))
    assert work.check(item, SMALL) == ""
    assert torch.isfinite(item).all()
    assert "expected (2, 100, 6)" in work.check(item[:, :7], SMALL)


def test_a_training_step_reaches_every_part() -> None:
    case = dataclasses.replace(SMALL, mode="train")
    work = models.create_workload(case)
    inputs = work.inputs(case, seed=0)
    images, boxes, _, masks = inputs
    assert 0 <= boxes.min() < boxes.max() <= 96
    assert masks.flatten(2).sum(2).min() > 0
    output = work.network.train()(*work.arguments(inputs))
    assert output.shape == (len(images), 5)
    work.loss(output, inputs).backward()
    parts = {name.split(".")[1] for name, item in work.network.named_parameters() if item.grad is not None}
    assert parts == {"backbone", "rpn", "roi_heads"}


def test_inputs_are_the_seeds() -> None:
    case = dataclasses.replace(SMALL, mode="train")
    work = models.create_workload(case)
    for item, other in zip(work.inputs(case, 1), work.inputs(case, 1), strict=True):
        assert torch.equal(item, other)


def test_counts_at_1024_pixels() -> None:
    """The plain network against torchvision's own with this pyramid (44.4 M in ResNet-50's, COCO): the backbone is what differs."""
    facts = models.describe(Wish(model="mask_rcnn_resnet101"))
    ours = models.describe(Wish(model=NAME))
    assert (facts.problem, ours.problem) == ("", "")
    assert facts.native_px == 1024
    assert facts.flops_per_image > 5e11
    backbones = [models.describe(Wish(model=name)).parameters for name in ("resnet_rs101_plain", "lambda_resnet101")]
    assert facts.parameters - ours.parameters == backbones[0] - backbones[1]


def test_what_a_detector_does_not_do() -> None:
    with pytest.raises(UnsupportedError, match="no backbone; time its backbone's features, lambda_resnet101"):
        models.create_workload(dataclasses.replace(SMALL, mode="features"))
    with pytest.raises(UnsupportedError, match="under autocast"):
        models.create_workload(dataclasses.replace(SMALL, dtype="bfloat16", param_dtype="bfloat16"))
