"""`--mode features`: maps with their strides and channels, of ours, timm's and the user's own; what has none is refused."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from lambdabench import models
from lambdabench.core.errors import UnsupportedError
from lambdabench.core.spec import Case
from lambdabench.models.features.torch import FeatureMaps

CASE = Case(model="resnet18", mode="features", batch_size=2, image_px=64, param_dtype="float32")


def answered(**changes: Any) -> tuple[str, str]:
    """(What is wrong with the output, what its maps are)."""
    case = dataclasses.replace(CASE, **changes)
    workload = models.create_workload(case)
    with torch.no_grad():
        output = workload.network.eval()(*workload.arguments(workload.inputs(case, 0)))
    return workload.check(output, case), workload.features(output, case)


@pytest.mark.parametrize(
    ("name", "maps"),
    [
        ("resnet18", "2:64 4:64 8:128 16:256 32:512"),
        ("lambda_resnet50", "2:64 4:256 8:512 16:1024 32:2048"),
        ("mobilenet_v2_lambda", "2:16 4:24 8:32 16:96 32:320"),
        ("botnet_t3", "2:64 4:256 8:512 16:1024 16:2048"),
    ],
)
def test_strides_and_channels_of_each_map(name: str, maps: str) -> None:
    assert answered(model=name) == ("", maps)


def test_maps_with_channels_last_are_read_as_such() -> None:
    assert answered(model="swin_tiny_patch4_window7_224", image_px=224, batch_size=1) == (
        "",
        "4:96 8:192 16:384 32:768",
    )


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (torch.zeros(2, 8, 16, 16), "the output is a Tensor, expected a list of feature maps"),
        ([torch.zeros(2, 8, 16, 16)], "there are 1 feature maps, expected 2"),
        (
            [torch.zeros(2, 8, 16, 16), torch.zeros(2, 8)],
            "map 1 has the shape (2, 8), expected four axes, the first of 2",
        ),
        ([torch.zeros(2, 8, 16, 16), torch.zeros(2, 8, 4, 4)], "map 1 is 4 x 4, expected 64 px divided by 8"),
        ([torch.zeros(2, 8, 16, 16), torch.zeros(2, 8, 8, 8)], ""),
    ],
)
def test_maps_of_another_shape_are_a_wrong_output(output: Any, problem: str) -> None:
    assert FeatureMaps(network=nn.Identity(), strides=(4, 8)).check(output, CASE) == problem


def test_feature_maps_are_not_trained() -> None:
    with pytest.raises(UnsupportedError, match="use --mode train for classification"):
        FeatureMaps(network=nn.Identity()).loss([], ())
