"""The lambda layer in JAX is the torch twin, which is the paper's mathematics: values, gradients, every option and kernel."""

from typing import Any

import numpy as np
import pytest
import torch

from lambdabench import kernels
from lambdabench.core.errors import LambdabenchError, UnknownNameError

jax = pytest.importorskip("jax")

from flax import nnx  # noqa: E402 (JAX may be absent)
from jax import numpy as jnp  # noqa: E402

from lambdabench.core.twins import to_jax as named  # noqa: E402
from lambdabench.kernels import xla_pallas  # noqa: E402
from lambdabench.layers.lambda_layer.jax import LambdaLayer  # noqa: E402
from lambdabench.layers.lambda_layer.torch import LambdaLayer as TorchLayer  # noqa: E402
from lambdabench.models._weights.jax import load_torch_state, parameter_count  # noqa: E402

SMALL: dict[str, Any] = {"heads": 2, "key_depth": 3, "scope": 3}
SHAPES: list[tuple[tuple[int, int], dict[str, Any]]] = [
    ((6, 6), {}),
    ((5, 7), SMALL | {"intra_depth": 2}),
    ((4, 5), SMALL | {"scope": "global"}),
    ((9, 4), SMALL | {"normalize": "l2"}),
    ((7, 3), SMALL | {"normalize": "softmax_queries", "scope": 23}),
    ((1, 5), SMALL | {"normalize": "no_batch_norm"}),
    ((4, 4), SMALL | {"normalize": "none"}),
    ((8, 9), SMALL | {"content": False}),
    ((4, 4), SMALL | {"position": False}),
]
KERNELS = pytest.mark.parametrize("kernel", kernels.names("jax"))
EVERY = [("xla_dense", *item) for item in SHAPES] + [
    (kernel, *item) for kernel in kernels.names("jax") if kernel != "xla_dense" for item in SHAPES[:3]
]
run = nnx.jit(lambda layer, *inputs, **more: layer(*inputs, **more))


@pytest.fixture(autouse=True)
def _interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made for a TPU runs in Pallas' interpreter, and not another kernel in its place."""
    monkeypatch.setattr(xla_pallas, "INTERPRETED", True)


def twins(size: tuple[int, int] | None, dtype: torch.dtype = torch.float32, **settings: Any) -> tuple[Any, Any]:
    """(torch's, JAX's) with equal weights; the kernel is JAX's."""
    torch.manual_seed(0)
    kernel = settings.pop("kernel", "auto")
    theirs = TorchLayer(8, 8, size=size, **settings).to(dtype)
    ours = LambdaLayer(8, 8, size=size, kernel=kernel, rngs=nnx.Rngs(0), **settings)
    load_torch_state(ours, {key: item.numpy() for key, item in theirs.state_dict().items()})
    return theirs, ours


def last(x: torch.Tensor) -> Any:
    """Channels last, in JAX."""
    return jnp.array(x.detach().float().numpy().transpose(0, 2, 3, 1), copy=True)


def first(y: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(y, np.float32).transpose(0, 3, 1, 2))


def assert_close(tensor: torch.Tensor, wanted: torch.Tensor, within: float = 1e-5) -> None:
    assert tensor.shape == wanted.shape
    assert (tensor - wanted).abs().max() <= within * wanted.abs().max()


@pytest.mark.parametrize(("size", "options"), SHAPES)
@KERNELS
def test_values_are_torchs_in_training_and_evaluation(
    size: tuple[int, int], options: dict[str, Any], kernel: str
) -> None:
    theirs, ours = twins(size, kernel=kernel, **options)
    assert ours.kernel == kernel
    assert parameter_count(ours) == sum(parameter.numel() for parameter in theirs.parameters())
    x = torch.randn(2, 8, *size)
    with torch.no_grad():
        theirs.eval(), ours.eval()
        assert_close(first(run(ours, last(x))), theirs(x))
        theirs.train(), ours.train()
        assert_close(first(run(ours, last(x))), theirs(x))


@KERNELS
@pytest.mark.parametrize(("size", "scope"), [((4, 5), 3), ((7, 2), "global")])
def test_a_separate_context_of_another_size(kernel: str, size: tuple[int, int], scope: int | str) -> None:
    where: dict[str, Any] = {"dim_context": 6, "context_size": (3, 6)}
    theirs, ours = twins(size, kernel=kernel, **SMALL | {"scope": scope}, **where)
    x, context = torch.randn(2, 8, *size), torch.randn(2, 6, 3, 6)
    with torch.no_grad():
        theirs.eval(), ours.eval()
        assert_close(first(run(ours, last(x), last(context))), theirs(x, context))


@pytest.mark.parametrize(
    ("normalize", "options"),
    [
        ("softmax", SMALL | {"intra_depth": 2, "scope": "global"}),
        ("l2", SMALL),
        ("softmax", SMALL | {"content": False}),
    ],
)
def test_masked_contexts(options: dict[str, Any], normalize: str) -> None:
    theirs, ours = twins((3, 4), normalize=normalize, **options)
    x, causal = torch.randn(2, 8, 3, 4), torch.ones(12, 12, dtype=torch.bool).tril(-1)
    with torch.no_grad():
        theirs.eval(), ours.eval()
        assert_close(first(run(ours, last(x), mask=jnp.asarray(causal.numpy()))), theirs(x, mask=causal))


