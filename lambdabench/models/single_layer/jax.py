"""Single layers in JAX, with what they are fed. Whatever `create_layer` takes stands in the case's options."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax import numpy as jnp

from ... import layers
from ...core.errors import LambdabenchError, UnsupportedError
from ...core.spec import Case, ModelFacts, Wish
from ...layers._initial.jax import outline
from ..classification.jax import counted, dtypes_of
from .spec import NO_LOSS, Asked, read


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleLayer:
    """A `core.ports.Workload`."""

    network: nnx.Module
    asked: Asked
    weights: str = "random"

    def inputs(self, case: Case, seed: int) -> tuple[np.ndarray, ...]:
        generator, asked = np.random.default_rng(seed), self.asked
        maps = [(*asked.size, asked.dim), (*asked.size_out, asked.dim_out)][: 2 if case.mode == "train" else 1]
        return tuple(generator.standard_normal((case.batch_size, *item), dtype=np.float32) for item in maps)

    def arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs[:1]

    def loss(self, output: Any, inputs: tuple[Any, ...]) -> Any:
        raise UnsupportedError(NO_LOSS)

    def check(self, output: Any, case: Case) -> str:
        wanted = (case.batch_size, *self.asked.size_out, self.asked.dim_out)
        return (
            "" if tuple(output.shape) == wanted else f"the output's shape is {tuple(output.shape)}, expected {wanted}"
        )

    def features(self, output: Any, case: Case) -> str:
        return ""

    def interaction_bytes(self, case: Case) -> int | None:
        return None


def create(case: Case) -> SingleLayer:
    """The workload of a case, with reproducible random weights. Raises UnsupportedError for a size or option it does not take."""
    if case.mode == "features":
        raise UnsupportedError("a layer has no mode features; use --mode inference or train")
    try:
        asked = read(case.model, case.options, case.image_px)
        return SingleLayer(network=_made(case.model, asked, **dtypes_of(case)), asked=asked)
    except UnsupportedError:
        raise
    except (LambdabenchError, ValueError) as error:
        raise UnsupportedError(f"{case.model} cannot be made: {error}") from error


def describe(wish: Wish) -> ModelFacts:
    """Facts with counts of one map, forward, without computing anything."""
    asked = read(wish.model, wish.options, wish.image_px)
    maps = jax.ShapeDtypeStruct((1, *asked.size, asked.dim), jnp.float32)
    counts = counted(outline(lambda: _made(wish.model, asked)), maps)
    return ModelFacts(name=wish.model, family="layer", native_px=max(asked.size), image_px=max(asked.size), **counts)


def _made(name: str, asked: Asked, **dtypes: Any) -> nnx.Module:
    return layers.create(
        name, asked.dim, asked.dim_out, framework="jax", stride=asked.stride, size=asked.size, **dtypes, **asked.options
    )
