"""Initial weights in JAX: drawn on the host, or only their shapes where nobody needs their values.

XLA compiles a program for every shape that it draws, half a minute for a network of many shapes; and nnx.eval_shape walks all
that it has traced at every draw, a minute for a network of 420 layers.
"""

import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax import numpy as jnp
from jax.core import Tracer

Initialiser = Callable[..., Any]

_without_values: ContextVar[bool] = ContextVar("without_values", default=False)


def normal(std: float) -> Initialiser:
    """N(0, std)."""

    def host(generator: np.random.Generator, shape: tuple[int, ...]) -> Any:
        drawn = generator.standard_normal(shape, np.float32)
        drawn *= np.float32(std)
        return drawn

    return _initialiser(host, lambda key, shape, dtype: std * jax.random.normal(key, shape, dtype))


def uniform(reach: float) -> Initialiser:
    """Uniform from -reach to reach."""

    def host(generator: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return np.float32(reach) * (2 * generator.random(shape, np.float32) - 1)

    return _initialiser(host, lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -reach, reach))


def as_torch(fan_in: int) -> dict[str, Initialiser]:
    """What torch draws for a convolution or a linear layer that is told nothing: all within 1 / sqrt(fan_in)."""
    draw = uniform(1 / math.sqrt(fan_in))
    return {"kernel_init": draw, "bias_init": draw}


def he(side: int, dim_out: int) -> Initialiser:
    """As He et al. (arXiv 1502.01852) for the outputs' count, of a convolution with side x side taps."""
    return normal(math.sqrt(2.0 / (side * side * dim_out)))


def outline(make: Callable[[], nnx.Module]) -> nnx.Module:
    """What `make` makes, with jax.ShapeDtypeStruct in place of every weight that is drawn here; quick at any depth."""
    token = _without_values.set(True)
    try:
        return make()
    finally:
        _without_values.reset(token)


def _initialiser(host: Callable[..., Any], traced: Callable[..., jax.Array]) -> Initialiser:
    def draw(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32) -> Any:
        shape = tuple(shape)
        if _without_values.get():
            return jax.ShapeDtypeStruct(shape, dtype)
        if isinstance(key, Tracer):
            return traced(key, shape, dtype)
        seed = np.asarray(jax.random.key_data(key)).ravel()
        return jnp.array(host(np.random.default_rng(seed), shape), dtype)

    return draw
