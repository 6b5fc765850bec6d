"""The lambda layer is the paper's mathematics, in value, gradient, size and count."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lambdabench import layers
from lambdabench.core.errors import LambdabenchError, UnknownNameError
from lambdabench.kernels import reference
from lambdabench.layers.lambda_layer import spec

SMALL = {"heads": 2, "key_depth": 3, "scope": 3}
SHAPES = [
    # batch, (height, width), options
    (2, (5, 5), SMALL),
    (1, (4, 6), SMALL | {"scope": 5}),
    (3, (7, 3), SMALL | {"scope": 23}),
    (2, (4, 4), SMALL | {"intra_depth": 2}),
    (1, (1, 5), SMALL),
    (2, (3, 5), SMALL | {"scope": "global"}),
    (1, (6, 6), {}),
]


def made(size: tuple[int, int] | None = None, *, stride: int = 1, **options: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return layers.create("lambda_layer", 8, stride=stride, size=size, **options)


def expected(layer: Any, x: Tensor) -> Tensor:
    """The reference's output [b, dim_out, height, width] for the layer's weights, batch norm in evaluation."""
    b, _, height, width = x.shape
    n, u = height * width, layer.intra_depth
    queries = layer.norm_queries(layer.to_queries(x)).reshape(b, layer.heads, layer.key_depth, n)
    keys = layer.to_keys(x).reshape(b, layer.key_depth, u, n)
    values = layer.norm_values(layer.to_values(x)).reshape(b, layer.value_depth, u, n)
    table = layer.embeddings.permute(2, 3, 0, 1)
    y = reference.lambda_layer(
        queries.permute(0, 3, 1, 2).numpy(),
        keys.permute(0, 3, 1, 2).numpy(),
        values.permute(0, 3, 1, 2).numpy(),
        reference.relative_embeddings(table.numpy(), (height, width)),
    )
    return torch.from_numpy(y).permute(0, 2, 3, 1).reshape(b, -1, height, width)


@pytest.mark.parametrize(("batch", "size", "options"), SHAPES)
def test_values_are_the_references(batch: int, size: tuple[int, int], options: dict[str, Any]) -> None:
    layer = made(size, **options).eval()
    x = torch.randn(batch, 8, *size)
    with torch.no_grad():
        found = layer(x)
        wanted = expected(layer.double(), x.double())
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize(("batch", "size", "options"), [one for one in SHAPES if one[2]])
@pytest.mark.parametrize("training", [False, True])
def test_gradients_are_those_of_finite_differences(
    batch: int, size: tuple[int, int], options: dict[str, Any], training: bool
) -> None:
    layer = made(size, **options).double().train(training)
    x = torch.randn(batch, 8, *size, dtype=torch.float64, requires_grad=True)
    weights = dict(layer.named_parameters())

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(weights, parameters, strict=True)), x)

    assert torch.autograd.gradcheck(run, (x, *weights.values()), fast_mode=True)


def test_float32_gradients_are_the_float64_ones() -> None:
    layer, x = made(**SMALL), torch.randn(1, 8, 5, 4)
    found, wanted = [
        torch.autograd.grad(layer.to(dtype)(x.to(dtype)).square().sum(), list(layer.parameters()))
        for dtype in (torch.float32, torch.float64)
    ]
    for one, other in zip(found, wanted, strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max()


@pytest.mark.parametrize("size", [(4, 4), (5, 7), (1, 6)])
def test_stride_pools_behind_the_layer(size: tuple[int, int]) -> None:
    plain, strided = made(**SMALL).eval(), made(stride=2, **SMALL).eval()
    x = torch.randn(2, 8, *size)
    with torch.no_grad():
        assert torch.equal(strided(x), functional.avg_pool2d(plain(x), 3, 2, padding=1))
    assert strided(x).shape[2:] == tuple((side + 1) // 2 for side in size)


# lambda-networks 0.4 calls torch.meshgrid the old way
@pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")
@pytest.mark.parametrize("where", [{"scope": 7}, {"scope": "global"}])
def test_lambda_networks_gives_the_same(where: dict[str, Any]) -> None:
    lambda_networks = pytest.importorskip("lambda_networks")
    ours = made((6, 6), heads=2, key_depth=3, **where).eval()
    local = where["scope"] != "global"
    theirs = lambda_networks.LambdaLayer(
        dim=8, dim_out=8, dim_k=3, heads=2, r=7 if local else None, n=None if local else 6
    ).eval()
    with torch.no_grad():
        for mine, other in (("to_queries", "to_q"), ("to_keys", "to_k"), ("to_values", "to_v")):
            getattr(theirs, other).weight.copy_(getattr(ours, mine).weight)
        if local:
            theirs.pos_conv.weight.copy_(ours.embeddings.unsqueeze(2))
            theirs.pos_conv.bias.zero_()
        else:
            theirs.rel_pos_emb.copy_(ours.embeddings.permute(2, 3, 0, 1))
        x = torch.randn(2, 8, 6, 6)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("change", [{}, {"heads": 2}, {"key_depth": 4}, {"intra_depth": 4, "scope": 7}])
def test_parameters_are_the_formulas(change: dict[str, int]) -> None:
    layer = layers.create("lambda_layer", 24, 32, **change)
    options: Any = spec.OPTIONS | change
    assert sum(one.numel() for one in layer.parameters()) == spec.parameters(24, 32, **options)


def test_operations_are_those_of_table_11() -> None:
    """GFLOP over the 3x3 scope, lambda layers in c3 to c5: the differences that the paper prints (5.7 to 19.4)."""
    placed = [(128, 56, 1), (128, 28, 3), (256, 28, 1), (256, 14, 5), (512, 14, 1), (512, 7, 2)]

    def gflop(scope: int) -> float:
        options: Any = spec.OPTIONS | {"scope": scope}
        return 2e-9 * sum(count * spec.macs(width, width, (px, px), **options) for width, px, count in placed)

    printed = {7: 6.1, 15: 7.8, 23: 10.0, 31: 12.4, 2 * 56 - 1: 19.4}
    for scope, wanted in printed.items():
        assert gflop(scope) - gflop(3) == pytest.approx(wanted - 5.7, abs=0.1)


def test_initialisation_is_the_papers() -> None:
    torch.manual_seed(0)
    layer = layers.create("lambda_layer", 256)
    assert float(layer.embeddings.detach().std()) == pytest.approx(1, rel=0.05)
    assert float(layer.to_keys.weight.detach().std()) == pytest.approx(256**-0.5, rel=0.05)
    assert float(layer.to_values.weight.detach().std()) == pytest.approx(256**-0.5, rel=0.05)
    assert float(layer.to_queries.weight.detach().std()) == pytest.approx((16 * 256) ** -0.5, rel=0.05)


def test_wrong_requests_say_what_was_expected() -> None:
    with pytest.raises(UnknownNameError, match="lambda_layer"):
        layers.create("lamda_layer", 8)
    with pytest.raises(LambdabenchError, match="takes no option depth; it takes heads, key_depth"):
        made(depth=3)
    with pytest.raises(LambdabenchError, match="odd"):
        made(scope=4)
    with pytest.raises(LambdabenchError, match="size="):
        made(scope="global")
    with pytest.raises(LambdabenchError, match="3 heads"):
        made(heads=3)
    with pytest.raises(LambdabenchError, match=r"\(4, 4\), found \(5, 5\)"):
        made((4, 4), scope="global")(torch.zeros(2, 8, 5, 5))
