"""Models with others' lambda layers: the same weights and answers, in our kernels."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

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
    for module in layer.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    fast = lb.accelerate(copy.deepcopy(layer))
    assert fast.training == training
    x = torch.randn(3, 32, 6, 6)
    first, second = x.clone().requires_grad_(), x.clone().requires_grad_()
    wanted, item = layer(first), fast(second)
    torch.testing.assert_close(item, wanted, rtol=1e-4, atol=1e-5)
    wanted.square().sum().backward()
    item.square().sum().backward()
    assert first.grad is not None
    torch.testing.assert_close(second.grad, first.grad, rtol=1e-3, atol=1e-4 * float(first.grad.abs().max()))
    assert sum(parameter.numel() for parameter in fast.parameters()) == sum(
        parameter.numel() for parameter in layer.parameters()
    )


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


@pytest.mark.parametrize("name", layers_of_others())
def test_a_frozen_layer_stays_frozen(name: str) -> None:
    layer = layers_of_others()[name].requires_grad_(False)
    assert not [key for key, item in lb.accelerate(layer).named_parameters() if item.requires_grad]


def test_a_frozen_network_trains_its_head_alone() -> None:
    model = timm.create_model("lambda_resnet26t", num_classes=10).requires_grad_(False)
    model.head.requires_grad_(True)
    trained = {key for key, item in lb.accelerate(model).named_parameters() if item.requires_grad}
    assert trained == {"head.fc.weight", "head.fc.bias"}


@pytest.mark.parametrize("name", ["to_q", "to_k", "to_v"])
def test_projections_that_become_one_are_trained_if_any_was(name: str) -> None:
    layer = layers_of_others()["lambda-networks"].requires_grad_(False)
    layer.get_submodule(name).requires_grad_(True)
    trained = {key for key, item in lb.accelerate(layer).named_parameters() if item.requires_grad}
    assert trained == {"qkv.weight"}


@pytest.mark.parametrize("name", ["timm", "lambda-networks"])
def test_norms_kept_in_inference_stay_so(name: str) -> None:
    layer = layers_of_others()[name].train()
    for tensor in (layer.norm_q, layer.norm_v):
        tensor.eval()
    fast = lb.accelerate(copy.deepcopy(layer))
    assert [fast.training, fast.norm_queries.training, fast.norm_values.training] == [True, False, False]
    x = torch.randn(2, 32, 6, 6)
    torch.testing.assert_close(fast(x), layer(x), rtol=1e-4, atol=1e-5)
    assert not any(module.training for module in lb.accelerate(layer.eval()).modules())


class Shared(nn.Module):
    """One layer by two names, and a block around another by two."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.a = self.b = make()
        self.c = self.d = nn.Sequential(make())

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) - self.b(2 * x) + self.c(3 * x) - self.d(4 * x)


@pytest.mark.parametrize("name", ["timm", "lambda-networks"])
def test_a_layer_used_in_two_places_is_one_in_both(name: str) -> None:
    model = Shared(lambda: layers_of_others()[name]).eval()
    x = torch.randn(2, 32, 6, 6)
    with torch.no_grad():
        wanted = model(x)
        lb.accelerate(model)
        torch.testing.assert_close(model(x), wanted, rtol=1e-4, atol=1e-4)
    assert type(model.a).__name__ == type(model.d[0]).__name__ == "FastLambdaLayer"
    assert model.a is model.b
    assert model.c is model.d
    assert model.a is not model.c[0]


def test_hooks_on_a_layer_move_with_it() -> None:
    model = nn.Sequential(layers_of_others()["timm"])
    names: list[str] = []
    handles = [
        model[0].register_forward_hook(lambda *_: names.append("forward"), always_call=True),
        model[0].register_forward_hook(lambda *_, **__: names.append("with kwargs"), with_kwargs=True),
        model[0].register_forward_pre_hook(lambda *_: names.append("before")),
        model[0].register_full_backward_hook(lambda *_: names.append("backward")),
        model[0].register_full_backward_pre_hook(lambda *_: names.append("before backward")),
    ]
    lb.accelerate(model)
    x = torch.randn(2, 32, 6, 6, requires_grad=True)
    model(x).sum().backward()
    assert names == ["before", "forward", "with kwargs", "before backward", "backward"]
    for handle in handles:
        handle.remove()
    model(x).sum().backward()
    assert len(names) == 5


