"""The compiled kernel in JAX: mapped, counted, and chosen where it may run; values and gradients are tests/layers'."""

from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from flax import nnx  # noqa: E402 (JAX may be absent)
from jax import numpy as jnp  # noqa: E402

from lambdabench import kernels, layers  # noqa: E402
from lambdabench.core import jaxpr, registry  # noqa: E402
from lambdabench.kernels import xla_cpu, xla_dense  # noqa: E402

OPTIONS = [{}, {"content": False}, {"position": False}, {"normalize": "no_batch_norm"}, {"heads": 3, "key_depth": 5}]

pytestmark = pytest.mark.skipif(
    bool(xla_cpu.problem()) or jax.default_backend() != "cpu", reason=xla_cpu.problem() or "no CPU"
)


def inputs(*before: int, u: int = 1) -> tuple[Any, ...]:
    keys = jax.random.split(jax.random.key(0), 4)
    shapes = ((*before, 2, 5, 6, 3, 7), (*before, 2, 4, 6, 9, u), (*before, 2, 7, 9), (7, u, 3, 5))
    return tuple(jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True))


def loss(apply: Any, *given: Any) -> Any:
    return (jnp.sin(apply(*given))).sum()


@pytest.mark.parametrize("left_out", [None, 2, 3])
def test_values_and_gradients_are_those_of_all_pairs(left_out: int | None) -> None:
    given = [None if place == left_out else item for place, item in enumerate(inputs(u=2))]
    places = tuple(place for place, item in enumerate(given) if item is not None)
    for made in (
        lambda apply: apply(*given),
        *(lambda apply, place=place: jax.grad(loss, place + 1)(apply, *given) for place in places),
    ):
        np.testing.assert_allclose(made(xla_cpu.apply), made(xla_dense.apply), rtol=1e-4, atol=1e-4)


def test_a_mapped_axis_is_as_many_calls() -> None:
    queries, values, content, table = inputs(3)
    mapped = jax.vmap(xla_cpu.apply, in_axes=(0, 0, 0, None))(queries, values, content, table)
    alone = jnp.stack([xla_cpu.apply(queries[i], values[i], content[i], table) for i in range(3)])
    np.testing.assert_allclose(mapped, alone, rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_storage_only(dtype: Any) -> None:
    given = [item.astype(dtype) for item in inputs()]
    array = xla_cpu.apply(*given)
    assert array.dtype == dtype
    wanted = xla_cpu.apply(*(item.astype(jnp.float32) for item in given)).astype(dtype)
    np.testing.assert_array_equal(array.astype(jnp.float32), wanted.astype(jnp.float32))


def test_operations_are_counted() -> None:
    """b y x h k v for content and as much for position, b y x k v and the window cut to 3 x 5; twice that for gradients."""
    product, window = 2 * 5 * 6 * 3 * 7 * 9, 2 * 5 * 6 * 7 * 9 * 3 * 5
    forward = jax.make_jaxpr(xla_cpu.apply)(*inputs()).jaxpr
    assert jaxpr.flops(forward) == 2 * (2 * product + window)
    both = jax.make_jaxpr(jax.grad(lambda *given: loss(xla_cpu.apply, *given)))(*inputs()).jaxpr
    assert jaxpr.flops(both) == 3 * 2 * (2 * product + window)


def test_it_has_as_many_threads_as_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 3):
        monkeypatch.setenv("PJRT_NPROC", str(number))
        traced_anew = jax.make_jaxpr(lambda *given: xla_cpu.apply(*given))(*inputs()).jaxpr
        (item,) = [equation for equation, _ in jaxpr.products(traced_anew)]
        assert dict(item.params["attributes"])["threads"] == number


def test_it_is_chosen_on_one_cpu() -> None:
    sizes = ((56, 56), (56, 56), (23, 23))
    assert kernels.choose_xla("auto", *sizes, "cpu", compiled=True) == "xla_cpu"
    assert kernels.choose_xla("auto", *sizes, "tpu", compiled=True) == "xla_rows"
    assert registry.load("kernels", "xla_cpu") is xla_cpu


def layer_of(**options: Any) -> Any:
    """In inference, with batch norms that have learned something."""
    made = layers.create("lambda_layer", 12, framework="jax", dim_out=24, size=(5, 6), scope=3, **options)
    made.eval()
    for number, entry in enumerate(item for item in (made.norm_queries, made.norm_values) if item is not None):
        keys = jax.random.split(jax.random.key(number), 4)
        for key, part, lowest in zip(
            keys, (entry.scale, entry.bias, entry.mean, entry.var), (0.0, 0.0, 0.0, 0.5), strict=True
        ):
            part[...] = lowest + jax.random.uniform(key, part.shape)
    return made


