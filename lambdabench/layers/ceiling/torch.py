"""A matrix product and a copy in torch."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...core import registry
from .spec import CEILINGS, OPTIONS, refuse_change


class Product(nn.Module):
    """A square matrix times every position's channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim, dim) / math.sqrt(dim))

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b d height width"]:
        """A map of any size.

        Two matrices where there is one image: torch.matmul with a batch of one takes half as long again on a CPU.
        """
        maps = x.flatten(2)
        if len(maps) == 1:
            return torch.mm(self.weight, maps[0]).unflatten(1, x.shape[2:])[None]
        return torch.bmm(self.weight.expand(len(maps), *self.weight.shape), maps).unflatten(2, x.shape[2:])


class Copy(nn.Module):
    """Its input, read and written once, to memory that it keeps: fresh memory is given in pages, which takes longer than the copy."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = torch.empty(0)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b d height width"]:
        """A map of any size; the next call writes over it, where there are no gradients."""
        if torch.is_grad_enabled():
            return x.clone()
        if (self._kept.shape, self._kept.dtype, self._kept.device) != (x.shape, x.dtype, x.device):
            self._kept = torch.empty_like(x)
        return self._kept.copy_(x)


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> nn.Module:
    """One of the two; see `lambdabench.create_layer`. Raises UnknownNameError, OptionError."""
    refuse_change(dim, dim_out, stride)
    of = str((OPTIONS | options)["of"])
    if of not in CEILINGS:
        raise registry.unknown("of", of, CEILINGS)
    return Product(dim) if of == "product" else Copy()
