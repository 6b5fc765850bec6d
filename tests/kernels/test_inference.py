"""A layer as one operator in inference: the same answers, layouts and counts, and only where nobody looks inside."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from torch import nn
from torch.nn.utils import parametrize
from torch.profiler import profile
from torch.utils.flop_counter import FlopCounterMode
from whole_layers import SHAPES, USUAL, pair

from lambdabench.kernels import _cpu, cpu

LARGE = USUAL | {"size": (57, 62), "threads": 1, "layout": torch.contiguous_format}
"""So many queries that they are made where they are used."""

pytestmark = pytest.mark.skipif(bool(_cpu.problem()), reason=_cpu.problem() or "built")


@settings(max_examples=60, deadline=None)
@given(SHAPES)
@example(LARGE)
@example(LARGE | {"threads": 2, "heads": 3, "layout": torch.channels_last})
def test_it_answers_as_the_layer_in_float64(shape: dict[str, Any]) -> None:
    fast, wide = pair(shape)
    x = torch.randn(shape["b"], 12, *shape["size"]).to(memory_format=shape["layout"])
    before = torch.get_num_threads()
    torch.set_num_threads(shape["threads"])
    try:
        with torch.no_grad():
            item, wanted = fast(x), wide(x.double())
    finally:
        torch.set_num_threads(before)
    assert item.shape == wanted.shape
    assert (item - wanted).abs().max() <= 5e-6 * max(1.0, float(wanted.abs().max()))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layout_and_dtype_are_the_inputs(layout: torch.memory_format, dtype: torch.dtype) -> None:
    fast, _ = pair(USUAL)
    with torch.no_grad():
        y = fast.to(dtype)(torch.randn(2, 12, 9, 10, dtype=dtype).to(memory_format=layout))
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=layout)


def test_what_is_no_number_stays_none_and_no_image_is_no_answer() -> None:
    fast, _ = pair(USUAL)
    with torch.no_grad():
        assert fast(torch.randn(0, 12, 9, 10)).shape == (0, 32, 9, 10)
        keys: Any = fast.get_submodule("to_keys")
        keys.weight[3] = float("nan")
        assert fast(torch.randn(1, 12, 9, 10)).isnan().all()


def test_whichever_way_gradients_are_off() -> None:
    fast, _ = pair(USUAL | {"size": (11, 13)})
    x = torch.randn(2, 12, 11, 13)
    with torch.inference_mode():
        first = fast(x)
    with torch.no_grad():
        assert torch.equal(fast(x), first)
        assert torch.equal(fast(torch.cat([x, x, x]))[:2], first)
    with torch.inference_mode():
        assert torch.equal(fast(x), first)


def operations(layer: nn.Module, x: torch.Tensor) -> dict[str, int]:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(x)
    return {str(name): count for name, count in counter.get_flop_counts()["Global"].items()}


def test_operations_are_counted_as_the_portable_layers() -> None:
    fast, wide = pair(USUAL)
    x = torch.randn(2, 12, 9, 10)
    result = operations(fast, x)
    assert list(result) == [f"{cpu.SPACE}.lambda_layer"]
    assert sum(result.values()) == sum(operations(wide, x.double()).values())


def test_whoever_looks_inside_sees_the_parts() -> None:
    x = torch.randn(2, 12, 9, 10)
    hooked, _ = pair(USUAL)
    seen: list[torch.Size] = []
    hooked.get_submodule("to_values").register_forward_hook(lambda module, given, item: seen.append(item.shape))
    operations(hooked, x)
    assert seen
    replaced, _ = pair(USUAL)
    setattr(replaced, "to_keys", nn.Sequential(replaced.to_keys))  # noqa: B010 (its type is a layer's)
    assert f"{cpu.SPACE}.lambda_layer" not in operations(replaced, x)
    alive, _ = pair(USUAL)
    alive.get_submodule("norm_values").train()
    assert f"{cpu.SPACE}.lambda_layer" not in operations(alive, x)
    fast, _ = pair(USUAL)
    assert fast(x).requires_grad
    assert f"{cpu.SPACE}.lambda_layer" not in operations(fast.train(), x)


class Twice(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


def forget(layer: Any) -> None:
    layer.norm_queries.running_mean = layer.norm_queries.running_var = None


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a hook": lambda layer: layer.to_values.register_forward_hook(lambda module, given, result: 3 * result),
    "a method": lambda layer: setattr(layer.to_keys, "forward", lambda x: Twice()(nn.Conv2d.forward(layer.to_keys, x))),
    "a bias": lambda layer: setattr(
        layer.to_values, "bias", nn.Parameter(torch.arange(8).to(layer.to_keys.weight.dtype))
    ),
    "no statistics": forget,
    "a parametrization": lambda layer: parametrize.register_parametrization(layer.to_queries, "weight", Twice()),
    "a weight": lambda layer: setattr(layer.to_queries, "weight", nn.Parameter(layer.to_queries.weight + 1)),
    "its numbers": lambda layer: layer.to_queries.weight.mul_(2),
    "its data": lambda layer: setattr(layer.to_queries.weight, "data", layer.to_queries.weight + 1),
    "a part": lambda layer: setattr(layer, "to_keys", nn.Sequential(layer.to_keys, Twice())),
    "epsilon": lambda layer: setattr(layer.norm_values, "eps", 0.5),
    "behind it": lambda layer: layer.pool.register_forward_hook(lambda module, given, result: 3 * result),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_after_a_call_counts_in_the_next(change: Callable[[Any], Any]) -> None:
    fast, wide = pair(USUAL)
    x = torch.randn(2, 12, 9, 10)
    with torch.no_grad():
        before = fast(x)
        for module in (fast, wide):
            change(module)
        item, wanted = fast(x), wide(x.double())
    assert (item - wanted).abs().max() <= 5e-6 * max(1.0, float(wanted.abs().max()))
    assert not torch.allclose(item, before)


def test_it_is_an_operator_for_whoever_looks() -> None:
    fast, _ = pair(USUAL)
    x = torch.randn(2, 12, 9, 10)
    with torch.no_grad(), profile() as seen:
        fast(x)
    assert f"{cpu.SPACE}::lambda_layer" in {key_average.key for key_average in seen.key_averages()}
    with torch.no_grad():
        weights = {"to_queries.weight": 2 * fast.get_parameter("to_queries.weight")}
        item = torch.func.functional_call(fast, weights, (x,))
        fast.get_parameter("to_queries.weight").mul_(2)
        torch.testing.assert_close(fast(x), item)
        copied = pickle.loads(pickle.dumps(copy.deepcopy(fast)))
        torch.testing.assert_close(copied(x), item)


def test_it_passes_torchs_own_checks_and_is_compiled_whole() -> None:
    fast, _ = pair(USUAL)
    x = torch.randn(2, 12, 9, 10)
    with torch.no_grad():
        wanted = fast(x)
        compiled = torch.compile(fast, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x), wanted)
        weights = [torch.randn(channels, 12) for channels in (4 * 16, 16, 8)]
        norms = [torch.rand(size) + 0.5 for size in (64,) * 4 + (8,) * 4]
        given_ = (x, weights, norms, [1e-5, 1e-5], None, torch.randn(16, 1, 7, 7), 4)
        torch.library.opcheck(getattr(torch.ops, cpu.SPACE).lambda_layer.default, given_)


def test_threads_serve_several_callers_and_the_children_of_a_process() -> None:
    fast, _ = pair(USUAL | {"size": (28, 28)})
    x = torch.randn(4, 12, 28, 28)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with torch.inference_mode():
            wanted = fast(x[:1])
            with futures.ThreadPoolExecutor(4) as pool:
                tensors = list(pool.map(lambda _: fast_without_gradients(fast, x[:1]), range(40)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(tensor, wanted) for tensor in tensors)
    script = "import os, torch; from whole_layers import USUAL, pair; torch.set_num_threads(3); torch.set_grad_enabled(False)\n"
    script += "layer, _ = pair(USUAL | {'size': (28, 28)}); x = torch.randn(1, 12, 28, 28); wanted = layer(x)\n"
    script += "child = os.fork()\nif child == 0: os._exit(0 if torch.equal(layer(x), wanted) else 1)\n"
    script += "assert os.waitpid(child, 0)[1] == 0 and torch.equal(layer(x), wanted)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parent, timeout=100)


def fast_without_gradients(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        torch.set_num_threads(3)  # each thread has its own number
        return layer(x)
