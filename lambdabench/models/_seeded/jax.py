"""A workload of JAX with the weights and inputs that its twin in torch has too."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from flax import nnx

from ...core.ports import Workload
from ...core.spec import Case
from .._weights.jax import load_torch_state, torch_names
from . import SEEDED
from .draws import inputs, weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """A `core.ports.Workload`: another one's, but for its weights and inputs."""

    inner: Workload
    weights: str = SEEDED

    @property
    def network(self) -> nnx.Module:
        return self.inner.network

    def inputs(self, case: Case, seed: int) -> tuple[np.ndarray, ...]:
        like = self.inner.inputs(case, seed)
        drawn = inputs(
            [(item.shape, item.dtype.kind) for item in like], getattr(self.inner, "classes", None) or 2, seed
        )
        return tuple(ndarray.astype(given.dtype) for ndarray, given in zip(drawn, like, strict=True))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def seeded(workload: Workload) -> Seeded:
    """The workload with its weights replaced."""
    names = torch_names(workload.network)
    load_torch_state(workload.network, {name: weights(first, shape) for name, (first, shape) in names.items()})
    return Seeded(inner=workload)
