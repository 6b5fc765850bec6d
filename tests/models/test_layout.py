"""Our networks run in the layout they are given: no map is copied into another one on the way."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd import profiler

import lambdabench as lb
from lambdabench.kernels import _cpu

timm = pytest.importorskip("timm")
pytestmark = pytest.mark.skipif(bool(_cpu.problem()), reason=_cpu.problem() or "built")

COPIES = {"aten::copy_", "aten::clone", "aten::contiguous"}
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "all lambda": lambda: lb.create_model("resnet50_llll", num_classes=10),
    "with gates": lambda: lb.create_model("lambda_resnet50", num_classes=10),
    "mobile": lambda: lb.create_model("mobilenet_v2_lambda", num_classes=10),
    "timm's accelerated": lambda: lb.accelerate(timm.create_model("lambda_resnet26t", num_classes=10)),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def copied_maps(network: nn.Module, x: torch.Tensor) -> list[tuple[str, list[int]]]:
    """Copies of maps in a forward, but for those inside torch's convolutions; what has one number a channel is no map."""
    with torch.inference_mode(), profiler.profile(use_kineto=False, record_shapes=True) as seen:
        network(x)
    copies = [
        function_event
        for function_event in seen.function_events
        if function_event.name in COPIES and function_event.input_shapes and not in_convolution(function_event)
    ]
    result = [(copy.name, copy.input_shapes[0]) for copy in copies]
    return [(name, shape) for name, shape in result if len(shape) > 2 and any(size > 1 for size in shape[2:])]


def in_convolution(event: Any) -> bool:
    """On one thread those of 1 x 1 fill their output with the bias first."""
    above = event.cpu_parent
    return above is not None and ("convolution" in above.name or in_convolution(above))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_map_is_copied_in_inference(name: str, layout: torch.memory_format) -> None:
    network = NETWORKS[name]().eval().to(memory_format=layout)
    x = torch.randn(2, 3, 64, 64).to(memory_format=layout)
    assert copied_maps(network, x) == []
    assert copied_maps(lb.fold(network), x) == []


def test_a_copy_is_seen() -> None:
    class Copies(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.contiguous(memory_format=torch.channels_last)

    assert copied_maps(Copies(), torch.randn(2, 3, 8, 8))
