"""The ResNet family has the paper's parameter counts, learns, and keeps its weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from lambdabench import models
from lambdabench.models.resnet.torch import Bottleneck

TABLE_13 = {
    "cccc": 25.56, "lccc": 25.49, "llcc": 24.99, "lllc": 21.73,
    "llll": 15.00, "clll": 15.06, "ccll": 15.56, "cccl": 18.83,
}  # fmt: skip
"""Million parameters of each placement, by the layer's formula (arXiv 2102.08602, Table 13)."""


def made(name: str = "resnet50_llll", **options: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return models.create(name, **options)


def parameters(name: str, **options: Any) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in made(name, **options).parameters())


@pytest.mark.parametrize(("placement", "millions"), TABLE_13.items())
def test_parameters_of_the_placements(placement: str, millions: float) -> None:
    assert round(parameters(f"resnet50_{placement}") / 1e6, 2) == millions


def test_all_lambda_resnet_has_the_papers_count_exactly() -> None:
    assert parameters("resnet50_llll") == 14_995_592
    assert round(parameters("resnet50_llll", key_depth=8, heads=8) / 1e6, 2) == 14.74


def test_last_batch_norm_of_each_bottleneck_starts_at_zero() -> None:
    blocks = [one for one in made("resnet50_cccl").modules() if isinstance(one, Bottleneck)]
    assert len(blocks) == 16
    assert all(not block.bn3.weight.any() for block in blocks)


def test_training_on_two_images_lowers_the_loss() -> None:
    network = made(num_classes=3).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    images, targets = torch.randn(2, 3, 33, 33), torch.tensor([0, 2])
    losses: list[float] = []
    for _ in range(4):
        loss = functional.cross_entropy(network(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_weights_survive_the_file(tmp_path: Path) -> None:
    first = made(num_classes=3).eval()
    torch.save(first.state_dict(), tmp_path / "weights.pt")
    second = models.create("resnet50_llll", num_classes=3).eval()
    second.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(first(images), second(images))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("batch", "size"), [(1, (3, 2)), (4, (1, 1)), (2, (1, 4))])
@pytest.mark.parametrize("spatial", ["convolution", "lambda"])
def test_gradients_of_a_bottleneck_under_the_pooled_head(
    batch: int, size: tuple[int, int], spatial: str, training: bool
) -> None:
    torch.manual_seed(1)
    layer = torch.nn.Conv2d(4, 4, 3, padding=1, bias=False) if spatial == "convolution" else made_layer()
    block = Bottleneck(8, 4, layer, 1).double().train(training)
    torch.nn.init.normal_(block.bn3.weight)
    x = torch.randn(batch, 8, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: block(x).mean(dim=(2, 3)), x, eps=1e-6, atol=1e-4, rtol=1e-3)


def made_layer() -> torch.nn.Module:
    from lambdabench import layers

    return layers.create("lambda_layer", 4, heads=2, key_depth=2, scope=3)


def test_a_network_at_its_smallest_map_has_the_same_gradients_in_any_batch_order() -> None:
    network = made(num_classes=3).double().train()
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)

    def gradient(order: list[int]) -> torch.Tensor:
        (found,) = torch.autograd.grad(network(images[order]).square().sum(), [network.stem[0].weight])
        return found

    torch.testing.assert_close(gradient([0, 1]), gradient([1, 0]))
