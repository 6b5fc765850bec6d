"""The attention layers are their papers' mathematics in value and gradient, whatever the map, its memory format and its precision."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lambdabench import layers
from lambdabench.core.errors import LambdabenchError
from lambdabench.kernels import grid_attention, reference_attention

SPATIAL = ("self_attention", "axial_attention", "local_attention", "linear_attention")
NAMES = (*SPATIAL, "squeeze_excitation", "convolution")
CASES = [
    # batch, (height, width) of the layer, of the map
    (2, (5, 5), (5, 5)),
    (1, (4, 6), (4, 6)),
    (2, (7, 3), (5, 2)),
    (1, (1, 5), (1, 5)),
    (1, (18, 9), (18, 9)),
    (1, (3, 25), (3, 25)),
]


def made(name: str, size: tuple[int, int], *, dim: int = 6, dim_out: int = 8, **options: Any) -> Any:
    torch.manual_seed(0)
    if name in SPATIAL:
        options = {"heads": 2} | options
    elif name == "squeeze_excitation":
        dim_out = dim
    return layers.create(name, dim, dim_out, size=size, **options)


def projected(convolution: nn.Conv2d, x: Tensor, heads: int) -> list[np.ndarray]:
    """Queries, keys and values [b, h, y, x, d] by the definition of a 1x1 convolution."""
    weights = convolution.weight.detach().double().numpy().reshape(heads, 3, -1, x.shape[1])
    return [np.einsum("hdc,bcyx->bhyxd", weights[:, which], x.double().numpy()) for which in range(3)]


def images(y: np.ndarray) -> Tensor:
    """[b, h, y, x, d] to [b, h * d, y, x]."""
    return torch.from_numpy(y).permute(0, 1, 4, 2, 3).flatten(1, 2)


def expected(name: str, layer: Any, x: Tensor) -> Tensor:
    """The reference's output for the layer's weights, in float64."""

    def table(tensor: Tensor) -> np.ndarray:
        return tensor.detach().double().numpy()

    if name == "axial_attention":
        for axis, turned in ((layer.height, True), (layer.width, False)):
            x = x.transpose(2, 3) if turned else x
            inputs = projected(axis.to_queries_keys_values, x, axis.heads)
            x = images(reference_attention.axis_attention(*inputs, table(axis.embeddings)))
            x = x.transpose(2, 3) if turned else x
        return x
    inputs = projected(layer.to_queries_keys_values, x, layer.heads)
    if name == "linear_attention":
        return images(reference_attention.linear_attention(*inputs))
    tables = table(layer.row_embeddings), table(layer.column_embeddings)
    return images(getattr(reference_attention, name)(*inputs, *tables))


@pytest.mark.parametrize("name", SPATIAL)
@pytest.mark.parametrize(("batch", "size", "found_size"), CASES)
@pytest.mark.parametrize("chunk", [grid_attention.CHUNK, 40])
def test_values_are_the_references(
    *,
    name: str,
    batch: int,
    size: tuple[int, int],
    found_size: tuple[int, int],
    chunk: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grid_attention, "CHUNK", chunk)
    layer = made(name, size)
    x = torch.randn(batch, 6, *found_size)
    with torch.no_grad():
        item = layer(x)
    wanted = expected(name, layer, x)
    assert (item - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("scope", [1, 3, 5, 11])
def test_local_scopes_are_the_references(scope: int) -> None:
    layer = made("local_attention", (17, 4), scope=scope)
    x = torch.randn(1, 6, 17, 4)
    with torch.no_grad():
        torch.testing.assert_close(layer(x).double(), expected("local_attention", layer, x), rtol=1e-5, atol=1e-5)


def test_squeeze_excitation_is_its_equations() -> None:
    layer = made("squeeze_excitation", (4, 3), dim=8).double()
    x = torch.randn(2, 8, 4, 3, dtype=torch.float64)
    inner = (x.mean((2, 3)) @ layer.squeeze.weight[:, :, 0, 0].T + layer.squeeze.bias).clamp(min=0)
    gate = torch.sigmoid(inner @ layer.excite.weight[:, :, 0, 0].T + layer.excite.bias)
    torch.testing.assert_close(layer(x), x * gate[:, :, None, None])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("batch", "size"), [(2, (3, 4)), (1, (1, 18)), (1, (4, 1))])
@pytest.mark.parametrize("chunk", [grid_attention.CHUNK, 9])
def test_gradients_are_those_of_finite_differences(
    name: str, batch: int, size: tuple[int, int], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid_attention, "CHUNK", chunk)
    layer = made(name, size, **({"stride": 2} if name != "squeeze_excitation" else {})).double()
    x = torch.randn(batch, 6, *size, dtype=torch.float64, requires_grad=True)
    weights = dict(layer.named_parameters())

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(weights, parameters, strict=True)), x)

    assert torch.autograd.gradcheck(run, (x, *weights.values()), fast_mode=True)


@pytest.mark.parametrize("masked", [False, True])
def test_folded_attention_is_the_chunked_one(masked: bool) -> None:
    """What GPUs and compilers run, in value and gradient."""
    torch.manual_seed(0)
    shapes = [(3, 6, 4), (3, 4, 10), (3, 4, 10), (3, 6, 5), (3, 6, 2)]
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    mask = torch.zeros(5, dtype=torch.float64)
    if masked:
        mask[2:] = grid_attention.MASKED
    result, wanted = [
        way(*inputs[:3], inputs[3] + mask, inputs[4]) for way in (grid_attention.folded, grid_attention.attend)
    ]
    torch.testing.assert_close(result, wanted)
    outer = torch.randn_like(result)
    for tensor, other in zip(
        torch.autograd.grad(result, inputs, outer), torch.autograd.grad(wanted, inputs, outer), strict=True
    ):
        torch.testing.assert_close(tensor, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("batch", "size"), [(1, (5, 4)), (1, (1, 5)), (2, (4, 1)), (3, (5, 4))])
def test_a_batch_norm_before_gets_the_gradient_that_it_should(name: str, batch: int, size: tuple[int, int]) -> None:
    """BatchNorm2d on a CPU takes gradients of permuted strides wrongly where batch, height or width is 1 (torch 2.15)."""
    layer, norm = made(name, size).double(), nn.BatchNorm2d(6).double()
    x = torch.randn(batch, 6, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer(functional.relu(norm(x))), (x,), fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: layer(norm(x)), (x,), fast_mode=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_norm_behind_sends_back_the_gradient_that_it_should(name: str) -> None:
    layer = made(name, (18, 1)).double()
    norm = nn.BatchNorm2d(layer(torch.zeros(1, 6, 18, 1, dtype=torch.float64)).shape[1]).double()
    x = torch.randn(1, 6, 18, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: norm(layer(x)), (x,), fast_mode=True)


@pytest.mark.parametrize("name", SPATIAL)
@pytest.mark.parametrize("size", [(4, 4), (5, 7), (1, 6)])
def test_stride_pools_behind_the_layer(name: str, size: tuple[int, int]) -> None:
    plain, strided = made(name, size), made(name, size, stride=2)
    x = torch.randn(2, 6, *size)
    with torch.no_grad():
        wanted = functional.avg_pool2d(plain(x), 3, 2, padding=1, count_include_pad=False)
        assert torch.equal(strided(x), wanted)
    assert wanted.shape[2:] == tuple((side + 1) // 2 for side in size)


@pytest.mark.parametrize("name", NAMES)
def test_memory_formats_give_the_same(name: str) -> None:
    layer = made(name, (18, 5))
    wide = torch.randn(2, 12, 5, 18)
    x = wide[:, ::2].transpose(2, 3)
    with torch.no_grad():
        wanted = layer(x.contiguous())
        torch.testing.assert_close(layer(x), wanted)
        layer.to(memory_format=torch.channels_last)
        torch.testing.assert_close(layer(x.contiguous(memory_format=torch.channels_last)), wanted)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "within"), [(torch.bfloat16, 0.05), (torch.float16, 0.01)])
def test_half_precision_is_near_and_finite(name: str, dtype: torch.dtype, within: float) -> None:
    layer = made(name, (18, 5))
    x = torch.randn(2, 6, 18, 5, requires_grad=True)
    wanted = layer(x)
    with torch.autocast("cpu", dtype):
        item = layer(x)
    assert item.dtype == (torch.float32 if name == "squeeze_excitation" else dtype)
    assert (item - wanted).abs().max() <= within * wanted.abs().max()
    gradients = torch.autograd.grad(item.float().square().sum(), [x, *layer.parameters()])
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
    whole = layer.to(dtype)(x.to(dtype))
    assert whole.dtype == dtype
    assert (whole - wanted).abs().max() <= 2 * within * wanted.abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_layers_can_be_exported(name: str) -> None:
    layer = made(name, (18, 5)).eval()
    x = torch.randn(2, 6, 18, 5)
    exported = torch.export.export(layer, (x,)).module()
    torch.testing.assert_close(exported(x), layer(x))


@pytest.mark.parametrize("name", NAMES)
def test_layers_can_be_compiled_whole(name: str) -> None:
    """The graph, forward and backward, without a compiler behind it."""
    torch._dynamo.reset()
    layer = made(name, (18, 5))
    x = torch.randn(2, 6, 18, 5)
    tensors, wanted = [
        torch.autograd.grad(run(x).square().sum(), list(layer.parameters()))
        for run in (torch.compile(layer, fullgraph=True, backend="aot_eager"), layer)
    ]
    for tensor, other in zip(tensors, wanted, strict=True):
        torch.testing.assert_close(tensor, other, rtol=1e-4, atol=1e-4)


def test_wrong_requests_say_what_was_expected() -> None:
    for name in ("self_attention", "axial_attention"):
        with pytest.raises(LambdabenchError, match=rf"{name} needs size="):
            layers.create(name, 8)
        with pytest.raises(LambdabenchError, match=r"up to \(4, 4\), found \(4, 5\)"):
            made(name, (4, 4))(torch.zeros(1, 6, 4, 5))
    for name in SPATIAL:
        with pytest.raises(LambdabenchError, match="3 heads"):
            made(name, (4, 4), heads=3)
    with pytest.raises(LambdabenchError, match="odd"):
        made("local_attention", (4, 4), scope=4)
    with pytest.raises(LambdabenchError, match="depth 1 have no two halves"):
        made("local_attention", (4, 4), heads=8)
    with pytest.raises(LambdabenchError, match="gate"):
        layers.create("squeeze_excitation", 8, 16)
    with pytest.raises(LambdabenchError, match="stride 2"):
        layers.create("squeeze_excitation", 8, stride=2)
