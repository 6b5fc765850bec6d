"""What a user's own network is fed where that is not a batch of images: by inputs() beside its callable, or by an exported program's
signature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ...core.errors import NetworkError, UnsupportedError
from ...core.shapes import Shape
from ..classification.spec import beside
from .spec import names_of, sizes_of

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Those by place, those by name."""
GIVES = "a tensor, a tuple of arguments, or a dict of arguments by name"
IMAGES = 4
"""Axes of a batch of images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Inputs of any kind. `fixed` is the only shape of its images, None where any will do or there are none; `batch_size` the only
    one, None where any will do."""

    make: Callable[[int, Shape | None, int], Arguments]
    """Of a batch size, the shape of one image (None: its own) and a seed."""
    where: str
    """What says so, for messages."""
    fixed: Shape | None = None
    batch_size: int | None = None

    def refuse(self, batch_size: int, shape: Shape | None) -> None:
        """Raises UnsupportedError for what it cannot make."""
        if self.batch_size not in (None, batch_size):
            raise UnsupportedError(
                f"{self.where} for batch {self.batch_size} only, found {batch_size}; use --batch-size {self.batch_size}, "
                "or let the batch be dynamic (torch.export's dynamic_shapes, or inputs(batch_size))"
            )
        if self.fixed is not None and shape not in (None, self.fixed):
            raise UnsupportedError(
                f"{self.where} for images of {self.fixed.told()} only, found {shape.told() if shape else ''}; "
                f"use {self.fixed.flag()}"
            )


def own_feed(reference: str) -> Feed | None:
    """That of inputs() beside the callable, in a file or module that has been loaded; None where there is none.

    Raises NetworkError for one that takes or gives something else than it should.
    """
    inputs = beside(reference, "inputs")
    if inputs is None:
        return None
    takes = names_of(inputs, reference)

    def make(batch_size: int, shape: Shape | None, seed: int) -> Arguments:
        torch.manual_seed(seed)
        return _arguments(inputs(**sizes_of(takes, batch_size, shape)), reference)

    sized, batched = "image_px" in takes, "batch_size" in takes
    found = make(1, None, 0)
    fixed = None if sized else image_shape(found)
    size = None if batched else _first_size(found)
    return Feed(make=make, where=f"inputs() of {reference} is", fixed=fixed, batch_size=size)


def program_feed(program: Any, reference: str) -> Feed:
    """That of an exported program, whose shapes are read off its graph: whole numbers are all that it takes, symbols may vary."""
    names = set(program.graph_signature.user_inputs)
    nodes = [one for one in program.graph.nodes if one.op == "placeholder" and one.name in names]
    shapes = [tuple(one.meta["val"].shape) for one in nodes if isinstance(one.meta.get("val"), Tensor)]
    if not shapes:
        raise UnsupportedError(f"{reference} takes no tensor; export it with its inputs as arguments of forward")
    firsts = [one[0] for one in shapes if one]
    batch = next((one for one in firsts if not isinstance(one, int)), firsts[0] if firsts else 1)
    maps = [one for one in shapes if len(one) == IMAGES]
    fixed = None
    if maps and all(isinstance(one, int) for one in maps[0][1:]):
        fixed = Shape(channels=maps[0][1], height=maps[0][2], width=maps[0][3])
    examples = pytree.tree_leaves(program.example_inputs) if program.example_inputs else []

    def make(batch_size: int, shape: Shape | None, seed: int) -> Arguments:
        generator = torch.Generator().manual_seed(seed)
        leaves: list[Any] = []
        for place, node in enumerate(nodes):
            like, example = node.meta.get("val"), examples[place] if place < len(examples) else None
            if not isinstance(like, Tensor):
                leaves.append(example if example is not None else like)
                continue
            sizes = _resolved(tuple(like.shape), batch, batch_size, shape, example)
            leaves.append(_drawn(sizes, like.dtype, example, generator))
        return pytree.tree_unflatten(leaves, program.call_spec.in_spec)

    size = batch if isinstance(batch, int) else None
    return Feed(make=make, where=f"{reference} is exported", fixed=fixed, batch_size=size)


def image_shape(found: Arguments) -> Shape | None:
    """The shape of the first batch of images among arguments; None where there is none."""
    maps = [one for one in pytree.tree_leaves(found) if isinstance(one, Tensor) and one.dim() == IMAGES]
    return Shape(channels=maps[0].shape[1], height=maps[0].shape[2], width=maps[0].shape[3]) if maps else None


def _arguments(found: Any, reference: str) -> Arguments:
    """What inputs() gave, as arguments. Raises NetworkError where it is none of what it may be."""
    arguments: Arguments = ((found,), {}) if isinstance(found, Tensor) else ((), {})
    if isinstance(found, (tuple, list)):
        arguments = (tuple(found), {})  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(found, Mapping):
        arguments = ((), {str(key): one for key, one in found.items()})  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    if not any(isinstance(one, Tensor) for one in pytree.tree_leaves(arguments)):
        raise NetworkError(f"inputs() of {reference} gave a {type(found).__name__}, expected {GIVES}")
    return arguments


def _first_size(found: Arguments) -> int | None:
    sizes = [one.shape[0] for one in pytree.tree_leaves(found) if isinstance(one, Tensor) and one.dim()]
    return int(sizes[0]) if sizes else None


def _resolved(sizes: Sequence[Any], batch: Any, batch_size: int, shape: Shape | None, example: Any) -> tuple[int, ...]:
    """Symbols as numbers: the batch's, an image's sides, and of anything else what the example has."""
    sides = (shape.channels, shape.height, shape.width) if shape is not None and len(sizes) == IMAGES else None
    found: list[int] = []
    for axis, one in enumerate(sizes):
        if isinstance(one, int):
            found.append(one)
        elif str(one) == str(batch):
            found.append(batch_size)
        elif sides is not None and axis:
            found.append(sides[axis - 1])
        else:
            found.append(int(example.shape[axis]) if isinstance(example, Tensor) else 2)
    return tuple(found)


def _drawn(sizes: tuple[int, ...], dtype: torch.dtype, example: Any, generator: torch.Generator) -> Tensor:
    """Random numbers; of whole ones, which may be an index of something, those of the example in another order, else zeros."""
    if dtype.is_floating_point:
        return torch.randn(sizes, generator=generator).to(dtype)
    if not isinstance(example, Tensor) or not example.numel():
        return torch.zeros(sizes, dtype=dtype)
    known = example.flatten()
    count = int(torch.tensor(sizes).prod()) if sizes else 1
    return known[torch.randint(known.numel(), (count,), generator=generator)].reshape(sizes).to(dtype)
