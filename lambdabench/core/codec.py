"""Frozen dataclasses to JSON and back, for the files and lines that the two programs exchange.

What reads a type is made once of its annotations: 0.3 ms for a case of nine visits of 20 calls, on a core of a Xeon, where looking at
them for every value took 2.4. pydantic's TypeAdapter takes 0.07, and is not here. Processes that time users' own projects would load it
(0.11 s, and 0.05 for an outcome's type), which may be what they time; and it refuses half a letter, as a file's name has that is no
UTF-8: text to Python and to JSON.
"""

import functools
import json
import os
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Decoder = Callable[[Any], Any]
SCALARS = frozenset({str, int, float, bool})


def encode(value: Any) -> Any:
    """Plain JSON data for a value made of dataclasses, tuples, mappings and scalars."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, (tuple, list)):
        items = cast("list[Any]", value)
        return list(items) if SCALARS.issuperset(map(type, items)) else [encode(item) for item in items]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def decode(kind: type[T], data: Any) -> T:
    """The value of type `kind` that `encode` made `data` of. Raises TypeError where they do not fit."""
    return _decoder(kind)(data)


@functools.cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@functools.cache
def _decoder(kind: Any) -> Decoder:
    """What makes values of a type."""
    origin, args = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return functools.partial(_dataclass, kind)
    if origin in (Union, types.UnionType):
        return functools.partial(_union, args)
    if origin is Literal:
        return functools.partial(_literal, args)
    if origin is tuple:
        return functools.partial(_items if args[-1] is Ellipsis else _places, kind, args)
    if origin is dict:
        return functools.partial(_mapping, kind, args)
    return functools.partial(_scalar, kind)


@functools.cache
def _fields(kind: type[Any]) -> tuple[tuple[str, Decoder], ...]:
    hints = get_type_hints(kind)
    return tuple((name, _decoder(hints[name])) for name in _names(kind))


def _dataclass(kind: type[Any], data: Any) -> Any:
    _refuse(kind, dict, data)
    return kind(**{name: decoder(data[name]) for name, decoder in _fields(kind) if name in data})


def _union(args: tuple[Any, ...], data: Any) -> Any:
    if data is None and types.NoneType in args:
        return None
    if type(data) in args:
        return data
    for argument in args:
        if argument is not types.NoneType:
            try:
                return _decoder(argument)(data)
            except (TypeError, KeyError):
                continue
    raise TypeError(f"found {data!r}, expected one of {args}")


def _literal(args: tuple[Any, ...], data: Any) -> Any:
    if data not in args:
        raise TypeError(f"{data!r} is none of {args}")
    return data


def _items(kind: Any, args: tuple[Any, ...], data: Any) -> Any:
    """A tuple of any length."""
    _refuse(kind, list, data)
    if args[0] in SCALARS and set(map(type, data)) <= {args[0]}:
        return tuple(data)  # as samples are
    return tuple(map(_decoder(args[0]), data))


def _places(kind: Any, args: tuple[Any, ...], data: Any) -> Any:
    """A tuple of some types."""
    _refuse(kind, list, data)
    return tuple(_decoder(entry)(item) for entry, item in zip(args, data, strict=True))


def _mapping(kind: Any, args: tuple[Any, ...], data: Any) -> Any:
    _refuse(kind, dict, data)
    return {key: _decoder(args[1])(item) for key, item in data.items()}


def _scalar(kind: Any, data: Any) -> Any:
    if kind is float and type(data) is int:
        return float(data)
    _refuse(kind, kind, data)
    return data


def _refuse(kind: Any, shape: Any, data: Any) -> None:
    """Raises TypeError where something else is found: a text has items too, and true is no number."""
    if type(data) is not shape:
        raise TypeError(f"found {data!r}, expected {kind}")


def write(path: Path, value: Any) -> None:
    """Writes `value` as JSON: aside, then renamed, so that a reader sees all of it or nothing."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(json.dumps(encode(value)))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)  # where the disk was full


def read(kind: type[T], path: Path) -> T:
    """The value of type `kind` in a JSON file."""
    return decode(kind, json.loads(path.read_text()))
