"""The compiled CPU kernel in JAX, through XLA's foreign function interface: the source that torch runs, forward and backward.

Computes in float32 and returns what it was given: float64, and other platforms, go to `xla_rows`. A mapped axis runs in turn.
"""

import ctypes
import functools
import os
from pathlib import Path
from typing import Any

import jax
from jax import numpy as jnp
from jaxtyping import Array, Float

from ..core.registry import ROOT
from . import xla_rows
from ._cpu import build

SOURCE = Path(build.__file__).with_name("ffi.cpp")
TARGETS = ("apply_lambdas", "apply_lambdas_backward")


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
    for target in TARGETS:
        jax.ffi.register_ffi_target(f"{ROOT}.{target}", jax.ffi.pycapsule(getattr(library, target)), platform="cpu")
    return ""


def _call(target: str, outputs: Any) -> Any:
    return jax.ffi.ffi_call(f"{ROOT}.{target}", outputs, vmap_method="sequential")


def _threads() -> int:
    """Those of the machine that this process may use, shared by JAX's devices."""
    return max(1, len(os.sched_getaffinity(0)) // jax.local_device_count())


@jax.custom_vjp
def _applied(queries: Array, values: Array, content: Array, table: Array) -> Array:
    b, y, x, h, _ = queries.shape
    found = jax.ShapeDtypeStruct((b, y, x, h, values.shape[4]), jnp.float32)
    return _call(TARGETS[0], found)(queries, values, content, table, threads=_threads())


def _forward(*given: Array) -> tuple[Array, tuple[Array, ...]]:
    return _applied(*given), given


def _backward(given: tuple[Array, ...], gradient: Array) -> tuple[Array, ...]:
    found = [jax.ShapeDtypeStruct(one.shape, jnp.float32) for one in given]
    return tuple(_call(TARGETS[1], found)(*given, gradient, threads=_threads()))


_applied.defvjp(_forward, _backward)
