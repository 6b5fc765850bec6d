"""The lambda layer is the paper's mathematics, in value, gradient, size and count."""

from typing import Any

import pytest
import timm.layers.lambda_layer as timm_lambda
import torch
from torch import Tensor, func
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from lambdabench import kernels, layers
from lambdabench.core.errors import LambdabenchError, UnknownNameError
from lambdabench.kernels import reference
from lambdabench.layers.lambda_layer import spec
from lambdabench.layers.lambda_layer.torch import LambdaLayer
from lambdabench.models._counts.torch import WrittenElements

SMALL = {"heads": 2, "key_depth": 3, "scope": 3}
SHAPES = [
    # batch, (height, width), options
    (2, (5, 5), SMALL),
    (1, (4, 6), SMALL | {"scope": 5}),
    (3, (7, 3), SMALL | {"scope": 23}),
    (2, (4, 4), SMALL | {"intra_depth": 2}),
    (1, (1, 5), SMALL),
    (2, (3, 5), SMALL | {"scope": "global"}),
    (2, (4, 4), SMALL | {"normalize": "none"}),
    (2, (4, 4), SMALL | {"normalize": "l2", "intra_depth": 2}),
    (2, (4, 4), SMALL | {"normalize": "softmax_queries"}),
    (2, (4, 4), SMALL | {"normalize": "no_batch_norm"}),
    (1, (4, 5), SMALL | {"content": False}),
    (1, (4, 5), SMALL | {"position": False}),
    (1, (6, 6), {}),
]
KERNELS = pytest.mark.parametrize(
    "kernel", [name for name in kernels.names() if name not in kernels.TRITON]
)  # tests/kernels has it