def traced(layer: Any, x: Any) -> Any:
    return jax.make_jaxpr(lambda x: layer(x))(x).jaxpr  # a layer itself is traced once


def called(equation: Any) -> str:
    return str(equation.params.get("target_name", equation.primitive.name)).rpartition(".")[2]


def targets(layer: Any, x: Any) -> list[str]:
    return [called(item) for item, _ in jaxpr.products(traced(layer, x))]


@pytest.mark.parametrize("options", OPTIONS)
def test_a_layer_in_inference_is_one_function(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = layer_of(**options), jax.random.normal(jax.random.key(9), (2, 5, 6, 12))
    mapped = x[None] * jnp.arange(1.0, 4.0)[:, None, None, None, None]

    def all_of_it() -> list[Any]:
        return [layer(x), jax.grad(lambda x: jnp.sin(layer(x)).sum())(x), jax.vmap(layer)(mapped)]

    items, flops, names = all_of_it(), jaxpr.flops(traced(layer, x)), targets(layer, x)
    monkeypatch.setattr(type(layer), "_is_one_function", lambda *_: False)
    for item, wanted in zip(items, all_of_it(), strict=True):
        np.testing.assert_allclose(item, wanted, rtol=2e-4, atol=2e-4)
    assert flops == jaxpr.flops(traced(layer, x))
    assert names == ["lambda_layer"]
    assert "lambda_layer" not in targets(layer, x)


def step(layer: Any, x: Any) -> tuple[Any, Any, Any]:
    """Output and gradients of a loss by parameters and input, and the layer's state behind it."""
    graph, parameters, others = nnx.split(layer, nnx.Param, ...)

    def run(parameters: Any, x: Any) -> tuple[Any, Any]:
        made = nnx.merge(graph, parameters, others, copy=True)
        y = made(x)
        return jnp.sin(y).sum(), (y, nnx.state(made, nnx.BatchStat))

    gradients, (y, state) = jax.grad(run, argnums=(0, 1), has_aux=True)(parameters, x)
    return y, gradients, state


@pytest.mark.parametrize("options", OPTIONS)
def test_a_layer_in_training_is_one_function_each_way(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = layer_of(**options), jax.random.normal(jax.random.key(9), (2, 5, 6, 12))
    layer.train()
    traced_step = jax.make_jaxpr(lambda x: step(layer, x))
    items, program = step(layer, x), traced_step(x).jaxpr
    monkeypatch.setattr(type(layer), "_is_one_function", lambda *_: False)
    jax.tree.map(lambda *both: np.testing.assert_allclose(*both, rtol=1e-3, atol=2e-4), items, step(layer, x))
    assert [called(item) for item, _ in jaxpr.products(program)] == ["lambda_layer_train", "lambda_layer_back"]
    assert jaxpr.flops(program) == jaxpr.flops(traced_step(x).jaxpr)


@pytest.mark.parametrize("options", [{}, {"normalize": "no_batch_norm"}])
def test_no_image_is_no_answer(options: dict[str, Any]) -> None:
    layer, x = layer_of(**options), jnp.zeros((0, 5, 6, 12))
    assert layer(x).shape == (0, 5, 6, 24)
    layer.train()
    assert layer._is_one_function(x) == (not layer.norm_queries)  # nothing to take statistics of


def test_training_is_mapped_as_many_calls() -> None:
    layer, xs = layer_of(), jax.random.normal(jax.random.key(9), (3, 2, 5, 6, 12))
    layer.train()
    mapped = jax.vmap(lambda x: step(layer, x)[1:])(xs)
    alone = [step(layer, x)[1:] for x in xs]
    jax.tree.map(
        lambda item, *more: np.testing.assert_allclose(item, jnp.stack(more), rtol=1e-5, atol=1e-5), mapped, *alone
    )


def test_a_layer_in_half_precision_or_with_norms_of_its_own_goes_by_its_parts() -> None:
    layer, x = layer_of(), jnp.ones((2, 5, 6, 12))
    assert "lambda_layer" not in targets(layer, x.astype(jnp.bfloat16))
    layer.norm_values.use_running_average = False
    assert not layer._is_one_function(x)
    layer.train()
    assert layer._is_one_function(x)
    layer.norm_queries.axis_name = "devices"
    assert not layer._is_one_function(x)
