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
    arguments = make(1, None, 0)
    fixed = None if sized else image_shape(arguments)
    size = None if batched else _first_size(arguments)
    return Feed(make=make, where=f"inputs() of {reference} is", fixed=fixed, batch_size=size)


def program_feed(program: Any, reference: str) -> Feed:
    """That of an exported program, whose shapes are read off its graph: whole numbers are all that it takes, symbols may vary."""
    names = set(program.graph_signature.user_inputs)
    nodes = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    shapes = [tuple(node.meta["val"].shape) for node in nodes if isinstance(node.meta.get("val"), Tensor)]
    if not shapes:
        raise UnsupportedError(f"{reference} takes no tensor; export it with its inputs as arguments of forward")
    firsts = [shape[0] for shape in shapes if shape]
    batch = next((first for first in firsts if not isinstance(first, int)), firsts[0] if firsts else 1)
    maps = [shape for shape in shapes if len(shape) == IMAGES]
    fixed = None
    if maps and all(isinstance(item, int) for item in maps[0][1:]):
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


def image_shape(arguments: Arguments) -> Shape | None:
    """The shape of the first batch of images among arguments; None where there is none."""
    maps = [
        tree_leaf
        for tree_leaf in pytree.tree_leaves(arguments)
        if isinstance(tree_leaf, Tensor) and tree_leaf.dim() == IMAGES
    ]
    return Shape(channels=maps[0].shape[1], height=maps[0].shape[2], width=maps[0].shape[3]) if maps else None


def _arguments(item: Any, reference: str) -> Arguments:
    """What inputs() gave, as arguments. Raises NetworkError where it is none of what it may be."""
    arguments: Arguments = ((item,), {}) if isinstance(item, Tensor) else ((), {})
    if isinstance(item, (tuple, list)):
        arguments = (tuple(item), {})  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(item, Mapping):
        arguments = ((), {str(key): entry for key, entry in item.items()})  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    if not any(isinstance(tree_leaf, Tensor) for tree_leaf in pytree.tree_leaves(arguments)):
        raise NetworkError(f"inputs() of {reference} gave a {type(item).__name__}, expected {GIVES}")
    return arguments


def _first_size(arguments: Arguments) -> int | None:
    sizes = [
        tree_leaf.shape[0]
        for tree_leaf in pytree.tree_leaves(arguments)
        if isinstance(tree_leaf, Tensor) and tree_leaf.dim()
    ]
    return int(sizes[0]) if sizes else None


def _resolved(sizes: Sequence[Any], batch: Any, batch_size: int, shape: Shape | None, example: Any) -> tuple[int, ...]:
    """Symbols as numbers: the batch's, an image's sides, and of anything else what the example has."""
    sides = (shape.channels, shape.height, shape.width) if shape is not None and len(sizes) == IMAGES else None
    numbers: list[int] = []
    for axis, item in enumerate(sizes):
        if isinstance(item, int):
            numbers.append(item)
        elif str(item) == str(batch):
            numbers.append(batch_size)
        elif sides is not None and axis:
            numbers.append(sides[axis - 1])
        else:
            numbers.append(int(example.shape[axis]) if isinstance(example, Tensor) else 2)
    return tuple(numbers)


def _drawn(sizes: tuple[int, ...], dtype: torch.dtype, example: Any, generator: torch.Generator) -> Tensor:
    """Random numbers; of whole ones, which may be an index of something, those of the example in another order, else zeros."""
    if dtype.is_floating_point:
        return torch.randn(sizes, generator=generator).to(dtype)
    if not isinstance(example, Tensor) or not example.numel():
        return torch.zeros(sizes, dtype=dtype)
    known = example.flatten()
    count = int(torch.tensor(sizes).prod()) if sizes else 1
    return known[torch.randint(known.numel(), (count,), generator=generator)].reshape(sizes).to(dtype)
