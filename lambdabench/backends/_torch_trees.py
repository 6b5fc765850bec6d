"""Tensors in whatever a network takes and gives: one, a list, a tuple, a dict, a dataclass, or these within each other."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def tensors(tree: Any) -> tuple[Any, ...]:
    """Every tensor, in order; what is none is left out."""
    return tuple(_leaves(tree))


def mapped(change: Callable[[Any], Any], tree: Any) -> Any:
    """The same lists, tuples and dicts with each tensor changed; anything else stays as it is."""
    if _is_tensor(tree):
        return change(tree)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):  # a named one
        return type(tree)(*(mapped(change, item) for item in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(mapped(change, item) for item in tree)
    if isinstance(tree, dict):
        return {key: mapped(change, item) for key, item in tree.items()}
    return tree


def detached(item: Any) -> Any:
    """A tensor without its history."""
    return item.detach()


def as_float(item: Any) -> Any:
    """A tensor of floats in float32; any other as it is."""
    return item.float() if item.is_floating_point() else item


def _leaves(tree: Any) -> Iterator[Any]:
    if _is_tensor(tree):
        yield tree
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from _leaves(item)
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _leaves(item)
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for field in dataclasses.fields(tree):
            yield from _leaves(getattr(tree, field.name))


def _is_tensor(item: Any) -> bool:
    """Told without importing torch, which may not be there."""
    return hasattr(item, "untyped_storage")
