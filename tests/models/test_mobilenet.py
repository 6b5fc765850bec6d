"""MobileNet-v2 with lambda blocks has the paper's counts, and works as timm's networks do."""

import torch

from lambdabench import models
from lambdabench.core.spec import Wish
from lambdabench.models.mobilenet.torch import LambdaBlock


def test_counts_are_table_17s() -> None:
    """3.21 M and 563 M FLOPs; MobileNet-v2 itself 3.50 M and 603 M (601.5 M without batch norms)."""
    facts = models.describe(Wish(model="mobilenet_v2_lambda"))
    assert round(facts.parameters / 1e6, 2) == 3.21
    assert abs(facts.flops_per_image / 1e6 - 563) < 1
    assert round(models.describe(Wish(model="mobilenetv2_100")).parameters / 1e6, 2) == 3.50
    wide = models.describe(Wish(model="mobilenet_v2_lambda", options=(("key_depth", 32),)))
    assert round(wide.parameters / 1e6, 2) == 3.24


def test_two_blocks_hold_a_lambda_layer_and_all_learn() -> None:
    torch.manual_seed(0)
    network = models.create("mobilenet_v2_lambda", num_classes=3).train()
    assert [module.conv_pw.in_channels for module in network.modules() if isinstance(module, LambdaBlock)] == [64, 160]
    for batch in (1, 2):
        network(torch.randn(batch, 3, 64, 64)).square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_features_and_classes() -> None:
    network = models.create("mobilenet_v2_lambda", features_only=True).eval()
    with torch.no_grad():
        maps = network(torch.randn(1, 3, 64, 64))
    assert [item.shape[1] for item in maps] == network.feature_info.channels()
    whole = models.create("mobilenet_v2_lambda").eval()
    whole.reset_classifier(5)
    assert whole(torch.randn(1, 3, 64, 64)).shape == (1, 5)
