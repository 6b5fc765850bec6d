"""The compiled CPU kernel in JAX, through XLA's foreign function interface: the source that torch runs, forward and backward,
and a whole layer in inference and in training.

Computes in float32 and returns what it was given: float64, and other platforms, go to `xla_rows`. A mapped axis runs in turn.
"""

import ctypes
import functools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
from jax import numpy as jnp
from jaxtyping import Array, Float

from ..core.registry import ROOT
from . import _xla_target, xla_einsum, xla_rows
from ._cpu import build
from ._cpu.plan import planned

SOURCE = Path(build.__file__).with_name("ffi.cpp")
TARGETS = {
    "apply_lambdas": "apply_lambdas",
    "apply_lambdas_backward": "apply_lambdas_backward",
    "lambda_layer": "lambda_layer_ffi",
    "lambda_layer_train": "lambda_layer_train_ffi",
    "lambda_layer_back": "lambda_layer_back_ffi",
}
"""Names of XLA's, and of the library's."""


def apply(
    queries: Float[Array, "b y x h k"],
    values: Float[Array, "b j i v u"],
    content: Float[Array, "b k v"] | None,
    embeddings: Float[Array, "k u r_y r_x"] | None,
) -> Float[Array, "b y x h v"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out."""
    if _xla_target.platform() != "cpu" or values.dtype == jnp.float64 or problem():
        return xla_rows.apply(queries, values, content, embeddings)
    absent = jnp.zeros((0,), jnp.float32)
    given = (
        queries,
        values.transpose(0, 4, 1, 2, 3),
        absent if content is None else content,
        absent if embeddings is None else embeddings.transpose(1, 0, 2, 3),
    )
    return _applied(*(array.astype(jnp.float32) for array in given)).astype(values.dtype)


@functools.cache
def problem() -> str:
    """Why the kernel cannot be had; empty where it is built and registered."""
    try:
        library = ctypes.CDLL(str(build.built(build.home(), SOURCE, (f"-I{jax.ffi.include_dir()}", "-w"))))
        functions = {target: getattr(library, name) for target, name in TARGETS.items()}
    except (build.UnavailableError, OSError, AttributeError) as error:
        return build.told_problem(error)
    for target, function in functions.items():
        jax.ffi.register_ffi_target(f"{ROOT}.{target}", jax.ffi.pycapsule(function), platform="cpu")
    return ""


def infer(
    x: Float[Array, "b y x d"],
    projections: Sequence[Array],
    norms: Sequence[Sequence[Array]],
    embeddings: Float[Array, "k 1 r_y r_x"] | None,
    *,
    heads: int,
    epsilons: Sequence[float] = (0.0, 0.0),
) -> Float[Array, "b y x h*v"]:
    """A whole layer in inference, keys normalised by softmax, all of it float32; gradients go through its parts where there are norms.

    `projections` are weights [d, channels] of queries, of keys where there is a content term, and of values; `norms` are scale,
    bias, mean and variance of the batch norms of queries and of values, or none, and `epsilons` theirs.
    """
    moments = jnp.concatenate([part for norm in norms for part in norm]) if norms else _absent()
    return _layer((heads, *epsilons), *_given(x, projections, moments, embeddings))


def train(
    x: Float[Array, "b y x d"],
    projections: Sequence[Array],
    norms: Sequence[Sequence[Array]],
    embeddings: Float[Array, "k 1 r_y r_x"] | None,
    *,
    heads: int,
    epsilons: Sequence[float],
) -> tuple[Float[Array, "b y x h*v"], list[tuple[Array, Array]]]:
    """The same layer in training, there and back one function each: its output, and mean and variance (biased) of the batch for the
    norms of queries and of values, of which `norms` are scale and bias. No gradient goes through the statistics."""
    scales, biases = ([norm[part] for norm in norms] for part in (0, 1))
    given = _given(x, projections, jnp.concatenate([*scales, *biases]), embeddings)
    y, kept = cast("tuple[Array, Array]", _trained((heads, *epsilons), *given))
    channels, rows = [len(scale) for scale in scales], math.prod(x.shape[:3])
    array = jax.lax.stop_gradient(kept[: 3 * sum(channels)]).reshape(3, -1)
    mean, variance = array[0], array[2] * (max(rows - 1, 1) / rows)  # kept as torch's running statistics take it
    return y, list(zip(jnp.split(mean, channels[:1]), jnp.split(variance, channels[:1]), strict=True))


def _absent() -> Array:
    return jnp.zeros((0,), jnp.float32)


def _given(x: Array, projections: Sequence[Array], norms: Array, embeddings: Array | None) -> tuple[Array, ...]:
    """As the functions of whole layers take them."""
    queries, *keys, values = projections
    table = _absent() if embeddings is None else embeddings.transpose(1, 0, 2, 3)
    given = (x, queries, keys[0] if keys else _absent(), values, norms, table)
    return tuple(array.astype(jnp.float32) for array in given)


def _settings(settings: tuple[Any, ...]) -> dict[str, Any]:
    heads, *epsilons = settings
    names = ("epsilon_queries", "epsilon_values")
    more = {name: np.float64(item) for name, item in zip(names, epsilons, strict=True)}
    return {"heads": heads, "threads": _threads(), **more}


def _numbers(*shapes: tuple[int, ...]) -> list[jax.ShapeDtypeStruct]:
    return [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _layer(settings: tuple[Any, ...], *given: Array) -> Array:
    x, values = given[0], given[3]
    (struct,) = _numbers((*x.shape[:3], settings[0] * values.shape[1]))
    return _call("lambda_layer", struct)(*given, **_settings(settings))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _trained(settings: tuple[Any, ...], *given: Array) -> tuple[Array, Array]:
    """y, and what is kept beside the projections: the norms' mean, 1 / deviation and variance first."""
    y, _, kept = _train(settings, *given)
    return y, kept


def _train(settings: tuple[Any, ...], *given: Array) -> tuple[Array, Array, Array]:
    x, *weights, norms, table = given
    channels = [weight.shape[1] for weight in weights if weight.size]
    scope = table.shape[2:] if table.size else None
    b, y, columns, d = x.shape
    plan = planned((b, d, y, columns), channels, (norms.size > 0, False), scope, settings[0])
    outputs = _numbers((b, y, columns, plan.y[1]), (plan.room,), (plan.kept,))
    y, projected, kept = _call("lambda_layer_train", outputs)(*given, **_settings(settings))
    return y, projected, kept


def _trained_forward(settings: tuple[Any, ...], *given: Array) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
    y, projected, kept = _train(settings, *given)
    return (y, kept), (*given, projected, kept)


def _trained_backward(
    settings: tuple[Any, ...], there: tuple[Array, ...], gradients: tuple[Array, ...]
) -> tuple[Array, ...]:
    outputs = _numbers(*(array.shape for array in there[:6]))
    return tuple(_call("lambda_layer_back", outputs)(*there, gradients[0], **_settings(settings)))


_trained.defvjp(_trained_forward, _trained_backward)


def _by_parts(settings: tuple[Any, ...], *given: Array) -> Array:
    """The same layer as XLA and the operator that applies lambdas do it."""
    x, of_queries, of_keys, of_values, moments, table = given
    heads, *epsilons = settings
    b, y, columns, _ = x.shape
    q, v = of_queries.shape[1], of_values.shape[1]
    queries, values = x @ of_queries, x @ of_values
    if moments.size:
        first, second = moments[: 4 * q].reshape(4, q), moments[4 * q :].reshape(4, v)
        queries, values = (
            (array - mean) * (scale * jax.lax.rsqrt(variance + epsilon)) + bias
            for array, (scale, bias, mean, variance), epsilon in zip(
                (queries, values), (first, second), epsilons, strict=True
            )
        )
    content = jnp.zeros((0,), jnp.float32)
    if of_keys.size:
        keys = jax.nn.softmax((x @ of_keys).reshape(b, y * columns, -1), axis=1)
        content = xla_einsum.product("bmk,bmv->bkv", keys, values.reshape(b, y * columns, v))
    result = _applied(queries.reshape(b, y, columns, heads, -1), values[:, None], content, table)
    return result.reshape(b, y, columns, -1)


def _layer_forward(settings: tuple[Any, ...], *given: Array) -> tuple[Array, tuple[Array, ...]]:
    if given[4].size:
        return _layer(settings, *given), given
    (y, _), there = _trained_forward(settings, *given)
    return y, there


def _layer_backward(settings: tuple[Any, ...], there: tuple[Array, ...], gradient: Array) -> tuple[Array, ...]:
    if there[4].size:
        return jax.vjp(functools.partial(_by_parts, settings), *there)[1](gradient)
    return _trained_backward(settings, there, (gradient,))


_layer.defvjp(_layer_forward, _layer_backward)


def _call(target: str, outputs: Any) -> Any:
    return jax.ffi.ffi_call(f"{ROOT}.{target}", outputs, vmap_method="sequential")


def _threads() -> int:
    """Those that XLA's client has: of the machine those that this process may use, or PJRT_NPROC; shared by JAX's devices."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    there = os.environ.get("PJRT_NPROC") or mine or 1
    return max(1, int(there) // jax.local_device_count())


@jax.custom_vjp
def _applied(queries: Array, values: Array, content: Array, table: Array) -> Array:
    b, y, x, h, _ = queries.shape
    struct = jax.ShapeDtypeStruct((b, y, x, h, values.shape[4]), jnp.float32)
    return _call("apply_lambdas", struct)(queries, values, content, table, threads=_threads())


def _forward(*given: Array) -> tuple[Array, tuple[Array, ...]]:
    return _applied(*given), given


def _backward(given: tuple[Array, ...], gradient: Array) -> tuple[Array, ...]:
    structs = [jax.ShapeDtypeStruct(array.shape, jnp.float32) for array in given]
    return tuple(_call("apply_lambdas_backward", structs)(*given, gradient, threads=_threads()))


_applied.defvjp(_forward, _backward)
