"""What tells cases apart is told; what another field settles, or all have alike, is not."""

from typing import Any

import pytest

from lambdabench.core import fields

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
    ("other", "names"),
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
def test_what_varies_is_told_and_what_follows_from_it_is_not(other: dict[str, Any], names: list[str]) -> None:
    assert fields.labels([CASE, CASE | other]) == names


def test_an_option_not_given_is_its_default_and_of_a_kernel_none() -> None:
    fold, kernel = fields.NAMED["options.fold"], fields.NAMED["options.kernel"]
    assert [fields.value(CASE | {"options": text}, fold) for text in ("{}", '{"fold":true}')] == [False, True]
    assert fields.value(CASE, kernel) == ""
    assert fields.phrase(CASE | {"options": (("fold", True),)}, [fold, kernel]) == "fold=true"


def test_columns_stand_in_the_order_of_a_case_with_what_was_asked_beside_what_ran() -> None:
    assert [field.name for field in fields.columns()] == [
        "kind", "model", "model_hash", "weights", "backend", "device", "devices", "mode", "batch_size", "requested_batch_size",
        "image_px", "dtype", "param_dtype", "layout", "threads", "options", "device_name",
    ]  # fmt: skip


def test_what_is_compared_is_one_program_on_one_machine_at_one_batch() -> None:
    """The size of images and the network itself may differ: their ratio is what is asked for."""
    assert {field.name for field in fields.OF_CASE} - {field.name for field in fields.COMPARED} == {
        "model", "model_hash", "image_px", "options",
    }  # fmt: skip


def test_usual_values_need_no_word_but_where_they_are_told_anyway() -> None:
    usual = {"devices": 1, "backend": "torch_eager", "mode": "inference", "dtype": "float32", "layout": "contiguous"}
    assert fields.quiet() == usual
    assert fields.quiet("mode", "dtype") == {"devices": 1, "backend": "torch_eager", "layout": "contiguous"}


def test_nothing_is_told_of_nothing() -> None:
    assert fields.labels([]) == []
    assert fields.labels([CASE]) == [""]
