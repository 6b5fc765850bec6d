"""Weights from torch to JAX and back: checked against a network without arrays, so that a file that is written can be loaded."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ..core import codec, twins
from ..core.conversion import SAFETENSORS, STATE_DICTS, Conversion, Converted, Framework
from ..core.errors import ConversionError, LambdabenchError, MismatchError
from ..models.classification.torch import build
from .checkpoints import Array, read, to_numpy, to_torch

__all__ = ["answer", "as_torch", "convert", "expected_shapes", "to_numpy", "to_torch", "write"]

Shape = tuple[int, ...]
FORMATS = {"torch": "pt", "jax": "flax"}
"""What a safetensors file says of itself, in the words of its readers."""


def answer(folder: Path) -> None:
    """Reads request.json; converts; writes answer.json, with the problem where the request is at fault."""
    try:
        converted = convert(codec.read(Conversion, folder / "request.json"))
    except LambdabenchError as error:
        converted = Converted(problem=str(error))
    codec.write(folder / "answer.json", converted)


def convert(asked: Conversion) -> Converted:
    """Writes the target: all tensors of the model under the other framework's names and axes, each with the dtype it had.

    Raises ConversionError, UnknownNameError; MismatchError with every name that is missing, unexpected or of another shape.
    """
    source, target = Path(asked.source), Path(asked.target)
    shapes = expected_shapes(asked)
    leaves = jax_leaves(shapes)
    state = read(source)
    origin: Framework = "jax" if twins.are_jax(state) else "torch"
    to = asked.to or ("torch" if origin == "jax" or target.suffix in STATE_DICTS else "jax")
    state = checked(state, shapes, asked)
    if origin == "torch" and to == "jax":
        state = {new: _transposed(state[old], order) for new, (old, order) in leaves.items()}
    elif origin == "jax" and to == "torch":
        state = _from_jax(state, shapes)
    write(target, state, to, force=asked.force)
    return Converted(tensors=len(state), origin=origin, to=to)


def as_torch(state: Mapping[str, Array], asked: Conversion) -> dict[str, Array]:
    """A model's weights by torch's names and axes, of either framework's. Raises what `convert` raises."""
    shapes = expected_shapes(asked)
    result = checked(state, shapes, asked)
    return _from_jax(result, shapes) if twins.are_jax(state) else result


def checked(state: Mapping[str, Array], shapes: Mapping[str, Shape], asked: Conversion) -> dict[str, Array]:
    """The state with every tensor of the model, by the names of the framework that it came with. Raises MismatchError."""
    if not twins.are_jax(state):
        whole = _counters(shapes) | dict(state)
        check(whole, shapes, asked)
        return whole
    leaves = jax_leaves(shapes)
    whole = {twins.without_lists(name, leaves): array for name, array in state.items()}
    check(whole, {new: _turned(shapes[old], order) for new, (old, order) in leaves.items()}, asked)
    return whole


def _from_jax(state: Mapping[str, Array], shapes: Mapping[str, Shape]) -> dict[str, Array]:
    back = {old: _transposed(state[new], twins.inverse(order)) for new, (old, order) in jax_leaves(shapes).items()}
    whole = _counters(shapes) | back
    return {name: whole[name] for name in shapes}


def expected_shapes(asked: Conversion) -> dict[str, Shape]:
    """torch's names and shapes of a model's weights; no array is made. Raises UnknownNameError, ConversionError."""
    try:
        with torch.device("meta"):
            network = build(asked.model, dict(asked.options), asked.image_px)
    except LambdabenchError:
        raise
    except Exception as error:  # options go to a model's own code, which may fail in any way
        raise ConversionError(f"{asked.model} cannot be made with these options: {error}") from error
    return {name: tuple(item.shape) for name, item in network.state_dict().items()}


def jax_leaves(shapes: Mapping[str, Shape]) -> dict[str, tuple[str, twins.Axes | None]]:
    """JAX's name of each of torch's tensors, with that one's name and how its axes are permuted."""
    result = {name: twins.to_jax(name, len(shape)) for name, shape in shapes.items()}
    return {leaf[0]: (name, leaf[1]) for name, leaf in result.items() if leaf is not None}


def check(state: Mapping[str, Array], shapes: Mapping[str, Shape], asked: Conversion) -> None:
    """Raises MismatchError with every name that is missing, unexpected or of another shape."""
    problems = {
        "missing": [name for name in shapes if name not in state],
        "unexpected": [name for name in state if name not in shapes],
        "of another shape": [
            f"{name} {array.shape}, expected {shapes[name]}"
            for name, array in state.items()
            if name in shapes and array.shape != shapes[name]
        ],
    }
    if text := "; ".join(f"{kind}: {', '.join(names)}" for kind, names in problems.items() if names):
        raise MismatchError(
            f"{asked.source} does not hold the weights of {asked.model} "
            f"(see --num-classes, --image-px, --option): {text}"
        )


def write(target: Path, state: Mapping[str, Array], framework: Framework, *, force: bool) -> None:
    """Writes a file aside and renames it. Raises ConversionError where the target is there and must not be replaced."""
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        aside.touch()
        mode = aside.stat().st_mode  # safetensors makes files that only their owner reads
        if target.suffix == SAFETENSORS:
            plain = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in state.items()}
            save_file(plain, aside, metadata={"format": FORMATS[framework]})
        else:
            torch.save({name: to_torch(array) for name, array in state.items()}, aside)
        if target.exists() and not force:
            raise ConversionError(f"{target} is there already; --force replaces it")
        aside.chmod(mode)
        aside.replace(target)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch says what the system says by a RuntimeError
        raise ConversionError(f"{target} cannot be written: {error}; make room, or name another file") from error
    finally:
        aside.unlink(missing_ok=True)


def _counters(shapes: Mapping[str, Shape]) -> dict[str, Array]:
    """torch's counts of batches, which JAX has not and old files of torch lack: 0."""
    return {name: np.zeros(shape, np.int64) for name, shape in shapes.items() if twins.to_jax(name, len(shape)) is None}


def _transposed(array: Array, order: twins.Axes | None) -> Array:
    return array if order is None else array.transpose(order)


def _turned(shape: Shape, order: twins.Axes | None) -> Shape:
    return shape if order is None else tuple(shape[axis] for axis in order)
