"""A layer as one operator in training: the same answers, gradients, running statistics and counts, and only where nobody looks inside."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode
from whole_layers import SHAPES, USUAL, pair

from lambdabench import layers
from lambdabench.kernels import _cpu, cpu

pytestmark = pytest.mark.skipif(bool(_cpu.problem()), reason=_cpu.problem() or "built")


def step(layer: Any, x: torch.Tensor, gradient: torch.Tensor) -> dict[str, torch.Tensor]:
    """Everything that a step of training gives."""
    x = x.detach().requires_grad_()
    y = layer(x)
    y.backward(gradient)
    assert x.grad is not None
    gradients = {f"d_{name}": item.grad for name, item in layer.named_parameters() if item.grad is not None}
    return {"y": y.detach(), "d_x": x.grad, **gradients, **dict(layer.named_buffers())}


def assert_as_exact(
    fast: nn.Module, wide: nn.Module, x: torch.Tensor, gradient: torch.Tensor
) -> dict[str, torch.Tensor]:
    """What a step gives is that in float64 within 2e-5, or as near as the portable layer in float32, or as sums over so many positions
    of terms of size one, which cancel, can be known."""
    summed = x.numel() / x.shape[1] * 2**-24
    portable = step(copy.deepcopy(wide).float(), x, gradient)
    result, wanted = step(fast, x, gradient), step(wide, x.double(), gradient.double())
    assert set(result) == set(wanted)
    for name, tensor in wanted.items():
        allowed = max(
            2e-5 * max(1.0, float(tensor.abs().max())), 8 * float((portable[name] - tensor).abs().max()), summed
        )
        assert (result[name] - tensor).abs().max() <= allowed, name
    return result


@settings(max_examples=80, deadline=None)
@given(SHAPES.filter(lambda numbers: numbers["b"] * numbers["size"][0] * numbers["size"][1] > 8))
def test_a_step_is_that_of_the_layer_in_float64(shape: dict[str, Any]) -> None:
    fast, wide = pair(shape, training=True)
    b, size, out = shape["b"], shape["size"], shape["heads"] * shape["value_depth"]
    x = torch.randn(b, 12, *size).to(memory_format=shape["layout"])
    gradient = torch.randn(b, out, *size)
    before = torch.get_num_threads()
    torch.set_num_threads(shape["threads"])
    try:
        as_exact = assert_as_exact(fast, wide, x, gradient)
    finally:
        torch.set_num_threads(before)
    for name in ("y", "d_x"):
        assert as_exact[name].is_contiguous(memory_format=shape["layout"])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(1, 512, 7, 7), (3, 64, 9, 10), (2, 256, 14, 14), (2, 32, 41, 23)], ids=str)
def test_a_step_of_a_network_is_that_in_float64(
    shape: tuple[int, ...], threads: int, layout: torch.memory_format
) -> None:
    """Depths of whole vectors; few positions go another way than many."""
    torch.manual_seed(0)
    fast = layers.create("lambda_layer", shape[1], dim_out=shape[1], kernel="cpu").train()
    wide = layers.create("lambda_layer", shape[1], dim_out=shape[1], kernel="conv2d").double().train()
    wide.load_state_dict({name: item.double() for name, item in fast.state_dict().items()})
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert_as_exact(fast, wide, torch.randn(shape).to(memory_format=layout), torch.randn(shape))
    finally:
        torch.set_num_threads(before)


def test_projections_in_pieces_are_as_one() -> None:
    """Three images of more than 4 million numbers together: two pieces."""
    fast, wide = pair({**USUAL, "scope": 3, "size": (128, 128)}, training=True)
    x, gradient = torch.randn(3, 12, 128, 128), torch.randn(3, 32, 128, 128)
    as_exact = assert_as_exact(fast, wide, x, gradient)
    with FlopCounterMode(display=False):
        for name, tensor in step(
            pair({**USUAL, "scope": 3, "size": (128, 128)}, training=True)[0], x, gradient
        ).items():
            torch.testing.assert_close(tensor, as_exact[name])
    entered = x.clone().requires_grad_()
    y = fast(entered)
    with FlopCounterMode(display=False):  # who looks at the way back alone
        y.backward(gradient)
    assert entered.grad is not None
    torch.testing.assert_close(entered.grad, as_exact["d_x"])


def test_means_far_from_zero_are_subtracted() -> None:
    fast, wide = pair(USUAL, training=True)
    x, gradient = torch.randn(2, 12, 9, 10) + 300, torch.randn(2, 32, 9, 10)
    assert_as_exact(fast, wide, x, gradient)


def test_running_statistics_move_over_steps_and_serve_inference() -> None:
    fast, wide = pair(USUAL, training=True)
    for _ in range(3):
        x = torch.randn(2, 12, 9, 10)
        fast(x)
        wide(x.double())
    with torch.no_grad():
        x = torch.randn(1, 12, 9, 10)
        torch.testing.assert_close(fast.eval()(x).double(), wide.eval()(x.double()), atol=1e-4, rtol=1e-4)


def operations(layer: nn.Module, x: torch.Tensor) -> dict[str, int]:
    with FlopCounterMode(display=False) as counter:
        layer(x).sum().backward()
    return {str(name): count for name, count in counter.get_flop_counts()["Global"].items()}


@pytest.mark.parametrize("of_input", [True, False])
def test_operations_are_counted_as_the_portable_layers(of_input: bool) -> None:
    fast, wide = pair(USUAL, training=True)
    x = torch.randn(2, 12, 9, 10)
    result = operations(fast, x.requires_grad_(of_input))
    assert list(result) == [f"{cpu.SPACE}.lambda_layer_train", f"{cpu.SPACE}.lambda_layer_train_backward"]
    assert sum(result.values()) == sum(operations(wide, x.detach().double().requires_grad_(of_input)).values())


def test_whoever_looks_inside_sees_the_parts() -> None:
    x = torch.randn(2, 12, 9, 10)
    hooked, _ = pair(USUAL, training=True)
    seen: list[Any] = []
    hooked.get_submodule("norm_values").register_full_backward_hook(lambda module, given_, result: seen.append(given_))
    operations(hooked, x)
    assert seen
    frozen, _ = pair(USUAL, training=True)
    frozen.get_submodule("norm_queries").eval()
    assert f"{cpu.SPACE}.lambda_layer_train" not in operations(frozen, x)
    with torch.autocast("cpu", torch.bfloat16):
        assert f"{cpu.SPACE}.lambda_layer_train" not in operations(pair(USUAL, training=True)[0], x)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        pair(USUAL, training=True)[0](torch.randn(1, 12, 1, 1))


def test_it_is_compiled_whole_and_checkpointed() -> None:
    x, gradient = torch.randn(2, 12, 9, 10), torch.randn(2, 32, 9, 10)
    wanted = step(pair(USUAL, training=True)[0], x, gradient)
    compiled = torch.compile(pair(USUAL, training=True)[0], fullgraph=True, backend="aot_eager")
    result = step(compiled, x, gradient)
    for name, tensor in result.items():
        torch.testing.assert_close(tensor, wanted[name.replace("_orig_mod.", "")])
    again, _ = pair(USUAL, training=True)
    entered = x.detach().requires_grad_()
    checkpoint(again, entered, use_reentrant=False).backward(gradient)
    assert entered.grad is not None
    torch.testing.assert_close(entered.grad, wanted["d_x"])


def test_a_layer_made_in_inference_mode_runs_in_training_without_gradients() -> None:
    x = torch.randn(2, 12, 9, 10)
    with torch.inference_mode():
        made, _ = pair(USUAL, training=True)
        there = made(x)
    with torch.no_grad():
        torch.testing.assert_close(made(x), there)


def test_several_gradients_at_a_time_are_for_another_kernel() -> None:
    def batched(kernel: str) -> torch.Tensor:
        layer = layers.create("lambda_layer", 16, scope=3, kernel=kernel).train()
        x = torch.randn(2, 16, 4, 4, requires_grad=True)
        y = layer(x)
        return torch.autograd.grad(y, x, torch.randn(3, *y.shape), is_grads_batched=True)[0]

    with pytest.raises(RuntimeError, match="kernel='conv2d'"):
        batched("cpu")
    assert batched("conv2d").shape == (3, 2, 16, 4, 4)


def test_a_way_back_is_refused_where_it_would_be_wrong() -> None:
    x, gradient = torch.randn(2, 12, 9, 10, requires_grad=True), torch.randn(2, 32, 9, 10, requires_grad=True)
    layer, _ = pair(USUAL, training=True)
    y = layer(x)
    (again,) = torch.autograd.grad(y, x, gradient, retain_graph=True)
    (tensor,) = torch.autograd.grad(y, x, gradient, create_graph=True)
    torch.testing.assert_close(tensor, again)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        tensor.sum().backward()
    y = layer(x)
    with torch.no_grad():
        layer.get_parameter("embeddings").mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward(gradient)


def test_it_passes_torchs_own_checks() -> None:
    norms = [torch.rand(size) + 0.5 for size in (64, 8, 64, 8)]
    projections = [torch.randn(channels, 12) for channels in (64, 16, 8)]
    tensors = (torch.randn(2, 12, 9, 10), projections, norms, torch.randn(16), torch.randn(16, 1, 7, 7))
    arguments = (*tensors, [1e-5, 1e-5], 4)
    space = getattr(torch.ops, cpu.SPACE)
    utilities = ("test_schema", "test_faketensor")
    torch.library.opcheck(space.lambda_layer_train.default, arguments, test_utils=utilities)
    _, room, kept = space.lambda_layer_train(*arguments)
    gradient = torch.randn(2, 32, 9, 10)
    backward = space.lambda_layer_train_backward.default
    torch.library.opcheck(backward, (gradient, room, kept, True, *tensors, 4), test_utils=utilities)