def test_hooks_inside_a_layer_stay_or_are_refused() -> None:
    layer = layers_of_others()["timm"]
    names: list[str] = []
    layer.qkv.register_forward_hook(lambda *_: names.append("qkv"))
    lb.accelerate(layer)(torch.randn(2, 32, 6, 6))
    assert names == ["qkv"]
    for name, part in (("timm", "conv_lambda"), ("lambda-networks", "to_k"), ("lambda-networks", "pos_conv")):
        model = Shared(lambda name=name: layers_of_others()[name])
        layer = model.d[0]
        layer.get_submodule(part).register_forward_hook(lambda *_: None)
        with pytest.raises(LambdabenchError, match=rf"^c\.0\.{part} has _forward_hooks, which .*; remove them before"):
            lb.accelerate(model)
        assert model.a is model.b
        assert type(model.a).__name__ == "LambdaLayer"
        with pytest.raises(LambdabenchError, match=f"^LambdaLayer.{part} has _forward_hooks"):
            lb.accelerate(layer)


def test_what_makes_weights_and_keys_anew_is_refused() -> None:
    layer = layers_of_others()["timm"]
    parametrizations.weight_norm(layer.conv_lambda)
    with pytest.raises(LambdabenchError, match=r"^LambdaLayer.conv_lambda has parametrizations"):
        lb.accelerate(layer)
    layer = layers_of_others()["timm"]
    layer.register_state_dict_post_hook(lambda *_: None)
    with pytest.raises(LambdabenchError, match=r"^LambdaLayer has _state_dict_hooks"):
        lb.accelerate(layer)


def test_what_shares_memory_is_as_the_docstring_says() -> None:
    shares: dict[str, set[str]] = {}
    for name, layer in layers_of_others().items():
        before = {parameter.data_ptr() for parameter in layer.parameters()}
        fast = lb.accelerate(layer)
        shares[name] = {key for key, item in fast.named_parameters() if item.data_ptr() in before}
    norms = {f"norm_{name}.{key}" for name in ("queries", "values") for key in ("weight", "bias")}
    assert shares == {
        "timm": norms | {"qkv.weight", "qkv.bias", "embeddings", "bias"},
        "timm strided": norms | {"qkv.weight", "embeddings", "bias"},
        "timm global": norms | {"qkv.weight"},
        "lambda-networks": norms | {"embeddings", "bias"},
        "lambda-networks u": norms | {"embeddings", "bias"},
        "lambda-networks global": norms,
    }


def test_what_is_fast_already_is_said_to_be() -> None:
    model = nn.Sequential(layers_of_others()["timm"])
    for item in (lb.accelerate(model), lb.accelerate(layers_of_others()["timm"])):
        with pytest.raises(
            LambdabenchError,
            match=f"^{type(item).__name__} is accelerated already; nothing to replace: use it as it is$",
        ):
            lb.accelerate(item)
    ours = nn.Sequential(lb.create_layer("lambda_layer", 16, scope=3))
    with pytest.raises(LambdabenchError, match=r"^Sequential has lambda layers of ours already, and none of timm"):
        lb.accelerate(ours)
    both = lb.accelerate(nn.Sequential(ours, model, layers_of_others()["timm"]))
    assert type(both[2]).__name__ == "FastLambdaLayer"


@pytest.mark.parametrize("name", ["accelerate", "fold"])
@pytest.mark.parametrize(
    ("given", "said"),
    [("lambda_resnet26t", "builtins.str"), (nn.Identity, "builtins.type"), (None, "builtins.NoneType")],
)
def test_models_of_torch_only(name: str, given: Any, said: str) -> None:
    with pytest.raises(LambdabenchError, match=f"^{name} is torch only: found {said}, expected a torch.nn.Module$"):
        getattr(lb, name)(given)
