"""What every layer promises: counts that are the built layer's, the shape of its output, refusal of options it does not have."""

import importlib
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lambdabench import layers
from lambdabench.core import registry
from lambdabench.core.errors import LambdabenchError
from lambdabench.models._counts.torch import WrittenElements

NAMES = (
    "axial_attention",
    "ceiling",
    "convolution",
    "lambda_layer",
    "linear_attention",
    "local_attention",
    "peer_lambda_layer",
    "self_attention",
    "squeeze_excitation",
)
SHAPES = [
    # dim, dim_out, (height, width), stride
    (32, 32, (6, 6), 1),
    (16, 32, (5, 8), 1),
    (16, 32, (9, 7), 2),
    (32, 32, (20, 33), 1),
]
CHANGES: dict[str, list[dict[str, Any]]] = {
    "axial_attention": [{}, {"heads": 4}],
    "ceiling": [{"of": "product"}, {"of": "copy"}],
    "convolution": [{}],
    # the paper counts what its einsum executes; lambda convolutions are counted in the layer's own tests
    "lambda_layer": [{"kernel": "einsum", "scope": 31}, {"kernel": "einsum", "scope": "global", "intra_depth": 2}],
    "linear_attention": [{}, {"heads": 4}],
    "local_attention": [{}, {"heads": 4, "scope": 3}],
    "peer_lambda_layer": [{"library": "timm"}, {"library": "lambda_networks", "scope": 7, "heads": 2}],
    "self_attention": [{}, {"heads": 4}],
    "squeeze_excitation": [{}, {"ratio": 16}],
}
KEEPING = ("ceiling", "peer_lambda_layer", "squeeze_excitation")
"""Layers that take no other width out than in, and no stride."""
EMBEDDED = ("lambda_layer", "peer_lambda_layer")
MADE = [(name, change) for name in NAMES for change in CHANGES[name]]


def spec_of(name: str) -> Any:
    return importlib.import_module(f"lambdabench.layers.{name}.spec")


def test_they_are_registered() -> None:
    assert set(NAMES) == set(registry.names("layers"))


@pytest.mark.parametrize(("name", "change"), MADE)
@pytest.mark.parametrize(("dim", "dim_out", "size", "stride"), SHAPES)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_counts_are_those_of_the_built_layer(
    *, name: str, change: dict[str, Any], dim: int, dim_out: int, size: tuple[int, int], stride: int, device: str
) -> None:
    if name in KEEPING:
        dim_out, stride = dim, 1
    with torch.device(device):
        layer = layers.create(name, dim, dim_out, size=size, stride=stride, **change)
        x = torch.zeros(1, dim, *size)
    written, counter = WrittenElements(), FlopCounterMode(display=False)
    with torch.no_grad(), counter, written:
        y = layer(x)
    assert tuple(y.shape) == (1, dim_out, *(-(-side // stride) for side in size))
    where: dict[str, Any] = {"size": size, "stride": stride, **change}
    spec = spec_of(name)
    assert sum(parameter.numel() for parameter in layer.parameters()) == spec.parameters(dim, dim_out, **where)
    assert counter.get_total_flops() == 2 * spec.macs(dim, dim_out, **where)
    assert 2 * written.elements == spec.activation_bytes(dim, dim_out, itemsize=2, **where)


@pytest.mark.parametrize("name", NAMES)
def test_options_that_there_are_not_are_refused(name: str) -> None:
    with pytest.raises(LambdabenchError, match=f"{name} takes no option spokes"):
        layers.create(name, 16, size=(4, 4), spokes=3)


@pytest.mark.parametrize("name", NAMES)
def test_interactions_grow_with_the_batch_but_for_embeddings(name: str) -> None:
    item, eight = (spec_of(name).interaction_elements(64, 64, size=(8, 6), batch_size=b) for b in (1, 8))
    assert eight == (item if name in EMBEDDED else 8 * item)


def test_interactions_are_those_of_table_4() -> None:
    """GiB in float32 for 128 images on a ResNet-50's maps: 120 and 4.8 (arXiv 2102.08602; its 120 comes out as 122.8)."""
    placed = [(64, 56, 3), (128, 28, 4), (256, 14, 6), (512, 7, 3)]

    def gib(name: str) -> float:
        count = spec_of(name).interaction_elements
        return sum(4 * times * count(dim, dim, size=(px, px), batch_size=128) for dim, px, times in placed) / 2**30

    assert gib("self_attention") == pytest.approx(122.8, abs=0.1)
    assert gib("axial_attention") == pytest.approx(4.8, abs=0.05)