@pytest.mark.parametrize(("size", "stride", "options"), [((5, 4), 2, SMALL | {"normalize": "l2"})])
@KERNELS
def test_gradients_are_as_near_to_float64_as_torchs(
    size: tuple[int, int], stride: int, options: dict[str, Any], kernel: str
) -> None:
    """In training, of all weights: the largest error over the largest value, at most three times torch's own."""
    theirs, ours = twins(size, kernel=kernel, stride=stride, **options)
    wide, _ = twins(size, stride=stride, **options)
    wide.double()
    x = torch.randn(2, 8, *size)

    def torchs(layer: Any, x: torch.Tensor) -> dict[str, torch.Tensor]:
        names = [name for name, _ in layer.named_parameters()]
        loss = layer(x).square().sum()
        return dict(zip(names, torch.autograd.grad(loss, list(layer.parameters())), strict=True))

    def loss(layer: LambdaLayer) -> Any:
        return jnp.square(layer(last(x))).sum()

    state = nnx.to_flat_state(nnx.jit(nnx.grad(loss))(ours))
    ndarrays = {".".join(map(str, path)): np.array(value[...]) for path, value in state}
    exact, near = torchs(wide, x.double()), torchs(theirs, x)
    for name, wanted in exact.items():
        key, order = named(name, wanted.dim())
        ndarray = ndarrays[key].transpose(np.argsort(order)) if order else ndarrays[key]
        most = float(wanted.abs().max())
        error = float((torch.from_numpy(np.ascontiguousarray(ndarray)) - wanted).abs().max()) / most
        own = float((near[name] - wanted).abs().max()) / most
        assert error <= max(3 * own, 1e-6), name


def test_under_jit_layers_share_a_table_and_both_teach_it() -> None:
    lambda_layer = LambdaLayer(8, 8, size=(4, 4), rngs=nnx.Rngs(0), **SMALL)
    two = LambdaLayer(8, 8, size=(4, 4), rngs=nnx.Rngs(1), embeddings=lambda_layer.embeddings, **SMALL)
    both = nnx.Sequential(lambda_layer, two)
    both.eval()
    assert two.embeddings is lambda_layer.embeddings
    assert (
        parameter_count(both)
        == parameter_count(lambda_layer) + parameter_count(two) - lambda_layer.embeddings[...].size
    )
    graph, params, rest = nnx.split(both, nnx.Param, ...)
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 8))

    @jax.jit
    def gradient(params: Any) -> Any:
        return jax.grad(lambda params: jnp.square(nnx.merge(graph, params, rest)(x)).sum())(params)

    tables = [value for path, value in nnx.to_flat_state(gradient(params)) if path[-1] == "embeddings"]
    assert len(tables) == 1
    assert jnp.abs(tables[0][...]).max() > 0


@KERNELS
def test_bfloat16_is_near_to_float32(kernel: str) -> None:
    options = SMALL | {"kernel": kernel}
    wide = LambdaLayer(8, 8, size=(5, 6), rngs=nnx.Rngs(0), **options)
    half = LambdaLayer(8, 8, size=(5, 6), rngs=nnx.Rngs(0), dtype=jnp.bfloat16, **options)
    x = jax.random.normal(jax.random.key(0), (2, 5, 6, 8))
    wanted, result = run(wide, x), run(half, x)
    assert result.dtype == jnp.bfloat16
    assert half.to_keys.kernel[...].dtype == jnp.float32
    assert jnp.abs(result - wanted).max() <= 0.03 * jnp.abs(wanted).max()


def test_the_kernel_is_chosen_by_shape() -> None:
    def chosen(side: int, scope: int, platform: str = "cpu") -> str:
        return kernels.choose_xla("auto", (side, side), (side, side), (scope, scope), platform)

    """As measured on a CPU (reports/reference/epyc-2-cores/xla-formulations.md)."""
    assert (chosen(14, 23), chosen(7, 7), chosen(14, 7)) == ("xla_dense", "xla_dense", "xla_rows")
    assert (chosen(28, 7), chosen(28, 23), chosen(56, 7)) == ("xla_rows", "xla_fft", "xla_fft")
    assert (chosen(56, 23, "tpu"), chosen(14, 7, "tpu")) == ("xla_rows", "xla_dense")


def test_wrong_requests_say_what_was_expected() -> None:
    with pytest.raises(LambdabenchError, match="kernel conv2d does not run in jax; there are auto, xla_conv"):
        LambdaLayer(8, 8, size=(4, 4), rngs=nnx.Rngs(0), kernel="conv2d")
    with pytest.raises(
        LambdabenchError, match="kernel xla_fft does not run in torch; there are auto, conv2d, cpu, einsum"
    ):
        TorchLayer(8, 8, kernel="xla_fft")
    with pytest.raises(UnknownNameError, match="did you mean 'xla_rows'"):
        LambdaLayer(8, 8, size=(4, 4), rngs=nnx.Rngs(0), kernel="xla_row")
    with pytest.raises(LambdabenchError, match=r"\(4, 4\), found \(5, 5\)"):
        LambdaLayer(8, 8, size=(4, 4), rngs=nnx.Rngs(0), scope="global")(jnp.zeros((1, 5, 5, 8)))
