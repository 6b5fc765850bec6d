"""Each field of a case is described once, and what must be written out elsewhere (a signature, a file's keys) agrees with that."""

import ast
import dataclasses
import inspect
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import ValidationError

import lambdabench
from lambdabench.cli import app
from lambdabench.core import fields, registry
from lambdabench.core.fields import Field
from lambdabench.core.identity import ID_DEFAULTS
from lambdabench.core.record import Record
from lambdabench.core.spec import Case
from lambdabench.store.columns import FIRST, schema
from lambdabench.suite import Axes
from lambdabench.suite.overrides import Overrides
from lambdabench.suite.parse_overrides import KNOWN, overrides_of

PACKAGE = Path(lambdabench.__file__).parent
DESCRIBED = (*fields.FIELDS, fields.OPTIONS, fields.WEIGHTS, fields.ASKED_BATCH)
FLAGGED = [field for field in fields.OF_CASE if field.flag]
FIRST_SINCE_EVER = [
    "schema_version", "run_id", "started_at", "run_order", "suite", "case_id", "fingerprint", "replicate", "kind", "model", "weights",
    "backend", "device", "devices", "mode", "batch_size", "requested_batch_size", "image_px", "dtype", "param_dtype", "layout",
    "threads", "options", "device_name", "status", "flags", "reason", "metric", "unit", "value", "low", "high", "samples",
    "loops_per_sample", "origin", "source",
]  # fmt: skip
ID_DEFAULTS_SINCE_EVER = {
    "kind": "model", "backend": "torch_eager", "devices": 1, "mode": "inference", "dtype": "float32", "param_dtype": "float32",
    "layout": "contiguous", "options": {}, "model_hash": "",
}  # fmt: skip


def test_every_field_of_a_case_has_one_description() -> None:
    names = [field.name for field in DESCRIBED]
    assert sorted(set(names)) == sorted(names)
    assert {field.name for field in dataclasses.fields(Case)} <= set(names)


def test_what_is_described_is_in_every_row() -> None:
    assert {field.name for field in DESCRIBED} <= set(schema().names)
    assert {field.name for field in DESCRIBED} <= {
        field.name for field in (*dataclasses.fields(Record), *dataclasses.fields(Case))
    }


@pytest.mark.parametrize("field", DESCRIBED, ids=lambda field: field.name)
def test_a_description_holds_together(field: Field) -> None:
    assert field.title
    assert field.words.format("abcdef0123")
    assert field.settled_by in ("", *(field.name for field in fields.FIELDS))
    assert not field.joins or field.parts, "what fronts are never apart by needs no joining"
    assert not field.repeats or field.flag, "a command repeats what has a flag"
    assert not field.flag or field.help, "a flag has a help text"
    assert not field.choices or fields.USUAL[field.name] in field.choices
    if field.is_quiet:
        assert fields.USUAL[field.name] is not None, "a value that goes without saying is one"


def test_the_first_columns_stay_what_they_are() -> None:
    """Files of all versions have these; what comes later follows them."""
    assert FIRST == FIRST_SINCE_EVER


def test_no_entry_of_the_identity_is_edited() -> None:
    assert {name: ID_DEFAULTS[name] for name in ID_DEFAULTS_SINCE_EVER} == ID_DEFAULTS_SINCE_EVER


def test_run_has_the_flags_that_are_described_with_their_texts() -> None:
    hints = get_type_hints(app.run, include_extras=True)
    has = set(inspect.signature(app.run).parameters)
    assert has & {field.name for field in fields.OF_CASE} == {field.name for field in FLAGGED}
    for field in FLAGGED:
        kind, option = get_args(hints[field.name])
        assert option.help == field.help
        assert kind == (int | None if field.name == "threads" else str | None)


def test_a_suite_file_has_a_key_for_every_field_that_a_person_chooses() -> None:
    assert set(Axes.model_fields) - {"fit"} == {field.name for field in fields.OF_CASE} - {"model_hash"}


@pytest.mark.parametrize("field", [field for field in fields.OF_CASE if field.choices], ids=lambda field: field.name)
def test_a_suite_file_takes_the_described_values_alone(field: Field) -> None:
    for value in field.choices:
        assert getattr(Axes.model_validate({field.name: value}), field.name) in (value, [value])
    with pytest.raises(ValidationError):
        Axes.model_validate({field.name: "another"})


def test_every_flag_is_read_as_its_field_has_it() -> None:
    given: dict[str, Any] = {
        field.name: field.choices[-1] if field.choices else "2" if field.is_number else "x" for field in FLAGGED
    }
    axes = overrides_of(given).axes
    assert axes == {
        field.name: (2 if field.is_number else given[field.name],) for field in fields.RUNNING if field.flag
    }
    assert overrides_of({}) == Overrides()
    assert {field.name for field in FLAGGED} <= set(KNOWN)


def test_several_values_are_taken_where_the_description_says_so() -> None:
    for field in (field for field in fields.RUNNING if field.flag and not field.is_number):
        given = ",".join(field.choices[:2]) if field.choices else "a,b"
        assert len(overrides_of({field.name: given}).axes[field.name]) == (2 if field.takes_many else 1)


@pytest.mark.parametrize("backend", registry.names("backends"))
def test_a_backends_options_part_programs_with_the_defaults_that_it_has(backend: str) -> None:
    for option, default in registry.load("backends", backend).OPTIONS.items():
        described = fields.NAMED[f"{fields.OPTION}{option}"]
        assert described in fields.PROGRAMS
        assert described.default == default


def test_no_other_module_lists_the_fields() -> None:
    """A field of a case that is like most (told, parting, of a flag) is named as a text where it is described, and nowhere else but
    where `run` takes its flag's."""
    named = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value == "layout"
    }
    assert named == {"cli/run_command.py", "core/fields.py"}
