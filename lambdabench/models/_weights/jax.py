"""Weights of an nnx network under torch's names: read, and loaded with every problem told at once."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from ...core import twins
from ...core.errors import ConversionError

Array = NDArray[Any]
SHOWN = 5
"""Names of one kind that a message lists."""


def torch_state_of(module: nnx.Module) -> dict[str, Array]:
    """Parameters and running statistics under torch's names, with torch's axes."""
    result: dict[str, Array] = {}
    for name, variable in _variables(module):
        value = np.asarray(variable[...])
        key, order = twins.to_torch(name, value.ndim)
        result[key] = value if order is None else value.transpose(order)
    return result


def torch_names(module: nnx.Module) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Torch's name of each weight -> (the first, in order of letters, of the names that share it; its shape with torch's axes)."""
    result: dict[str, tuple[str, tuple[int, ...]]] = {}
    first: dict[int, str] = {}
    for name, variable in sorted(_variables(module), key=lambda item: item[0]):
        shape = tuple(variable[...].shape)
        key, order = twins.to_torch(name, len(shape))
        result[key] = (
            first.setdefault(id(variable), key),
            shape if order is None else tuple(shape[number] for number in order),
        )
    return result


def load_torch_state(module: nnx.Module, state: Mapping[str, Array]) -> None:
    """Replaces all weights by those of a torch state dict. Raises ConversionError that names what is missing, left over, or
    of another shape; then nothing is replaced."""
    arrays: dict[str, Array] = {}
    for key, array in state.items():
        if (renamed := twins.to_jax(key, array.ndim)) is not None:
            name, order = renamed
            arrays[name] = array if order is None else array.transpose(order)
    variables = dict(_variables(module))
    shapes = {name: tuple(variable[...].shape) for name, variable in variables.items()}
    problems = {
        "missing": sorted(set(variables) - set(arrays)),
        "unexpected": sorted(set(arrays) - set(variables)),
        "of another shape": [
            f"{name} {arrays[name].shape}, expected {shape}"
            for name, shape in shapes.items()
            if name in arrays and tuple(arrays[name].shape) != shape
        ],
    }
    if any(problems.values()):
        raise ConversionError("; ".join(_told(kind, names) for kind, names in problems.items() if names))
    for name, variable in variables.items():
        # a copy: JAX would share memory with the array, which torch writes to in training
        variable[...] = jnp.array(arrays[name], variable[...].dtype, copy=True)


def parameter_count(module: nnx.Module) -> int:
    """Number of parameters, shared ones counted once; running statistics are none."""
    return sum(
        variable.get_value().size
        for variable in {id(variable): variable for _, variable in _variables(module, nnx.Param)}.values()
    )


def _variables(module: nnx.Module, *kinds: type[nnx.Variable[Any]]) -> Iterator[tuple[str, nnx.Variable[Any]]]:
    """Dotted names and variables; one that several modules share has each of its names, as in torch."""
    for path, part in nnx.iter_modules(module):
        for name, value in vars(part).items():
            if isinstance(value, kinds or (nnx.Param, nnx.BatchStat)):
                yield ".".join(str(key) for key in (*path, name) if key != twins.SEQUENTIAL), value


def _told(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{kind}: {', '.join(names[:SHOWN])}{more}"
