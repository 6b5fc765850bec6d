"""Models with others' lambda layers: the same weights and answers, in our kernels."""

import copy
import warnings

import pytest
import torch

import lambdabench as lb
from lambdabench.core.errors import LambdabenchError

timm = pytest.importorskip("timm")
timm_layer = pytest.importorskip("timm.layers.lambda_layer")
theirs = pytest.importorskip("lambda_networks")


def layers_of_others() -> dict[str, torch.nn.Module]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.meshgrid without indexing, in lambda-networks
        return {
            "timm": timm_layer.LambdaLayer(32, r=5, qkv_bias=True),
            "timm strided": timm_layer.LambdaLayer(32, r=9, stride=2, dim_head=8),
            "timm global": timm_layer.LambdaLayer(32, feat_size=(6, 6), r=None),
            "lambda-networks": theirs.LambdaLayer(dim=32, dim_out=32, dim_k=16, heads=4, dim_u=1, r=7),
            "lambda-networks u": theirs.LambdaLayer(dim=32, dim_out=64, dim_k=8, heads=2, dim_u=3, r=3),
            "lambda-networks global": theirs.LambdaLayer(dim=32, dim_out=32, dim_k=16, heads=4, dim_u=2, n=6),
        }


@pytest.mark.parametrize("name", layers_of_others())
@pytest.mark.parametrize("training", [False, True])
def test_a_layer_answers_as_theirs_did(name: str, training: bool) -> None:
    torch.manual_seed(0)
    layer = layers_of_others()[name].train(training)
    for one in layer.modules():
        if isinstance(one, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(one.running_var, 0.5, 2.0)
    fast = lb.accelerate(copy.deepcopy(layer))
    assert fast.training == training
    x = torch.randn(3, 32, 6, 6)
    first, second = x.clone().requires_grad_(), x.clone().requires_grad_()
    wanted, found = layer(first), fast(second)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    wanted.square().sum().backward()
    found.square().sum().backward()
    assert first.grad is not None
    torch.testing.assert_close(second.grad, first.grad, rtol=1e-3, atol=1e-4 * float(first.grad.abs().max()))
    assert sum(one.numel() for one in fast.parameters()) == sum(one.numel() for one in layer.parameters())


def test_a_network_of_timms_is_replaced_in_place_and_takes_channels_last() -> None:
    torch.manual_seed(0)
    model = timm.create_model("lambda_resnet26t", num_classes=10).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        wanted = model(x)
        assert lb.accelerate(model) is model
        torch.testing.assert_close(model(x), wanted, rtol=1e-4, atol=1e-5)
        model.to(memory_format=torch.channels_last)
        torch.testing.assert_close(model(x.to(memory_format=torch.channels_last)), wanted, rtol=1e-4, atol=1e-4)
    with pytest.raises(LambdabenchError, match="ResNet has no lambda layer of timm or lambda-networks"):
        lb.accelerate(timm.create_model("resnet18"))
