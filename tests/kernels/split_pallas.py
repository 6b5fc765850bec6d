"""Values and gradients of the Pallas kernel on two devices beside those on one: says "equal", or by how much they differ."""

import sys
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from lambdabench.kernels import _xla_target, xla_pallas

SIZES = ((4, 3, 4, 2, 16), (4, 3, 4, 64, 1), (4, 16, 64), (16, 1, 3, 3))
WITHIN = 1e-5


def loss(*given: Any) -> Any:
    return jnp.square(xla_pallas.apply(*given)).sum()


def main() -> None:
    xla_pallas.INTERPRETED = True
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,))
    generator = np.random.default_rng(0)
    given = [jnp.asarray(generator.standard_normal(size), jnp.float32) for size in SIZES]
    alone = jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3)))(*given)

    def split(*arrays: Any) -> Any:
        with _xla_target.target(mesh=mesh):
            return jax.grad(loss, argnums=(0, 1, 2, 3))(*arrays)

    whole, by_image = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ("batch",)))
    together = jax.jit(split, in_shardings=(by_image, by_image, by_image, whole))(*given)
    errors = [float(jnp.abs(a - b).max() / jnp.abs(a).max()) for a, b in zip(alone, together, strict=True)]
    sys.stdout.write("equal\n" if max(errors) < WITHIN else f"{errors}\n")


if __name__ == "__main__":
    main()
