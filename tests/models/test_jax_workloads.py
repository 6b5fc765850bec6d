"""What networks in JAX are fed, and what planning is told of them, with torch or without it."""

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("flax")

import numpy as np  # noqa: E402
from flax import nnx  # noqa: E402
from jax import numpy as jnp  # noqa: E402

from lambdabench import models  # noqa: E402
from lambdabench.backends import jax_jit  # noqa: E402
from lambdabench.core import registry  # noqa: E402
from lambdabench.core.errors import LambdabenchError, UnsupportedError  # noqa: E402
from lambdabench.core.spec import Case, Wish, options_from  # noqa: E402
from lambdabench.models.classification import jax as classification  # noqa: E402
from lambdabench.models.single_layer import jax as single_layer  # noqa: E402

NETWORKS = """
def in_jax(width=4):
    from flax import nnx
    conv = nnx.Conv(3, width, (3, 3), padding="VALID", rngs=nnx.Rngs(0))
    return nnx.Sequential(conv, nnx.BatchNorm(width, rngs=nnx.Rngs(0)), lambda maps: maps.mean((1, 2)))

def in_torch(width=4):
    from torch import nn
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def number():
    return 3

def two():
    from flax import nnx

    class Both(nnx.Module):
        def __init__(self):
            self.conv = nnx.Conv(1, 4, (3, 3), padding="VALID", rngs=nnx.Rngs(0))
            self.table = nnx.Embed(10, 4, rngs=nnx.Rngs(0))

        def __call__(self, images, tokens):
            return {"logits": self.conv(images).mean((1, 2)) + self.table(tokens).mean(1), "loss": tokens.sum()}

    return Both()

def two_inputs(batch_size):
    import numpy as np

    return np.ones((batch_size, 8, 16, 1), np.float32), np.ones((batch_size, 5), np.int32)

def learns():
    return two()

learns_inputs = two_inputs

def learns_loss_of(output):
    return output["logits"].sum()
"""


@pytest.fixture
def place(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(NETWORKS)
    return f"{tmp_path}/net.py"


def case(model: str, **changes: Any) -> Case:
    given: dict[str, Any] = {
        "batch_size": 2,
        "image_px": 8,
        "param_dtype": "float32",
        "backend": "jax_jit",
        "device": "cpu",
    }
    return Case(model=model, **(given | changes))


def test_a_users_network_takes_its_options_and_computes_in_the_dtype_asked_for(place: str) -> None:
    asked = case(f"{place}:in_jax", options=options_from({"width": 6}), dtype="bfloat16")
    work = models.create_workload(asked, "jax")
    images, labels = work.inputs(dataclasses.replace(asked, mode="train"), 0)
    assert (images.shape, images.dtype, labels.shape) == ((2, 8, 8, 3), np.float32, (2,))
    output = work.network(jnp.asarray(images, jnp.bfloat16))
    assert (output.shape, output.dtype) == ((2, 6), jnp.bfloat16)
    assert {str(leaf.dtype) for leaf in jax.tree.leaves(nnx.state(work.network, nnx.Param))} == {"float32"}
    assert work.check(output, asked) == ""
    assert "(1,), expected (2,)" in work.check(output[:1, 0], asked)
    assert work.check({"logits": output}, asked) == ""
    assert work.check(["none"], asked) == "the output is a list, expected an array in it"
    assert work.weights == "the user's"


def test_a_users_network_is_fed_what_its_file_says_and_answers_as_it_likes(place: str) -> None:
    asked = case(f"{place}:two", threads=1)
    session = jax_jit.open_session(models.create_workload(asked, "jax"), asked, 0)
    output = session.call()
    assert session.check(output) == ""
    effective = session.effective(output)
    assert (effective.inputs, effective.batch_size) == ("float32 2x8x16x1, int32 2x5", 2)
    assert len(session.values(output)) == 8
    facts = models.describe(Wish(model=f"{place}:two"))
    assert (facts.problem, facts.flops_per_image) == ("", 2 * 6 * 14 * 4 * 9)


def test_training_with_an_output_of_the_users_own_needs_its_loss(place: str) -> None:
    asked = case(f"{place}:two", threads=1, mode="train")
    session = jax_jit.open_session(models.create_workload(asked, "jax"), asked, 0)
    with pytest.raises(UnsupportedError, match=r"found a dict; put loss_of\(output\)"):
        session.call()
    asked = case(f"{place}:learns", threads=1, mode="train")
    session = jax_jit.open_session(models.create_workload(asked, "jax"), asked, 0)
    assert session.check(session.call()) == ""


def test_gray_images_have_their_channel_last(place: str) -> None:
    asked = case("resnet50_cccc", image_px=64, options=options_from({"input": "1x32x64"}))
    work = models.create_workload(asked, "jax")
    (images,) = work.inputs(asked, 0)
    assert images.shape == (2, 32, 64, 1)
    assert work.network(jnp.asarray(images)).shape == (2, 1000)


def test_cross_entropy_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    logits, labels = np.random.default_rng(0).standard_normal((3, 5), np.float32), np.array([1, 4, 0])
    work = classification.Classification(network=nnx.Sequential())
    wanted = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))
    assert float(work.loss(jnp.asarray(logits), (None, jnp.asarray(labels)))) == pytest.approx(float(wanted), rel=1e-6)


