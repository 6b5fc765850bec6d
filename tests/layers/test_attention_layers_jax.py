"""Attention layers, gate and convolution in JAX are the torch twins: values, counts, gradients."""

from typing import Any

import numpy as np
import pytest
import torch

from lambdabench import layers
from lambdabench.core import jaxpr
from lambdabench.core.errors import LambdabenchError

jax = pytest.importorskip("jax")

from flax import nnx  # noqa: E402 (JAX may be absent)
from jax import numpy as jnp  # noqa: E402

from lambdabench.layers._attention import jax as attention  # noqa: E402
from lambdabench.models._weights.jax import load_torch_state, parameter_count, torch_state_of  # noqa: E402

MADE: list[tuple[str, tuple[int, int], int, dict[str, Any]]] = [
    ("convolution", (6, 5), 2, {}),
    ("squeeze_excitation", (6, 5), 1, {"ratio": 16}),
    ("self_attention", (5, 6), 1, {"heads": 4}),
    ("self_attention", (9, 7), 2, {"heads": 2}),
    ("axial_attention", (9, 20), 1, {"heads": 4}),
    ("axial_attention", (5, 6), 2, {"heads": 2}),
    ("linear_attention", (9, 7), 2, {"heads": 4}),
    ("local_attention", (20, 33), 1, {"heads": 4}),
    ("local_attention", (19, 8), 2, {"heads": 2, "scope": 3}),
]
run = nnx.jit(lambda layer, x: layer(x))


def twins(name: str, size: tuple[int, int], stride: int, options: dict[str, Any]) -> tuple[Any, Any]:
    torch.manual_seed(0)
    theirs = layers.create(name, 16, size=size, stride=stride, **options)
    ours = layers.create(name, 16, size=size, stride=stride, framework="jax", **options)
    load_torch_state(ours, {key: item.numpy() for key, item in theirs.state_dict().items()})
    return theirs, ours


def last(x: torch.Tensor) -> Any:
    return jnp.array(x.numpy().transpose(0, 2, 3, 1), copy=True)


@pytest.mark.parametrize("precision", ["highest", "high", "default"])
@pytest.mark.parametrize("name", ["self_attention", "axial_attention", "linear_attention", "local_attention"])
def test_products_are_as_exact_as_their_caller_asks(name: str, precision: str) -> None:
    """Where a layer wrote a precision of its own into the program, its case in TF32 was no such case."""
    layer = layers.create(name, 16, size=(8, 8), framework="jax", heads=4)
    with jax.default_matmul_precision(precision):
        traced = jax.make_jaxpr(layer)(jnp.ones((1, 8, 8, 16)))
    assert jaxpr.precisions(traced.jaxpr) == {precision}


@pytest.mark.parametrize("turns", [False, True])
@pytest.mark.parametrize(("name", "size", "stride", "options"), MADE)
def test_values_are_torchs(
    *,
    name: str,
    size: tuple[int, int],
    stride: int,
    options: dict[str, Any],
    turns: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if turns and "attention" not in name:
        pytest.skip("only attention takes turns")
    monkeypatch.setattr(attention, "WEIGHTS", 5000 if turns else 1 << 30)
    theirs, ours = twins(name, size, stride, options)
    assert parameter_count(ours) == sum(parameter.numel() for parameter in theirs.parameters())
    x = torch.randn(2, 16, *size)
    with torch.no_grad():
        wanted = theirs(x).permute(0, 2, 3, 1).numpy()
    ndarray = np.asarray(nnx.jit(lambda layer, x: layer(x))(ours, last(x)))
    assert ndarray.shape == wanted.shape
    assert np.abs(ndarray - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize(("name", "size", "stride", "options"), [MADE[2], MADE[5], MADE[6], MADE[8]])
def test_gradients_are_as_near_to_float64_as_torchs(
    name: str, size: tuple[int, int], stride: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "WEIGHTS", 2000)
    theirs, ours = twins(name, size, stride, options)
    wide = twins(name, size, stride, options)[0].double()
    x = torch.randn(2, 16, *size)

    def torchs(layer: Any, x: torch.Tensor) -> dict[str, torch.Tensor]:
        names, weights = zip(*layer.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(layer(x).square().sum(), weights), strict=True))

    gradients = nnx.jit(nnx.grad(lambda layer: jnp.square(layer(last(x))).sum()))(ours)
    nnx.update(ours, gradients)
    result, near = torch_state_of(ours), torchs(theirs, x)
    for key, wanted in torchs(wide, x.double()).items():
        most = float(wanted.abs().max())
        error = float(np.abs(result[key] - wanted.numpy()).max()) / most
        assert error <= max(3 * float((near[key] - wanted).abs().max()) / most, 1e-6), key


@pytest.mark.parametrize("name", ["self_attention", "local_attention", "linear_attention", "axial_attention"])
def test_bfloat16_is_near_to_float32(name: str) -> None:
    wide, half = (
        layers.create(name, 16, size=(6, 5), heads=4, framework="jax", dtype=dtype) for dtype in (None, jnp.bfloat16)
    )
    x = jax.random.normal(jax.random.key(0), (2, 6, 5, 16))
    wanted, result = run(wide, x), run(half, x)
    assert result.dtype == jnp.bfloat16
    assert {str(array.dtype) for array in torch_state_of(half).values()} == {"float32"}
    assert jnp.abs(result - wanted).max() <= 0.05 * jnp.abs(wanted).max()


def test_wrong_requests_say_what_was_expected() -> None:
    with pytest.raises(LambdabenchError, match="self_attention needs size="):
        layers.create("self_attention", 16, framework="jax")
    with pytest.raises(LambdabenchError, match="takes no option spokes"):
        layers.create("local_attention", 16, framework="jax", spokes=3)
    with pytest.raises(LambdabenchError, match="takes no option dtype"):
        layers.create("local_attention", 16, dtype="bfloat16")
    with pytest.raises(LambdabenchError, match=r"made for maps up to \(4, 4\), found \(5, 5\)"):
        layers.create("self_attention", 16, size=(4, 4), framework="jax")(jnp.zeros((1, 5, 5, 16)))