def made(size: tuple[int, int] | None = None, *, stride: int = 1, **options: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return layers.create("lambda_layer", 8, stride=stride, size=size, **options)


def expected(layer: Any, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """The reference's output [b, dim_out, height, width] for the layer's weights, batch norm in evaluation."""
    context = x if context is None else context
    b, _, height, width = x.shape
    u = layer.intra_depth
    queries = layer.norm_queries(layer.to_queries(x)).reshape(b, layer.heads, layer.key_depth, -1)
    keys = None if layer.to_keys is None else layer.to_keys(context).reshape(b, layer.key_depth, u, -1)
    values = layer.norm_values(layer.to_values(context)).reshape(b, layer.value_depth, u, -1)
    table = None if layer.embeddings is None else layer.embeddings.permute(2, 3, 0, 1).numpy()
    y = reference.lambda_layer(
        queries.permute(0, 3, 1, 2).numpy(),
        None if keys is None else keys.permute(0, 3, 1, 2).numpy(),
        values.permute(0, 3, 1, 2).numpy(),
        None if table is None else reference.relative_embeddings(table, (height, width), tuple(context.shape[2:])),
        normalize=layer.normalize,
        mask=None if mask is None else mask.expand(b, *mask.shape[-2:]).numpy(),
    )
    return torch.from_numpy(y).permute(0, 2, 3, 1).reshape(b, -1, height, width)


def assert_equals_reference(layer: torch.nn.Module, x: Tensor, **context: Tensor | None) -> None:
    """In float32 against the reference in float64."""
    wide = {
        key: tensor.double() if tensor is not None and tensor.is_floating_point() else tensor
        for key, tensor in context.items()
    }
    with torch.no_grad():
        item = layer(x, **context)
        wanted = expected(layer.double(), x.double(), **wide)
    assert (item - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize(("batch", "size", "options"), SHAPES)
@KERNELS
def test_values_are_the_references(batch: int, size: tuple[int, int], options: dict[str, Any], kernel: str) -> None:
    layer = made(size, kernel=kernel, **options).eval()
    assert layer.kernel == kernel
    assert_equals_reference(layer, torch.randn(batch, 8, *size))


@KERNELS
@pytest.mark.parametrize("size", [(4, 5), (2, 3), (7, 4), (1, 6)])
@pytest.mark.parametrize("scope", [3, 23, "global"])
def test_a_separate_context_of_another_size(kernel: str, size: tuple[int, int], scope: int | str) -> None:
    torch.manual_seed(0)
    layer = LambdaLayer(
        8, 8, size=size, dim_context=6, context_size=(3, 5), **SMALL | {"scope": scope, "kernel": kernel}
    )
    assert_equals_reference(layer.eval(), torch.randn(2, 8, *size), context=torch.randn(2, 6, 3, 5))


@pytest.mark.parametrize("options", [SMALL, SMALL | {"intra_depth": 2, "scope": "global"}, SMALL | {"content": False}])
@pytest.mark.parametrize("normalize", spec.NORMALIZE)
def test_masked_contexts(options: dict[str, Any], normalize: str) -> None:
    layer = made((3, 4), normalize=normalize, **options).eval()
    x = torch.randn(2, 8, 3, 4)
    causal = torch.ones(12, 12, dtype=torch.bool).tril(-1)  # the first query sees nothing
    assert_equals_reference(layer, x, mask=causal)
    with torch.no_grad():
        y = layer(x.double(), mask=causal)
        assert not y[:, :, 0, 0].any()
        changed = torch.cat([x[:, :, :2], torch.randn(2, 8, 1, 4)], dim=2)
        assert torch.allclose(layer(changed.double(), mask=causal)[:, :, :2], y[:, :, :2])
    assert_equals_reference(layer.float(), x, mask=torch.rand(2, 12, 12) > 0.5)


def test_a_mask_of_ones_changes_nothing() -> None:
    layer, x = made(**SMALL).eval(), torch.randn(2, 8, 3, 4)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, mask=torch.ones(12, 12, dtype=torch.bool)), layer(x))


def test_a_global_table_serves_smaller_maps() -> None:
    layer = made((6, 5), **SMALL | {"scope": "global"}).eval()
    assert_equals_reference(layer, torch.randn(1, 8, 4, 5))


def test_layers_share_a_table() -> None:
    first = made(**SMALL)
    second = LambdaLayer(8, 8, embeddings=first.embeddings, **SMALL)
    both = torch.nn.Sequential(first, second)
    table = first.embeddings.numel()
    assert (
        sum(parameter.numel() for parameter in both.parameters())
        == 2 * sum(parameter.numel() for parameter in first.parameters()) - table
    )
    both(torch.randn(2, 8, 4, 4)).sum().backward()
    assert second.embeddings.grad is first.embeddings.grad


@pytest.mark.parametrize("change", [{"memory_format": torch.channels_last}, {"dtype": torch.bfloat16}])
def test_layouts_and_half_precision(change: dict[str, Any]) -> None:
    layer, x = made(**SMALL).eval(), torch.randn(3, 8, 6, 5)
    with torch.no_grad():
        wanted = layer(x)
        item = layer.to(**change)(x.to(**change))
    assert (item - wanted).abs().max() <= 0.03 * wanted.abs().max()


@pytest.mark.parametrize(("batch", "size", "options"), [item for item in SHAPES if item[2]])
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
    tensors, wanted = [
        torch.autograd.grad(layer.to(dtype)(x.to(dtype)).square().sum(), list(layer.parameters()))
        for dtype in (torch.float32, torch.float64)
    ]
    for tensor, other in zip(tensors, wanted, strict=True):
        assert (tensor - other).abs().max() <= 1e-4 * other.abs().max()


def test_torchs_transforms_see_the_layer() -> None:
    made = [
        layers.create("lambda_layer", 12, 32, scope=3, normalize=name).eval()
        for name in ("softmax", "softmax", "no_batch_norm")
    ]
    xs = torch.randn(2, 3, 12, 5, 6)
    parameters, buffers = func.stack_module_state(made[:2])

    def run(parameters: Any, buffers: Any, x: Tensor, layer: Any = made[0]) -> Tensor:
        return func.functional_call(layer, (parameters, buffers), (x,))

    def loss(parameters: Any, x: Tensor) -> Tensor:
        return run(parameters, {}, x, made[2]).sin().sum()

    wanted = torch.stack([layer(x) for layer, x in zip(made, xs, strict=False)])
    torch.testing.assert_close(torch.vmap(run)(parameters, buffers, xs), wanted, rtol=1e-4, atol=1e-4)
    own = dict(made[2].named_parameters())
    result = torch.vmap(func.grad(loss), in_dims=(None, 0))(own, xs)
    for number, x in enumerate(xs):
        alone = torch.autograd.grad(loss(own, x), list(own.values()))
        torch.testing.assert_close([item[number] for item in result.values()], list(alone), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [(4, 4), (5, 7), (1, 6)])
def test_stride_pools_behind_the_layer(size: tuple[int, int]) -> None:
    plain, strided = made(**SMALL).eval(), made(stride=2, **SMALL).eval()
    x = torch.randn(2, 8, *size)
    with torch.no_grad():
        assert torch.equal(strided(x), functional.avg_pool2d(plain(x), 3, 2, padding=1, count_include_pad=False))
    assert strided(x).shape[2:] == tuple((side + 1) // 2 for side in size)


# lambda-networks 0.4 calls torch.meshgrid the old way
@pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")
@pytest.mark.parametrize("scope", [7, "global"])
@pytest.mark.parametrize("intra_depth", [1, 4])
def test_lambda_networks_gives_the_same(scope: int | str, intra_depth: int) -> None:
    lambda_networks = pytest.importorskip("lambda_networks")
    ours = made((6, 6), heads=2, key_depth=3, intra_depth=intra_depth, scope=scope).eval()
    local = scope != "global"
    where: dict[str, Any] = {"r": 7} if local else {"n": 6}
    theirs = lambda_networks.LambdaLayer(dim=8, dim_out=8, dim_k=3, dim_u=intra_depth, heads=2, **where).eval()
    with torch.no_grad():
        for mine, other in (("to_queries", "to_q"), ("to_keys", "to_k"), ("to_values", "to_v")):
            weight = getattr(ours, mine).weight
            if mine != "to_queries":  # their channels count the intra-depth first
                weight = weight.unflatten(0, (-1, intra_depth)).transpose(0, 1).flatten(0, 1)
            getattr(theirs, other).weight.copy_(weight)
        if local:
            theirs.pos_conv.weight.copy_(ours.embeddings.unsqueeze(2))
            theirs.pos_conv.bias.zero_()
        else:
            theirs.rel_pos_emb.copy_(ours.embeddings.permute(2, 3, 0, 1))
        x = torch.randn(2, 8, 6, 6)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scope", [7, "global"])
def test_timm_gives_the_same(scope: int | str) -> None:
    """Where settings coincide: u = 1, stride 1, the bias of its convolution at zero."""
    size = (5, 6)
    ours = made(size, heads=2, key_depth=3, scope=scope).eval()
    local = None if scope == "global" else 7
    theirs = timm_lambda.LambdaLayer(8, 8, feat_size=size, num_heads=2, dim_head=3, r=local).eval()
    with torch.no_grad():
        weights = (ours.to_queries.weight, ours.to_keys.weight, ours.to_values.weight)
        theirs.qkv.weight.copy_(torch.cat(weights))
        if local:
            theirs.conv_lambda.weight.copy_(ours.embeddings.unsqueeze(-1))
            theirs.conv_lambda.bias.zero_()
        else:
            theirs.pos_emb.copy_(ours.embeddings[:, 0].permute(1, 2, 0))
        x = torch.randn(2, 8, *size)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)


@KERNELS
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"heads": 2},
        {"key_depth": 4, "scope": "global"},
        {"intra_depth": 4, "scope": 7},
        {"content": False},
        {"position": False},
        {"normalize": "no_batch_norm"},
    ],
)
def test_parameters_operations_and_activations_are_the_formulas(change: dict[str, Any], kernel: str) -> None:
    options, size = change | {"kernel": kernel}, (6, 9)
    with torch.device("meta"):
        layer = layers.create("lambda_layer", 24, 32, size=size, **options).eval()
        x = torch.empty(1, 24, *size)
    assert sum(parameter.numel() for parameter in layer.parameters()) == spec.parameters(24, 32, size=size, **options)
    flops, written = counted(layer, x)
    assert flops == 2 * spec.executed_macs(24, 32, size=size, **options)
    assert 4 * written == spec.activation_bytes(24, 32, size=size, **options)


