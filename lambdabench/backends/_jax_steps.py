"""What a case computes in one step, as one function of arrays: a network split into its structure and arrays, traced for a mesh."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from flax import nnx
from jax import numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..core.dtypes import HELD_IN, PRODUCTS
from ..core.ports import Workload
from ..core.spec import Case
from ..kernels import _xla_target

LEARNING_RATE = 1e-3
"""As in torch's session."""
BATCH = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A network's structure, and how its arrays hang together."""

    workload: Workload
    case: Case
    graph: Any
    params_tree: Any
    rest_tree: Any

    def network(self, params: Any, rest: Any) -> Any:
        """The network with these arrays."""
        trees = ((self.params_tree, params), (self.rest_tree, rest))
        return nnx.merge(self.graph, *(jax.tree.unflatten(tree, leaves) for tree, leaves in trees))

    def work(self, mesh: Mesh, platform: str = "") -> Callable[..., Any]:
        """The step of (parameters, statistics, inputs), its images split over a mesh; of a platform that is not here."""
        step = self._infer
        if self.case.mode == "train":
            step = self._there_and_back if self.case.kind == "layer" else self._train

        def traced(*arguments: Any) -> Any:
            with _xla_target.target(mesh=mesh, platform=platform):
                return step(*arguments)

        return traced

    def _infer(self, params: Any, rest: Any, inputs: tuple[Any, ...]) -> Any:
        return self.network(params, rest)(*self.workload.arguments(inputs))

    def _there_and_back(self, params: Any, rest: Any, inputs: tuple[Any, ...]) -> Any:
        """A training step of a part of a network, with gradients of its input as well: no loss and no optimizer's step, whose time
        is not its own. (Parameters, statistics, output, gradients)."""

        def forward(params: Any, arguments: tuple[Any, ...]) -> Any:
            network = self.network(params, rest)
            return network(*arguments), jax.tree.leaves(nnx.split(network, nnx.Param, ...)[2])

        output, pull, after = jax.vjp(forward, params, self.workload.arguments(inputs), has_aux=True)
        return params, after, output, pull(inputs[-1].astype(output.dtype))

    def _train(self, params: Any, rest: Any, inputs: tuple[Any, ...]) -> Any:
        """(Parameters and statistics after one step of SGD, output, nothing)."""

        def loss(params: Any) -> Any:
            network = self.network(params, rest)
            output = network(*self.workload.arguments(inputs))
            after = jax.tree.leaves(nnx.split(network, nnx.Param, ...)[2])
            return self.workload.loss(jax.tree.map(lambda item: item.astype(jnp.float32), output), inputs), (
                after,
                output,
            )

        slopes, (after, output) = jax.grad(loss, has_aux=True)(params)
        moved = [item - (LEARNING_RATE * slope).astype(item.dtype) for item, slope in zip(params, slopes, strict=True)]
        return moved, after, output, ()


def steps_of(workload: Workload, case: Case) -> tuple[Steps, Any, Any]:
    """(The steps of a case, its parameters, its other arrays), the network in the case's mode."""
    network = workload.network
    network.train() if case.mode == "train" else network.eval()
    graph, params, rest = nnx.split(network, nnx.Param, ...)
    trees = [jax.tree.structure(part) for part in (params, rest)]
    steps = Steps(workload=workload, case=case, graph=graph, params_tree=trees[0], rest_tree=trees[1])
    return steps, params, rest


def shardings(mesh: Mesh) -> tuple[NamedSharding, NamedSharding]:
    """(On each device whole, split by image)."""
    return NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec(BATCH))


def precision_of(case: Case) -> str:
    """What JAX is told of products: XLA takes tf32 on NVIDIA for what is under highest."""
    return PRODUCTS.get(case.dtype, "default")


def donated_of(case: Case) -> tuple[int, ...]:
    """The arguments of a step that its results take the place of."""
    return (0, 1) if case.mode == "train" else ()


def param_dtype_of(dtype: Any, case: Case) -> Any:
    """What a parameter of a dtype is kept in."""
    return jnp.dtype(case.param_dtype) if jnp.issubdtype(dtype, jnp.floating) else dtype


def input_dtype_of(dtype: Any, case: Case) -> Any:
    """What an input of a dtype is given in."""
    return jnp.dtype(HELD_IN[case.dtype]) if jnp.issubdtype(dtype, jnp.floating) else dtype