def test_facts_are_those_that_torch_tells_of_the_twin(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    theirs = models.describe(Wish(model=f"{place}:in_torch", image_px=8))
    ours = models.describe(Wish(model=f"{place}:in_jax", image_px=8))
    assert theirs.problem == ours.problem == ""
    assert dataclasses.replace(ours, name=theirs.name) == theirs
    there = models.find_spec
    monkeypatch.setattr(models, "find_spec", lambda name: None if name == "torch" else there(name))
    assert models.describe(Wish(model=f"{place}:in_jax", image_px=8)) == ours
    assert "use --backend torch_eager" in models.describe(Wish(model=f"{place}:in_torch", image_px=8)).problem


@pytest.mark.parametrize(
    ("model", "changes", "said"),
    [
        ("levit_256", {}, "levit_256 has no twin in JAX; use --backend torch_eager"),
        ("mask_rcnn_resnet101", {}, "has no twin in JAX; use --backend torch_eager"),
        ("resnet50", {"mode": "features"}, "resnet50 in mode features has no twin in JAX"),
        ("net.pt2", {}, "is an exported program of torch; use --backend torch_eager"),
    ],
)
def test_what_has_no_twin_says_what_to_use(model: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedError, match=said):
        models.create_workload(case(model, **changes), "jax")


def test_a_users_number_is_no_network(place: str) -> None:
    with pytest.raises(LambdabenchError, match=r"returned a int, expected a flax\.nnx\.Module"):
        models.create_workload(case(f"{place}:number"), "jax")


def test_a_layer_without_a_twin_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    there = registry.names
    absent = "layers.convolution"
    monkeypatch.setattr(registry, "names", lambda kind: ("spec", "torch") if kind == absent else there(kind))
    asked = case("convolution", kind="layer", options=options_from({"dim": 4}))
    with pytest.raises(
        UnsupportedError, match=r"^convolution has no twin in JAX; use framework torch \(--backend torch_eager\)"
    ):
        models.create_workload(asked, "jax")


class Scaled(nnx.Module):
    """A layer that is one matrix product."""

    def __init__(self, dim: int, dim_out: int, **dtypes: Any) -> None:
        self.linear = nnx.Linear(dim, dim_out, rngs=nnx.Rngs(0), **dtypes)

    def __call__(self, maps: Any) -> Any:
        return self.linear(maps)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer called convolution, made of one product."""

    def create(name: str, dim: int, dim_out: int, *, framework: str, stride: int, size: Any, **dtypes: Any) -> Scaled:
        assert (framework, stride) == ("jax", 1)
        return Scaled(dim, dim_out, **dtypes)

    module = ModuleType("layers")
    module.create = create  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setattr(single_layer, "layers", module)


@pytest.mark.usefixtures("layer")
def test_a_layer_goes_back_from_a_gradient_of_its_output() -> None:
    options = options_from({"dim": 4, "dim_out": 6, "size": "3x5"})
    asked = case("convolution", kind="layer", mode="train", options=options, threads=1, image_px=5)
    work = models.create_workload(asked, "jax")
    maps, gradient = work.inputs(asked, 0)
    assert (maps.shape, gradient.shape) == ((2, 3, 5, 4), (2, 3, 5, 6))
    jax_jit.prepare(asked)
    session = jax_jit.open_session(work, asked, 0)
    outputs = [session.call(), session.call()]
    assert session.check(outputs[0]) == ""
    np.testing.assert_array_equal(*outputs)  # no optimizer has moved a weight
    slopes, (slope,) = session._pending[3]
    weight = np.asarray(work.network.linear.kernel[...])
    np.testing.assert_allclose(slope, gradient @ weight.T, rtol=1e-5, atol=1e-6)
    kernel = next(slope for slope in slopes if slope.shape == weight.shape)
    np.testing.assert_allclose(kernel, maps.reshape(-1, 4).T @ gradient.reshape(-1, 6), rtol=1e-5, atol=1e-5)
    assert session.flops() == 3 * 2 * 2 * 15 * 4 * 6
    session.close()


@pytest.mark.usefixtures("layer")
def test_facts_of_a_layer() -> None:
    options = options_from({"dim": 4, "dim_out": 6, "size": "3x5"})
    facts = single_layer.describe(Wish(kind="layer", model="convolution", options=options))
    assert (facts.native_px, facts.parameters, facts.flops_per_image, facts.activations_per_image) == (5, 30, 720, 90)
