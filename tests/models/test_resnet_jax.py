"""The ResNet family in JAX is the torch twin: counts of every variant, values and gradients of one of each kind."""

from typing import Any

import numpy as np
import pytest
import torch

from lambdabench import models

jax = pytest.importorskip("jax")

from flax import nnx  # noqa: E402 (JAX may be absent)
from jax import numpy as jnp  # noqa: E402

from lambdabench.layers._initial.jax import outline  # noqa: E402
from lambdabench.models._weights.jax import load_torch_state, parameter_count, torch_state_of  # noqa: E402
from lambdabench.models.resnet.architecture import Architecture, filled  # noqa: E402
from lambdabench.models.resnet.jax import Bottleneck, ResNet  # noqa: E402
from lambdabench.models.resnet.torch import Bottleneck as TorchBottleneck  # noqa: E402
from lambdabench.models.resnet.torch import ResNet as TorchResNet  # noqa: E402

KINDS: dict[str, Any] = {
    "plain": {"layer": "convolution", "squeeze_stages": ("c2", "c3")},
    "lambda": {"layer": "lambda_layer", "stem": "convolutions", "pooled_shortcut": True, "squeeze_stages": ("c2",)},
    "botnet": {
        "layer": "self_attention",
        "squeeze_stages": ("c2", "c3", "c4", "c5"),
        "squeeze_ratio": 16,
        "last_stride": 1,
        "options": (("heads", 4),),
    },
}
COUNTED = (
    "resnet50_ccll",
    "resnet50_se",
    "resnet50_axial",
    "resnet50_global",
    "resnet50_linear",
    "resnet50_local",
    "botnet_t3",
    "resnet_rs50",
    "resnet_rs420_plain",
    "lambda_resnet420",
    "lambda_resnet101_c4",
)
"""One of each kind: the others are the same blocks, more of them."""
run = nnx.jit(lambda network, images: network(images))


def architecture(kind: str, **changes: Any) -> Architecture:
    """A bottleneck a stage, two in c4."""
    given = KINDS[kind] | changes
    layer = given.pop("layer")
    return Architecture(layers=filled((1, 1, 2, 1), layer, stages=(2, 3)), native_px=64, **given)


def twins(kind: str, activation: str = "relu", **options: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    item = architecture(kind, activation=activation)
    theirs = TorchResNet(item, num_classes=5, img_size=64, **options)
    for block in theirs.modules():
        if isinstance(block, TorchBottleneck):
            torch.nn.init.normal_(block.bn3.weight, std=0.3)
    ours = ResNet(item, num_classes=5, image_px=64, **options)
    load_torch_state(ours, {key: weight.numpy() for key, weight in theirs.state_dict().items()})
    return theirs, ours


def last(images: torch.Tensor) -> Any:
    return jnp.array(images.numpy().transpose(0, 2, 3, 1), copy=True)


def assert_equal(item: Any, wanted: torch.Tensor, within: float = 1e-5) -> None:
    assert item.shape == tuple(wanted.shape)
    assert np.abs(np.asarray(item) - wanted.numpy()).max() <= within * float(wanted.abs().max())


@pytest.mark.parametrize("name", COUNTED)
def test_parameters_are_torchs(name: str) -> None:
    with torch.device("meta"):
        theirs = models.create(name)
    ours = outline(lambda: models.create(name, framework="jax"))
    assert parameter_count(ours) == sum(parameter.numel() for parameter in theirs.parameters())


@pytest.mark.parametrize(
    ("kind", "options"), [*((kind, {}) for kind in KINDS), ("lambda", {"shared_embeddings": True})], ids=str
)
def test_logits_and_running_statistics_are_torchs(kind: str, options: dict[str, Any]) -> None:
    theirs, ours = twins(kind, **options)
    images = torch.randn(6, 3, 64, 64)
    with torch.no_grad():
        theirs.eval(), ours.eval()
        assert_equal(run(ours, last(images)), theirs(images))
        theirs.train(), ours.train()
        assert_equal(run(ours, last(images)), theirs(images), within=2e-5)
    result, wanted = torch_state_of(ours), theirs.state_dict()
    assert {*result} == {key for key in wanted if "num_batches" not in key}
    assert_equal(result["stem.1.running_mean"], wanted["stem.1.running_mean"])


def test_gradients_are_as_near_to_float64_as_torchs() -> None:
    """With an activation that has no edge: of so many activations some are so near to zero that ReLU's gradient is a matter of rounding."""
    images, targets = torch.randn(6, 3, 64, 64), torch.tensor([0, 1, 2, 3, 4, 0])
    theirs, ours = twins("lambda", "silu")
    wide = twins("lambda", "silu")[0].double()

    def torchs(network: Any, images: torch.Tensor) -> dict[str, torch.Tensor]:
        loss = torch.nn.functional.cross_entropy(network.eval()(images), targets)
        names, weights = zip(*network.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(loss, weights), strict=True))

    def loss(network: Any) -> Any:
        logs = jax.nn.log_softmax(network(last(images)))
        return -jnp.take_along_axis(logs, jnp.asarray(targets.numpy())[:, None], axis=1).mean()

    ours.eval()
    gradients = nnx.jit(nnx.grad(loss))(ours)
    result = torch_state_of(_with(ours, gradients))
    near, exact = torchs(theirs, images), torchs(wide, images.double())
    for name, wanted in exact.items():
        most = float(wanted.abs().max())
        error = float(np.abs(result[name] - wanted.numpy()).max()) / most
        own = float((near[name] - wanted).abs().max()) / most
        assert error <= max(3 * own, 3e-6), name


def _with(network: Any, state: Any) -> Any:
    """The network holding another state's values."""
    nnx.update(network, state)
    return network


def test_a_full_size_network_has_torchs_logits() -> None:
    torch.manual_seed(0)
    theirs = models.create("lambda_resnet50").eval()
    ours = models.create("lambda_resnet50", framework="jax")
    ours.eval()
    load_torch_state(ours, {key: weight.numpy() for key, weight in theirs.state_dict().items()})
    images = torch.randn(1, 3, 160, 160)
    with torch.no_grad():
        assert_equal(run(ours, last(images)), theirs(images))


def test_dropout_stochastic_depth_and_dtypes() -> None:
    network = ResNet(architecture("lambda"), num_classes=5, drop_rate=0.5, drop_path_rate=0.9, dtype=jnp.bfloat16)
    images = jnp.ones((2, 64, 64, 3))
    first, second = run(network, images), run(network, images)
    assert first.dtype == jnp.float32
    assert network.stem.layers[0](images).dtype == jnp.bfloat16
    assert network.head.kernel[...].dtype == jnp.float32
    assert not jnp.array_equal(first, second)
    network.eval()
    assert jnp.array_equal(run(network, images), run(network, images))
    blocks = [block for _, block in nnx.iter_modules(network) if isinstance(block, Bottleneck)]
    rates = [0.0 if block.drop_path is None else block.drop_path.dropout.rate for block in blocks]
    assert sorted(rates) == pytest.approx([0.9 * place / 4 for place in range(5)])
