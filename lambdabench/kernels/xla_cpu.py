"""The compiled CPU kernel in JAX, through XLA's foreign function interface: the source that torch runs, forward and backward,
and a whole layer in inference.

Computes in float32 and returns what it was given: float64, and other platforms, go to `xla_rows`. A mapped axis runs in turn.
"""

import ctypes
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp
from jaxtyping import Array, Float

from ..core.registry import ROOT
from . import xla_einsum, xla_rows
from ._cpu import build

SOURCE = Path(build.__file__).with_name("ffi.cpp")
TARGETS = {
    "apply_lambdas": "apply_lambdas",
    "apply_lambdas_backward": "apply_lambdas_backward",
    "lambda_layer": "lambda_layer_ffi",
}
"""Names of XLA's, and of the library's."""


def apply(
    queries: Float[Array, "b y x h k"],
    values: Float[Array, "b j i v u"],
    content: Float[Array, "b k v"] | None,
    embeddings: Float[Array, "k u r_y r_x"] | None,
) -> Float[Array, "b y x h v"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out."""
    if jax.default_backend() != "cpu" or values.dtype == jnp.float64 or problem():
        return xla_rows.apply(queries, values, content, embeddings)
    absent = jnp.zeros((0,), jnp.float32)
    given = (
        queries,
        values.transpose(0, 4, 1, 2, 3),
        absent if content is None else content,
        absent if embeddings is None else embeddings.transpose(1, 0, 2, 3),
    )
    return _applied(*(one.astype(jnp.float32) for one in given)).astype(values.dtype)


@functools.cache
def problem() -> str:
    """Why the kernel cannot be had; empty where it is built and registered."""
    try:
        library = ctypes.CDLL(str(build.built(build.home(), SOURCE, jax.ffi.include_dir())))
    except (build.UnavailableError, OSError) as error:
        return str(error)
    for target, name in TARGETS.items():
        jax.ffi.register_ffi_target(f"{ROOT}.{target}", jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
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
    """A whole layer in inference, keys normalised by softmax, all of it float32; gradients go through its parts.

    `projections` are weights [d, channels] of queries, of keys where there is a content term, and of values; `norms` are scale,
    bias, mean and variance of the batch norms of queries and of values, or none, and `epsilons` theirs.
    """
    absent = jnp.zeros((0,), jnp.float32)
    queries, *keys, values = projections
    moments = jnp.concatenate([part for one in norms for part in one]) if norms else absent
    table = absent if embeddings is None else embeddings.transpose(1, 0, 2, 3)
    given = (x, queries, keys[0] if keys else absent, values, moments, table)
    return _layer((heads, *epsilons), *(one.astype(jnp.float32) for one in given))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _layer(settings: tuple[Any, ...], *given: Array) -> Array:
    heads, *epsilons = settings
    x, values = given[0], given[3]
    found = jax.ShapeDtypeStruct((*x.shape[:3], heads * values.shape[1]), jnp.float32)
    names = ("epsilon_queries", "epsilon_values")
    more = {name: np.float64(one) for name, one in zip(names, epsilons, strict=True)}
    return _call("lambda_layer", found)(*given, heads=heads, threads=_threads(), **more)


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
            (one - mean) * (scale * jax.lax.rsqrt(variance + epsilon)) + bias
            for one, (scale, bias, mean, variance), epsilon in zip(
                (queries, values), (first, second), epsilons, strict=True
            )
        )
    content = jnp.zeros((0,), jnp.float32)
    if of_keys.size:
        keys = jax.nn.softmax((x @ of_keys).reshape(b, y * columns, -1), axis=1)
        content = xla_einsum.product("bmk,bmv->bkv", keys, values.reshape(b, y * columns, v))
    found = _applied(queries.reshape(b, y, columns, heads, -1), values[:, None], content, table)
    return found.reshape(b, y, columns, -1)


def _layer_forward(settings: tuple[Any, ...], *given: Array) -> tuple[Array, tuple[Array, ...]]:
    return _layer(settings, *given), given


def _layer_backward(settings: tuple[Any, ...], given: tuple[Array, ...], gradient: Array) -> tuple[Array, ...]:
    return jax.vjp(functools.partial(_by_parts, settings), *given)[1](gradient)


_layer.defvjp(_layer_forward, _layer_backward)


def _call(target: str, outputs: Any) -> Any:
    return jax.ffi.ffi_call(f"{ROOT}.{target}", outputs, vmap_method="sequential")


def _threads() -> int:
    """Those that XLA's client has: of the machine those that this process may use, or PJRT_NPROC; shared by JAX's devices."""
    there = os.environ.get("PJRT_NPROC") or len(os.sched_getaffinity(0))
    return max(1, int(there) // jax.local_device_count())


@jax.custom_vjp
def _applied(queries: Array, values: Array, content: Array, table: Array) -> Array:
    b, y, x, h, _ = queries.shape
    found = jax.ShapeDtypeStruct((b, y, x, h, values.shape[4]), jnp.float32)
    return _call("apply_lambdas", found)(queries, values, content, table, threads=_threads())


def _forward(*given: Array) -> tuple[Array, tuple[Array, ...]]:
    return _applied(*given), given


def _backward(given: tuple[Array, ...], gradient: Array) -> tuple[Array, ...]:
    found = [jax.ShapeDtypeStruct(one.shape, jnp.float32) for one in given]
    return tuple(_call("apply_lambdas_backward", found)(*given, gradient, threads=_threads()))


_applied.defvjp(_forward, _backward)
