"""What tells cases apart is told; what another field settles, or all have alike, is not."""

from dataclasses import fields as fields_of
from typing import Any

import pytest

from lambdabench.core import fields
from lambdabench.core.spec import Case

CASE: dict[str, Any] = {
    "model": "a",
    "kind": "model",
    "device_name": "a cpu",
    "device": "cpu",
    "devices": 1,
    "backend": "torch_eager",
    "mode": "inference",
    "dtype": "float32",
    "param_dtype": "float32",
    "layout": "contiguous",
    "threads": 2.0,
    "fingerprint": "f00d5eed1234",
    "options": "{}",
}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"backend": "torch_compile"}, ["torch_eager", "torch_compile"]),
        ({"threads": 1}, ["2 threads", "1 thread"]),
        ({"fingerprint": "beef00000000"}, ["env f00d5e", "env beef00"]),
        ({"device_name": "a gpu", "device": "cuda:0", "fingerprint": "beef00000000"}, ["a cpu", "a gpu"]),
        ({"device": "cuda:1"}, ["cpu", "cuda:1"]),
        ({"dtype": "bfloat16", "param_dtype": "bfloat16"}, ["float32", "bfloat16"]),
        ({"param_dtype": "bfloat16"}, ["parameters float32", "parameters bfloat16"]),
        ({"options": '{"fold":true,"scope":7}'}, ["", "fold=true scope=7"]),
        ({"model_hash": "abcdef123456"}, ["", "source abcdef"]),
        ({"model": "b", "model_hash": "abcdef123456"}, ["", ""]),
        ({"image_px": 320, "suite": "other"}, ["", ""]),
    ],
)
def test_what_varies_is_told_and_what_follows_from_it_is_not(other: dict[str, Any], told: list[str]) -> None:
    assert fields.labels([CASE, CASE | other]) == told


def test_an_option_not_given_is_its_default_and_of_a_kernel_none() -> None:
    fold, kernel = fields.NAMED["options.fold"], fields.NAMED["options.kernel"]
    assert [fields.value(CASE | {"options": text}, fold) for text in ("{}", '{"fold":true}')] == [False, True]
    assert fields.value(CASE, kernel) == ""
    assert fields.phrase(CASE | {"options": (("fold", True),)}, [fold, kernel]) == "fold=true"


def test_every_field_of_a_case_is_described() -> None:
    """A new field of a case is told where it varies, and somebody has decided whether it parts fronts."""
    told = {one.name for one in fields.FIELDS}
    missing = {one.name for one in fields_of(Case)} - {"options"} - told
    assert not missing, f"core/fields.py says nothing of {missing}"


def test_nothing_is_told_of_nothing() -> None:
    assert fields.labels([]) == []
    assert fields.labels([CASE]) == [""]
