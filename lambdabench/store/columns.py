"""The columns of a results file, read off `Record`, and the cells of a record."""

import dataclasses
import functools
import math
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pyarrow as pa

from ..core import fields
from ..core.identity import canonical
from ..core.record import Record

PREFIXES = {
    "effective": "effective_",
    "environment": "env_",
    "noise": "noise_",
    "case": "",
    "measurement": "",
    "visits": "visit_",
}
LISTS = {tuple[float, ...]: pa.float64(), tuple[int, ...]: pa.int64(), tuple[str, ...]: pa.string()}
FIRST = [
    "schema_version",
    "run_id",
    "started_at",
    "run_order",
    "suite",
    "case_id",
    "fingerprint",
    "replicate",
    *(field.name for field in fields.columns() if field.is_first),
    "status",
    "flags",
    "reason",
    "metric",
    "unit",
    "value",
    "low",
    "high",
    "samples",
    "loops_per_sample",
    "origin",
    "source",
]
"""Order of the columns that every reader knows; the others follow under their prefixes."""
Column = tuple[str, Any, tuple[str, ...]]
"""Name, type, attribute path from the record."""


@functools.cache
def nullable() -> frozenset[str]:
    """The columns that a row of this version may leave empty: what a record has or has not as a whole."""
    hints = get_type_hints(Record)
    return frozenset(name for name, _, path in columns() if _without_none(hints[path[0]]) is not hints[path[0]])


@functools.cache
def schema() -> pa.Schema:
    """The columns of this version."""
    result = {name: _arrow(hint) for name, hint, _ in columns()}
    rest = [name for name in result if name not in FIRST]
    return pa.schema([(name, result[name]) for name in (*FIRST, *rest)])


@functools.cache
def columns() -> tuple[Column, ...]:
    """Every column of a record."""
    result: list[Column] = []
    hints = get_type_hints(Record)
    for field in dataclasses.fields(Record):
        kind = _without_none(hints[field.name])
        if dataclasses.is_dataclass(kind):
            inner = get_type_hints(kind)
            prefix = PREFIXES[field.name]
            result += [
                (prefix + sub.name, inner[sub.name], (field.name, sub.name))
                for sub in dataclasses.fields(kind)
                if sub.metadata.get("stored", True)
            ]
        else:
            result.append((field.name, hints[field.name], (field.name,)))
    return tuple(result)


def cells(record: Record) -> dict[str, Any]:
    """A record's row. A number that is none is null."""
    return {name: _cell(record, path) for name, _, path in columns()}


def _cell(record: Record, path: tuple[str, ...]) -> Any:
    value: Any = record
    for name in path:
        value = None if value is None else getattr(value, name)
    if path in (("case", "options"), ("environment", "versions")):
        return canonical(dict(value))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        kept = [get_argument for get_argument in get_args(hint) if get_argument is not types.NoneType]
        return kept[0] if len(kept) == 1 else hint
    return hint


def _arrow(hint: Any) -> pa.DataType:
    kind = _without_none(hint)
    if kind in LISTS:
        return pa.list_(LISTS[kind])
    if get_origin(kind) is Literal or get_origin(kind) is tuple:
        return pa.string()
    return {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}[kind]
