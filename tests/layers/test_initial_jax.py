"""Weights begin in JAX as they begin in torch, and an outline has none."""

from typing import Any

import numpy as np
import pytest
import torch

from lambdabench import models

jax = pytest.importorskip("jax")

from lambdabench.layers._initial.jax import normal, outline, uniform  # noqa: E402 (JAX may be absent)
from lambdabench.models._weights.jax import parameter_count, torch_state_of  # noqa: E402

NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("lambda_resnet50", {"image_px": 64}),
    ("resnet50_global", {"image_px": 64}),
    ("resnet50_local", {}),
    ("mobilenet_v2_lambda", {}),
    ("vit_tiny_patch16_224", {}),
    ("tf_efficientnet_b0", {}),
]
FEW = 500
"""Values from which on a spread says something."""


def spread(values: np.ndarray) -> tuple[float, float, float]:
    """Mean, standard deviation, and kurtosis, which tells a normal distribution (3) from a uniform one (1.8)."""
    wide = values.astype(np.float64).ravel()
    deviation = wide.std()
    return wide.mean(), deviation, (((wide - wide.mean()) / deviation) ** 4).mean() if deviation else 0.0


@pytest.mark.parametrize(("name", "options"), NETWORKS, ids=[name for name, _ in NETWORKS])
def test_weights_are_drawn_as_torch_draws_them(name: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    wanted = models.create(name, **options).state_dict()
    result = torch_state_of(models.create(name, framework="jax", **options))
    for key, values in result.items():
        if values.size < FEW:
            continue
        mean, deviation, kurtosis = spread(values)
        their_mean, their_deviation, their_kurtosis = spread(wanted[key].numpy())
        assert abs(mean - their_mean) <= 7 * their_deviation / values.size**0.5, key
        assert deviation == pytest.approx(their_deviation, rel=8 / values.size**0.5), key
        assert kurtosis == pytest.approx(their_kurtosis, abs=40 / values.size**0.5), key


def test_draws_are_the_keys_own_whether_traced_or_not() -> None:
    first, second = jax.random.key(0), jax.random.key(1)
    for draw in (normal(0.5), uniform(0.5)):
        assert np.array_equal(draw(first, (40, 50)), draw(first, (40, 50)))
        assert not np.array_equal(draw(first, (40, 50)), draw(second, (40, 50)))
        traced = jax.jit(lambda key, draw=draw: draw(key, (40, 50)))(first)
        assert spread(np.asarray(traced))[1:] == pytest.approx(spread(np.asarray(draw(first, (40, 50))))[1:], rel=0.1)
        assert draw(first, (2,), jax.numpy.bfloat16).dtype == jax.numpy.bfloat16


def test_an_outline_has_shapes_in_place_of_weights_and_ends_with_its_making() -> None:
    network = outline(lambda: models.create("resnet50_ccll", framework="jax"))
    assert isinstance(network.head.kernel.get_value(), jax.ShapeDtypeStruct)
    with torch.device("meta"):
        theirs = models.create("resnet50_ccll")
    assert parameter_count(network) == sum(parameter.numel() for parameter in theirs.parameters())
    assert isinstance(normal(1.0)(jax.random.key(0), (2,)), jax.Array)
    with pytest.raises(ZeroDivisionError):
        outline(lambda: 1 // 0)  # pyright: ignore[reportArgumentType]
    assert isinstance(normal(1.0)(jax.random.key(0), (2,)), jax.Array)
