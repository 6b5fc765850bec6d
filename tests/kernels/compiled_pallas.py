"""Compiles the Pallas kernel with libtpu for a TPU that is not here, in a process with the variables of `core.targets.variables`.

Arguments are the target and cases of SIDES, SCOPES, DTYPES and DIRECTIONS, as "56 64 23 bfloat16 backward"; none: all of them.
"""

import itertools
import sys
from typing import Any

import jax
from jax import numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from lambdabench.core.targets import target_of
from lambdabench.kernels import _xla_target, xla_pallas
from lambdabench.tasks.ahead import mesh_for

STAGES = ("56 64", "28 128", "14 256", "7 512")
"""Side and channels of a ResNet-50's maps at 224 pixels."""
SCOPES = ("7", "23")
DTYPES = ("bfloat16", "float32")
DIRECTIONS = ("forward", "backward")
BATCH = 128


def main() -> None:
    target = target_of(sys.argv[1])
    every = [" ".join(parts) for parts in itertools.product(STAGES, SCOPES, DTYPES, DIRECTIONS)]
    mesh = mesh_for(target, 1, "one")
    for case in sys.argv[2:] or every:
        side, dim, scope, dtype, direction = case.split()
        seconds = compiled(mesh, (int(side), int(dim), int(scope)), dtype, direction)
        sys.stdout.write(f"{target.name} {case}: compiled, {seconds:.2g} s of XLA's around it by its cost model\n")


def compiled(mesh: Any, stage: tuple[int, int, int], dtype: str, direction: str) -> float:
    side, dim, scope = stage
    sizes = ((BATCH, side, side, 4, 16), (BATCH, side, side, dim // 4, 1), (BATCH, 16, dim // 4), (16, 1, scope, scope))
    given = [jax.ShapeDtypeStruct(size, jnp.dtype(dtype)) for size in (*sizes, (BATCH, side, side, 4, dim // 4))]

    def back(*arrays: Any) -> Any:
        return jax.vjp(xla_pallas.apply, *arrays[:-1])[1](arrays[-1])

    placed = NamedSharding(mesh, PartitionSpec())
    work, arguments = (back, given) if direction == "backward" else (xla_pallas.apply, given[:-1])
    program: Any = jax.jit(work, in_shardings=(placed,) * len(arguments), out_shardings=placed)
    with _xla_target.target(platform="tpu"), jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
        text = program.lower(*arguments)
        assert "tpu_custom_call" in text.as_text()
        return float(text.compile().cost_analysis().get("optimal_seconds", 0.0)) % 1.0


if __name__ == "__main__":
    main()
