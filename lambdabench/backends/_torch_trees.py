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
        return type(tree)(*(mapped(change, one) for one in tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(mapped(change, one) for one in tree)
    if isinstance(tree, dict):
        return {key: mapped(change, one) for key, one in tree.items()}
    return tree


def detached(one: Any) -> Any:
    """A tensor without its history."""
    return one.detach()


def as_float(one: Any) -> Any:
    """A tensor of floats in float32; any other as it is."""
    return one.float() if one.is_floating_point() else one


def _leaves(tree: Any) -> Iterator[Any]:
    if _is_tensor(tree):
        yield tree
    elif isinstance(tree, Mapping):
        for one in tree.values():
            yield from _leaves(one)
    elif isinstance(tree, (list, tuple)):
        for one in tree:
            yield from _leaves(one)
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for field in dataclasses.fields(tree):
            yield from _leaves(getattr(tree, field.name))


def _is_tensor(one: Any) -> bool:
    """Told without importing torch, which may not be there."""
    return hasattr(one, "untyped_storage")
