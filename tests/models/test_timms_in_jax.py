"""Networks by timm's names in JAX are timm's: parameters, logits, running statistics."""

import copy
from typing import Any

import numpy as np
import pytest
import timm
import torch

from lambdabench import models

jax = pytest.importorskip("jax")

from flax import nnx  # noqa: E402 (JAX may be absent)
from jax import numpy as jnp  # noqa: E402

from lambdabench.core.errors import LambdabenchError, UnknownNameError, UnsupportedError  # noqa: E402
from lambdabench.layers._initial.jax import outline  # noqa: E402
from lambdabench.models._weights.jax import load_torch_state, parameter_count, torch_state_of  # noqa: E402
from lambdabench.models.efficientnet import spec as efficientnet  # noqa: E402
from lambdabench.models.vit import spec as vit  # noqa: E402

run = nnx.jit(lambda network, images: network(images))


def twins(name: str, image_px: int) -> tuple[Any, Any]:
    torch.manual_seed(0)
    size = {"img_size": image_px} if name in vit.VARIANTS else {}
    make = models.create if name in models.ours() else timm.create_model
    theirs = make(name, num_classes=5, **size)
    torch.nn.init.normal_(theirs.get_classifier().weight, std=0.1)
    ours = models.create(name, framework="jax", num_classes=5, image_px=image_px)
    load_torch_state(ours, {key: item.numpy() for key, item in theirs.state_dict().items()})
    return theirs, ours


def assert_equal(item: Any, wanted: torch.Tensor) -> None:
    assert item.shape == tuple(wanted.shape)
    assert np.abs(np.asarray(item) - wanted.numpy()).max() <= 1e-5 * float(wanted.abs().max())


@pytest.mark.parametrize(
    ("name", "image_px"),
    [("tf_efficientnet_b0", 65), ("mobilenetv2_100", 64), ("mobilenet_v2_lambda", 64), ("vit_tiny_patch16_224", 64)],
)
def test_logits_are_timms_in_evaluation_and_training(name: str, image_px: int) -> None:
    """Or as near to float64 as torch's own, where depth and batch statistics of few pixels enlarge what rounding leaves."""
    theirs, ours = twins(name, image_px)
    images = torch.randn(8, 3, image_px, image_px)
    channels_last = jnp.array(images.numpy().transpose(0, 2, 3, 1), copy=True)
    wide = copy.deepcopy(theirs).double()
    with torch.no_grad():
        for mode in (False, True):
            theirs.train(mode), wide.train(mode)
            ours.train() if mode else ours.eval()
            exact, tensor = wide(images.double()), torch.from_numpy(np.array(run(ours, channels_last)))
            own = float((theirs(images) - exact).abs().max())
            assert float((tensor - exact).abs().max()) <= max(3 * own, 1e-5 * float(exact.abs().max()))
    if "bn1.running_mean" in (state := torch_state_of(ours)):
        assert_equal(state["bn1.running_mean"], theirs.state_dict()["bn1.running_mean"])


@pytest.mark.parametrize("name", [*sorted(efficientnet.VARIANTS), "vit_large_patch16_384", "deit_small_patch16_224"])
def test_parameters_and_sizes_are_timms(name: str) -> None:
    with torch.device("meta"):
        theirs = timm.create_model(name)
    assert models.in_jax()[name] in models.TIMMS_IN_JAX
    if name in efficientnet.VARIANTS:
        assert models.native_px(name) == theirs.default_cfg["input_size"][1]
    ours = outline(lambda: models.create(name, framework="jax"))
    assert parameter_count(ours) == sum(parameter.numel() for parameter in theirs.parameters())


def test_a_full_size_network_has_timms_logits() -> None:
    theirs, ours = twins("tf_efficientnet_b0", 224)
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        theirs.eval(), ours.eval()
        assert_equal(run(ours, jnp.array(images.numpy().transpose(0, 2, 3, 1), copy=True)), theirs(images))


def test_what_is_not_in_jax_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnsupportedError, match="convnext_tiny has no twin in JAX; use --backend torch_eager"):
        models.create("convnext_tiny", framework="jax")
    with pytest.raises(UnknownNameError, match="did you mean 'lambda_resnet50'"):
        models.create("lamda_resnet50", framework="jax")
    with pytest.raises(LambdabenchError, match="takes no option spokes; it takes drop_path_rate"):
        models.create("tf_efficientnet_b0", framework="jax", spokes=3)
    with pytest.raises(UnknownNameError, match="no framework is called 'jaxx'; did you mean 'jax'"):
        models.create("tf_efficientnet_b0", framework="jaxx")
