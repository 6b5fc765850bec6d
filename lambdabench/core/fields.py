"""What a case is, said once: which of its fields part cases, what each is called, and how a value of it reads beside others.

Fronts, ratios, curves, panels, labels, tables and the columns behind a figure read this list: what varies among cases that stand
together is told, and what would compare two programs or two machines is never one front, one curve or one ratio.
"""

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import options as told_options
from .spec import Value

OPTION = "options."


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a case. `parts`: cases that differ in it are other programs, or ran on another machine or for another purpose."""

    name: str
    """A column of the rows; `options.NAME` is one option."""
    title: str
    """Over a column of a table."""
    words: str = "{}"
    """How a value reads in a label."""
    parts: bool = False
    joins: bool = False
    """Whether somebody may ask for one front over it: it says how a network runs, not on what or for what."""
    has_flag: bool = False
    """Whether a flag of `run` says it, and so a command that measures a case again."""
    settled_by: str = ""
    """The field that tells it as well, where it does."""
    is_number: bool = False
    default: Value | None = None
    """Of an option that was not given; None: a network without it has no choice, and stands with every value of the others."""


FIELDS = (
    Field(name="suite", title="suite"),
    Field(name="kind", title="kind", parts=True),
    Field(name="model", title="model"),
    Field(name="model_hash", title="source", words="source {:.6}", settled_by="model"),
    Field(name="image_px", title="px", words="{} px", has_flag=True, is_number=True),
    Field(name="batch_size", title="batch", words="batch {}", has_flag=True, is_number=True),
    Field(name="device_name", title="machine", parts=True),
    Field(name="device", title="device", parts=True, has_flag=True, settled_by="device_name"),
    Field(name="devices", title="devices", words="{} devices", parts=True, has_flag=True, is_number=True),
    Field(name="backend", title="backend", parts=True, joins=True, has_flag=True),
    Field(name="mode", title="mode", parts=True, has_flag=True),
    Field(name="dtype", title="dtype", parts=True, joins=True, has_flag=True),
    Field(name="param_dtype", title="parameters", words="parameters {}", parts=True, joins=True, settled_by="dtype"),
    Field(name="layout", title="layout", parts=True, joins=True, has_flag=True),
    Field(
        name="threads",
        title="threads",
        words="{} threads",
        parts=True,
        joins=True,
        settled_by="device_name",
        is_number=True,
    ),
    Field(name="fingerprint", title="environment", words="env {:.6}", parts=True, settled_by="device_name"),
)
PROGRAMS = (
    Field(name="options.fold", title="fold", words="fold={}", parts=True, joins=True, default=False),
    Field(
        name="options.compile_mode",
        title="compile_mode",
        words="compile_mode={}",
        parts=True,
        joins=True,
        default="default",
    ),
    Field(
        name="options.compile_cache",
        title="compile_cache",
        words="compile_cache={}",
        parts=True,
        joins=True,
        default="off",
    ),
    Field(name="options.kernel", title="kernel", words="kernel={}", parts=True, joins=True),
)
"""Options that make another program of one network. All others make another network, which may stand beside the first."""
PARTING = tuple(one for one in (*FIELDS, *PROGRAMS) if one.parts)
JOINING = tuple(one for one in PARTING if one.joins)
NAMED: Mapping[str, Field] = {one.name: one for one in (*FIELDS, *PROGRAMS)}
PLACES = ("model", "image_px", "batch_size", "suite")
"""Fields that a figure or a table has a place of its own for."""
SETTINGS = tuple(one for one in FIELDS if one.name not in PLACES)


def value(row: Mapping[str, Any], field: Field) -> Any:
    """A row's value of a field, "" where it has none; an option's from the row's options."""
    option = field.name.removeprefix(OPTION)
    found = row.get(field.name) if option == field.name else options(row).get(option, field.default)
    if found is None or found != found:  # NaN is no value
        return ""
    return int(found) if field.is_number else found


def options(row: Mapping[str, Any]) -> Mapping[str, Value]:
    """A row's options, whether as stored text or as a case's pairs."""
    found = row.get("options") or "{}"
    return _parsed(found) if isinstance(found, str) else dict(found)


@functools.lru_cache(maxsize=10_000)
def _parsed(text: str) -> Mapping[str, Value]:
    return json.loads(text)


def word(field: Field, found: Any) -> str:
    """A value as a label has it, "224 px"; "" for none."""
    if found == "":
        return ""
    told = str(found)
    text = field.words.format(told.lower() if told in ("True", "False") else told)
    return text.removesuffix("s") if field.is_number and found == 1 else text


def varying(rows: Sequence[Mapping[str, Any]], among: Iterable[Field] = SETTINGS) -> tuple[Field, ...]:
    """The fields in which rows differ, but those that another one settles."""
    told: list[Field] = []
    for field in among:
        settler = NAMED.get(field.settled_by)
        pairs = {(value(row, settler) if settler else "", value(row, field)) for row in rows}
        if len(pairs) > len({first for first, _ in pairs}):
            told.append(field)
    return tuple(told)


def phrase(row: Mapping[str, Any], among: Iterable[Field]) -> str:
    """A row's words of some fields, "bfloat16, 2 threads"."""
    return ", ".join(text for field in among if (text := word(field, value(row, field))))


def labels(rows: Sequence[Mapping[str, Any]], among: Iterable[Field] = SETTINGS) -> list[str]:
    """What tells each row from the others, its model aside; see `teller`."""
    tell = teller(rows, among)
    return [tell(row) for row in rows]


def teller(
    rows: Sequence[Mapping[str, Any]], among: Iterable[Field] = SETTINGS, of_model: Iterable[Field] = ()
) -> Callable[[Mapping[str, Any]], str]:
    """What tells a row from others of `rows`, its model aside: the fields of `among` in which these differ, and, as far as rows of its
    model differ in them, those of `of_model` and its options; "" for nothing."""
    told = varying(rows, among)
    models: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        models.setdefault(str(row["model"]), []).append(row)
    more = {model: varying(same, of_model) for model, same in models.items()}
    keys = {model: told_options.differing([(model, options(row)) for row in same]) for model, same in models.items()}

    def tell(row: Mapping[str, Any]) -> str:
        model = str(row["model"])
        spelled = told_options.phrase(options(row), keys.get(model, ()))
        return ", ".join(filter(None, (phrase(row, (*told, *more.get(model, ()))), spelled)))

    return tell
