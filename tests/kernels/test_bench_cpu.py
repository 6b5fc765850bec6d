"""The compiled lambda layer beside timm's and lambda-networks', timed in turns: ratios, never asserted.

`pytest tests/kernels --benchmark-only` measures them; --benchmark-json keeps the ratios under "extra_info". Whole layers with
projections and batch norm, one thread, at the stages of a ResNet at 224 pixels (arXiv 2102.08602, section 4: k = 16, h = 4).
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from lambdabench import layers
from lambdabench.kernels import _cpu

timm_layer = pytest.importorskip("timm.layers.lambda_layer")
lambda_networks = pytest.importorskip("lambda_networks")
pytest.importorskip("pytest_benchmark")
pytestmark = pytest.mark.skipif(bool(_cpu.problem()), reason=_cpu.problem() or "built")

STAGES = {"c2": (64, 56), "c3": (128, 28), "c4": (256, 14), "c5": (512, 7)}
ROUNDS = 9


def peers(dim: int, scope: int) -> dict[str, torch.nn.Module]:
    return {
        "ours": layers.create("lambda_layer", dim, scope=scope),
        "timm": timm_layer.LambdaLayer(dim, num_heads=4, dim_head=16, r=scope),
        "lambda_networks": lambda_networks.LambdaLayer(dim=dim, dim_out=dim, dim_k=16, heads=4, dim_u=1, r=scope),
    }


def step_of(layer: torch.nn.Module, x: torch.Tensor, mode: str) -> Callable[[], Any]:
    layer.train(mode == "train")

    def train() -> None:
        layer(x.detach().requires_grad_()).square().mean().backward()

    def infer() -> None:
        with torch.inference_mode():
            layer(x)

    return train if mode == "train" else infer


@pytest.fixture(autouse=True)
def _whole_grid_when_asked(request: pytest.FixtureRequest) -> None:
    shape = request.node.callspec.params
    if (shape["scope"], shape["batch_size"]) != (7, 1) and not request.config.getoption("--benchmark-only"):
        pytest.skip("the whole grid with --benchmark-only")


@pytest.mark.parametrize("mode", ["inference", "train"])
@pytest.mark.parametrize(("scope", "batch_size"), [(7, 1), (7, 8), (23, 1), (23, 8)])
@pytest.mark.parametrize("stage", STAGES)
def test_the_layer_beside_its_peers(benchmark: Any, stage: str, scope: int, batch_size: int, mode: str) -> None:
    dim, side = STAGES[stage]
    torch.manual_seed(0)
    x = torch.randn(batch_size, dim, side, side)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    steps = {name: step_of(layer, x, mode) for name, layer in peers(dim, scope).items()}
    times: dict[str, list[float]] = {name: [] for name in steps}

    def in_turns() -> None:
        for name, step in steps.items():
            start_s = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start_s)

    try:
        benchmark.pedantic(in_turns, rounds=ROUNDS, warmup_rounds=1)
    finally:
        torch.set_num_threads(before)
    medians = {name: statistics.median(one[1:]) for name, one in times.items()}
    benchmark.extra_info |= {f"times_{name}": medians[name] / medians["ours"] for name in medians if name != "ours"}
    assert all(medians.values())
