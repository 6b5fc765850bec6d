"""What one forward pass of a network in torch takes, counted on whatever device it is on."""

import contextlib
import math
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

COUNTED = ("convolution", "mm", "addmm", "bmm", "baddbmm", "scaled_dot_product")


def counted(network: nn.Module, *arguments: Any, batch_size: int = 1, **keywords: Any) -> dict[str, Any]:
    """Counts of one image's forward pass, in evaluation, as `ModelFacts` names them."""
    with contextlib.suppress(NotImplementedError):  # an exported program has no modes
        network.eval()
    written = WrittenElements()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter, written:
        network(*arguments, **keywords)
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "flops_per_image": float(counter.get_total_flops()) / batch_size,
        "activations_per_image": float(written.elements) / batch_size,
        "operations": written.operations,
    }


class WrittenElements(TorchDispatchMode):
    """Counts convolutions and matrix products, and the elements that they write."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(name in func.name().split("::")[-1] for name in COUNTED):
            first = result[0] if isinstance(result, tuple) else result
            self.elements += math.prod(first.shape)
            self.operations += 1
        return result
