"""A workload of torch with the weights and inputs that its twin in JAX has too."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...core.ports import Workload
from ...core.spec import Case
from . import SEEDED
from .draws import inputs, weights

STATISTICS = ("running_mean", "running_var")
IMAGES = 4
"""Axes of a batch of images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """A `core.ports.Workload`: another one's, but for its weights and inputs."""

    inner: Workload
    weights: str = SEEDED

    @property
    def network(self) -> nn.Module:
        return self.inner.network

    def inputs(self, case: Case, seed: int) -> tuple[Tensor, ...]:
        like = self.inner.inputs(case, seed)
        shapes = [(_last(item).shape, "f" if item.is_floating_point() else "i") for item in like]
        drawn = inputs(shapes, getattr(self.inner, "classes", None) or 2, seed)
        return tuple(_first(torch.from_numpy(ndarray)) for ndarray in drawn)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def seeded(workload: Workload) -> Seeded:
    """The workload with its weights replaced."""
    network = workload.network
    with torch.no_grad():
        for name, tensor in named_tensors(network).items():
            tensor.copy_(torch.from_numpy(weights(name, tuple(tensor.shape))))
    return Seeded(inner=workload)


def named_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and running statistics; one that several modules share under the first of its names in order of letters."""
    result: dict[int, tuple[str, Tensor]] = {}
    tensors = [*network.named_parameters(remove_duplicate=False), *network.named_buffers()]
    for name, entry in sorted(tensors, key=lambda item: item[0]):
        if isinstance(entry, nn.Parameter) or name.endswith(STATISTICS):
            result.setdefault(id(entry), (name, entry))
    return dict(result.values())


def _last(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == IMAGES else tensor


def _first(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 3, 1, 2).contiguous() if tensor.dim() == IMAGES else tensor
