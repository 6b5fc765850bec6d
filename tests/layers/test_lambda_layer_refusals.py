"""What a lambda layer refuses: inputs of another depth or rank, whichever way they would take, and arguments of another kind."""

from typing import Any

import jax
import pytest
import torch
from jax import numpy as jnp
from torch import nn
from torch.nn.utils import parametrizations, prune

from lambdabench import layers
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.registry import ROOT


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(2, 16, 7, 7), (2, 640, 7, 7), (32, 7, 7)])
def test_an_input_of_another_depth_or_rank_is_never_read(shape: tuple[int, ...], training: bool) -> None:
    layer = layers.create("lambda_layer", 32, scope=5).train(training)
    with torch.set_grad_enabled(training), pytest.raises((RuntimeError, ValueError)):
        layer(torch.randn(shape))


def test_the_operators_themselves_refuse_another_depth() -> None:
    weights, table = [torch.randn(name, 16, 1, 1) for name in (32, 8, 4)], torch.randn(8, 1, 5, 5)
    space = getattr(torch.ops, ROOT)
    with pytest.raises(ValueError, match=r"expected \[batch, 16, height, width\]"):
        space.lambda_layer(torch.randn(2, 15, 6, 6), weights, [], [], None, table, 4)
    with pytest.raises(ValueError, match=r"expected \[batch, 16, height, width\]"):
        space.lambda_layer_train(torch.randn(2, 17, 6, 6), weights, [], None, table, [], 4)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(2, 7, 7, 16), (2, 7, 7, 3200), (9, 7, 32)])
def test_neither_is_it_in_jax(shape: tuple[int, ...], training: bool) -> None:
    layer: Any = layers.create("lambda_layer", 32, framework="jax", scope=5)
    layer.train() if training else layer.eval()
    with pytest.raises((TypeError, ValueError)):
        jax.block_until_ready(layer(jnp.ones(shape)))


@pytest.mark.parametrize("grad", [False, True])
def test_a_map_of_no_images_gives_none(grad: bool) -> None:
    layer = layers.create("lambda_layer", 16, scope=3).eval()
    with torch.set_grad_enabled(grad):
        assert layer(torch.randn(0, 16, 5, 6)).shape == (0, 16, 5, 6)


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: prune.random_unstructured(layer, "embeddings", 0.5),
        lambda layer: parametrizations.weight_norm(layer, "embeddings"),
        lambda layer: setattr(layer, "to_queries", nn.Conv2d(16, 64, 3, padding=1, bias=False)),
    ],
)
def test_what_replaces_a_part_is_respected(change: Any) -> None:
    layer, x = layers.create("lambda_layer", 16, scope=5, kernel="cpu").eval(), torch.randn(2, 16, 6, 6)
    change(layer)
    with torch.no_grad():
        item = layer(x)
    torch.testing.assert_close(item, layer(x), rtol=1e-4, atol=1e-4)
    layer.train()(x).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in layer.parameters())


@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"dim_out": 0}, "found dim_out 0, expected a whole number of at least 1"),
        ({"stride": -1}, "found stride -1"),
        ({"heads": 4.5}, "found heads 4.5"),
        ({"heads": "x"}, "found heads 'x'"),
        ({"key_depth": 0}, "found key_depth 0"),
        ({"intra_depth": 0}, "found intra_depth 0"),
        ({"scope": True}, "found scope True"),
        ({"content": "no"}, "found content 'no', expected True or False"),
        ({"size": 14, "scope": "global"}, r"found size 14, expected \(height, width\)"),
    ],
)
def test_an_argument_of_another_kind_is_told(framework: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(LambdabenchError, match=said):
        layers.create("lambda_layer", 64, framework=framework, **arguments)


def test_a_framework_that_there_is_none_is_told() -> None:
    with pytest.raises(LambdabenchError, match="no framework is called 'tf'"):
        layers.create("lambda_layer", 64, framework="tf")
