"""Frozen dataclasses to JSON and back, for the files that the two programs exchange."""

import json
import os
import types
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: Any) -> Any:
    """Plain JSON data for a value made of dataclasses, tuples, mappings and scalars."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: encode(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def decode(kind: type[T], data: Any) -> T:
    """The value of type `kind` that `encode` made `data` of. Raises TypeError where they do not fit."""
    return _decode(kind, data)


def _decode(kind: Any, data: Any) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    _refuse_shape(kind, origin, data)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{one.name: _decode(hints[one.name], data[one.name]) for one in fields(kind) if one.name in data})
    if origin in (Union, types.UnionType):
        return _decode_union(args, data)
    if origin is Literal:
        if data not in args:
            raise TypeError(f"{data!r} is none of {args}")
        return data
    if origin is tuple:
        inner = [args[0]] * len(data) if args[-1] is Ellipsis else args
        return tuple(_decode(one, item) for one, item in zip(inner, data, strict=True))
    if origin is dict:
        return {key: _decode(args[1], item) for key, item in data.items()}
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is not kind:
        raise TypeError(f"found {data!r}, expected {kind}")
    return data


def _refuse_shape(kind: Any, origin: Any, data: Any) -> None:
    """Raises TypeError where a list or an object is expected and something else is found: a text has items too."""
    shape = list if origin is tuple else dict if origin is dict or is_dataclass(kind) else None
    if shape is not None and type(data) is not shape:
        raise TypeError(f"found {data!r}, expected {kind}")


def _decode_union(args: tuple[Any, ...], data: Any) -> Any:
    if data is None and types.NoneType in args:
        return None
    for one in args:
        if one is type(data):
            return data
    for one in args:
        if one is not types.NoneType:
            try:
                return _decode(one, data)
            except (TypeError, KeyError):
                continue
    raise TypeError(f"found {data!r}, expected one of {args}")


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