def counted(layer: torch.nn.Module, x: Tensor) -> tuple[int, int]:
    counter, written = FlopCounterMode(display=False), WrittenElements()
    with torch.no_grad(), counter, written:
        layer(x)
    return counter.get_total_flops(), written.elements


def test_operations_are_those_of_table_11() -> None:
    """GFLOP over the 3x3 scope, lambda layers in c3 to c5: the differences that the paper prints (5.7 to 19.4)."""
    placed = [(128, 56, 1), (128, 28, 3), (256, 28, 1), (256, 14, 5), (512, 14, 1), (512, 7, 2)]

    def gflop(scope: int) -> float:
        options: Any = spec.OPTIONS | {"scope": scope}
        return 2e-9 * sum(count * spec.macs(width, width, size=(px, px), **options) for width, px, count in placed)

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
    with pytest.raises(UnknownNameError, match="no normalize is called 'sotfmax'; did you mean 'softmax'"):
        made(normalize="sotfmax")
    with pytest.raises(UnknownNameError, match="did you mean 'conv2d'"):
        made(kernel="conv")
    with pytest.raises(LambdabenchError, match="at least one of the two lambdas"):
        made(content=False, position=False)
    with pytest.raises(LambdabenchError, match=r"\(4, 4\), found \(5, 5\)"):
        made((4, 4), scope="global")(torch.zeros(2, 8, 5, 5))
