"""Families are read off names: what stands before a size."""

import pytest

from lambdabench import models
from lambdabench.analysis.families import family_of


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("resnet50", "resnet"),
        ("resnet50_gn", "resnet"),
        ("resnext101_32x8d", "resnext"),
        ("resnetv2_50d_gn", "resnetv2"),
        ("mobilenetv4_conv_medium", "mobilenetv4"),
        ("mobilevitv2_050", "mobilevitv2"),
        ("mobilevit_xs", "mobilevit"),
        ("efficientformerv2_s0", "efficientformerv2"),
        ("convmixer_1024_20_ks9_p14", "convmixer"),
        ("lambda_resnet26rpt_256", "lambda"),
        ("tf_efficientnet_b7", "efficientnet"),
        ("tf_efficientnetv2_s", "efficientnetv2"),
        ("legacy_seresnet50", "seresnet"),
        ("cs3darknet_l", "cs3darknet"),
        ("res2net101d", "res2net"),
        ("deit3_base_patch16_224", "deit"),
        ("vit_base_patch16_224", "vit"),
        ("nasnetalarge", "nasnetalarge"),
        ("net.py:make", ""),
        ("mine/net.pt2", ""),
        ("net.pt2", ""),
        ("test a[3]", ""),
    ],
)
def test_of_timms_names(model: str, family: str) -> None:
    assert family_of(model, {}) == family


def test_ours_are_no_family_of_timms() -> None:
    ours = models.ours()
    assert family_of("lambda_resnet152", ours) == family_of("resnet50_llll", ours) == "resnet (lambdabench)"
    assert family_of("lambda_resnet26t", ours) == "lambda"
