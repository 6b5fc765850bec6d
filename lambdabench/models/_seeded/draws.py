"""Weights and inputs that are the same in torch and in JAX: drawn by NumPy, each tensor from its own name, with torch's axes.

A workload of the option weights = "seeded" has them in place of each framework's own initialisation, so that two runs of one
network on two frameworks can be compared number by number.
"""

import math
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPREAD = 0.1
"""Standard deviation of biases, means and scales."""
SCALE = 0.5
"""Of a normalisation."""


def weights(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A tensor of a torch state dict: N(0, 1 / fan in) for kernels and tables, scales around a half, shifts around 0, variances from
    0.5 to 1.5; so that no attention saturates and no residual branch takes over, either of which would make rounding large."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    leaf = name.rpartition(".")[2]
    if leaf == "running_var":
        return generator.uniform(0.5, 1.5, shape).astype(np.float32)
    drawn = generator.standard_normal(shape, np.float32)
    if len(shape) > 1:
        return drawn * np.float32(math.sqrt(1 / math.prod(shape[1:])))
    return np.float32(SPREAD) * drawn + np.float32(SCALE * (leaf == "weight"))


def inputs(like: Iterable[tuple[tuple[int, ...], str]], classes: int, seed: int) -> list[NDArray[Any]]:
    """Arrays for (shape with channels last, kind of dtype): N(0, 1) for floats, labels under `classes` for integers."""
    generator = np.random.default_rng(seed)
    return [
        generator.standard_normal(shape, np.float32) if kind == "f" else generator.integers(0, classes, shape)
        for shape, kind in like
    ]
