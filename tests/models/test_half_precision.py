"""float16 autocast holds at the paper's initialisation, and why it does not without it (a complaint against open implementations).

A lambda layer multiplies projections of its input by one another, so gradients grow from layer to layer. The paper starts the last
batch norm of each bottleneck at gamma 0 (arXiv 2102.08602, appendix), which hides the layers from each other in the first steps.
Networks that start it at 1, torch's default, have gradients thousands of times larger: in float16 they overflow at every scale that
still holds the small ones, and the first update in float32 makes activations beyond 65504.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from lambdabench import models
from lambdabench.models.resnet.torch import Bottleneck

LARGEST = torch.finfo(torch.float16).max
SCALE = 2.0**16
"""Where torch's GradScaler starts."""


def made(gamma: float) -> nn.Module:
    torch.manual_seed(0)
    network = models.create("resnet50_llll", num_classes=5, image_px=48).train()
    for module in network.modules():
        if isinstance(module, Bottleneck):
            nn.init.constant_(module.bn3.weight, gamma)
    return network


def loss_of(network: nn.Module, dtype: torch.dtype | None) -> torch.Tensor:
    torch.manual_seed(1)
    images, targets = torch.randn(4, 3, 48, 48), torch.tensor([0, 1, 2, 3])
    with torch.autocast("cpu", dtype or torch.float16, enabled=dtype is not None):
        return functional.cross_entropy(network(images).float(), targets)


def largest_gradient(network: nn.Module) -> float:
    tensors = [parameter.grad.abs().max() for parameter in network.parameters() if parameter.grad is not None]
    return float(torch.stack(tensors).max())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_trains_without_nan(dtype: torch.dtype) -> None:
    network = made(gamma=0.0)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=SCALE)
    losses: list[float] = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = loss_of(network, dtype)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert scaler.get_scale() == SCALE, "a step overflowed and was left out"
    assert losses[-1] < losses[0]
    assert all(torch.isfinite(item).all() for item in network.state_dict().values())


def test_without_the_papers_initialisation_gradients_overflow() -> None:
    result: dict[float, float] = {}
    for gamma in (0.0, 1.0):
        network = made(gamma)
        loss_of(network, None).backward()
        result[gamma] = largest_gradient(network)
    assert result[0.0] * SCALE < LARGEST
    assert result[1.0] > 100 * result[0.0]
    network = made(gamma=1.0)
    (loss_of(network, torch.float16) * SCALE).backward()
    assert not math.isfinite(largest_gradient(network))
