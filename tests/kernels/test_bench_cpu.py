"""The compiled lambda layer beside timm's and lambda-networks', timed in turns: ratios, never asserted.

`pytest tests/kernels --benchmark-only` measures them; --benchmark-json keeps the ratios under "extra_info". Whole layers with
projections and batch norm, on one and two threads. There is one list of shapes, suites/kernels.toml.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lambda_networks")
pytest.importorskip("pytest_benchmark")

from lambdabench import layers, suite  # noqa: E402 (torch may be absent)
from lambdabench.core.spec import Case  # noqa: E402
from lambdabench.gate.suite_cases import label  # noqa: E402
from lambdabench.kernels import _cpu  # noqa: E402

pytestmark = pytest.mark.skipif(bool(_cpu.problem()), reason=_cpu.problem() or "built")

SHAPES = {
    label(cell.case): cell.case
    for cell in suite.load("kernels").cells
    if dict(cell.case.options).get("kernel") == "cpu"
}
ROUNDS, FEW_ROUNDS, LARGE = 9, 5, 32
"""Rounds, and those of batches from `LARGE` on."""


def contenders(case: Case) -> dict[str, Any]:
    options = dict(case.options)
    dim, shape = int(options["dim"]), {"scope": options["scope"]}
    made = {"ours": layers.create("lambda_layer", dim, kernel="cpu", **shape)}
    return made | {
        library: layers.create("peer_lambda_layer", dim, library=library, **shape)
        for library in ("timm", "lambda_networks")
    }


def step_of(layer: Any, x: Any, mode: str) -> Callable[[], Any]:
    """What the harness times: in training there and back, from a gradient of the output to those of the input and of all weights."""
    layer.train(mode == "train")
    gradient, parameters = torch.randn_like(x), list(layer.parameters())

    def train() -> None:
        layer(x.detach().requires_grad_()).backward(gradient)
        for parameter in parameters:
            parameter.grad = None

    def infer() -> None:
        with torch.inference_mode():
            layer(x)

    return train if mode == "train" else infer


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("case", SHAPES.values(), ids=SHAPES)
def test_the_layer_beside_its_peers(benchmark: Any, case: Case, threads: int, request: pytest.FixtureRequest) -> None:
    whole = request.config.getoption("--benchmark-only")
    if not whole and (case.batch_size, dict(case.options)["scope"], case.image_px, threads) != (1, 7, 14, 1):
        pytest.skip("the whole grid with --benchmark-only")
    torch.manual_seed(0)
    x = torch.randn(case.batch_size, int(dict(case.options)["dim"]), case.image_px, case.image_px)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    steps = {name: step_of(layer, x, case.mode) for name, layer in contenders(case).items()}
    times: dict[str, list[float]] = {name: [] for name in steps}

    def in_turns() -> None:
        for name, step in steps.items():
            start_s = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start_s)

    try:
        rounds = FEW_ROUNDS if case.batch_size >= LARGE else ROUNDS
        benchmark.pedantic(in_turns, rounds=rounds if whole else 1, warmup_rounds=1)
    finally:
        torch.set_num_threads(before)
    medians = {name: statistics.median(values[1:] or values) for name, values in times.items()}
    benchmark.extra_info |= {"seconds": medians} | {
        f"times_{name}": medians[name] / medians["ours"] for name in medians if name != "ours"
    }
    assert all(medians.values())
