"""Verdicts of `prove`: a factor of two, either way, and what the exit code makes of them."""

import math

import pytest

from lambdabench.prove.verdicts import at_most, equal, exit_code, near, unasked

TOLD = {"unit": "s", "basis": "a test"}


@pytest.mark.parametrize(
    ("predicted", "found", "verdict"),
    [
        (1.0, 1.9, "as predicted"),
        (1.0, 0.51, "as predicted"),
        (1.0, 2.0, "off"),
        (1.0, 0.5, "off"),
        (1.0, 0.0, "off"),
        (None, 3.0, "no prediction"),
    ],
)
def test_a_prediction_is_off_by_two_either_way(predicted: float | None, found: float, verdict: str) -> None:
    assert near("t", "q", predicted=predicted, found=found, **TOLD).verdict == verdict


def test_a_limit_is_kept_or_not_and_no_number_keeps_none() -> None:
    assert at_most("t", "q", limit=1e-5, found=1e-5, **TOLD).verdict == "as predicted"
    assert at_most("t", "q", limit=1e-5, found=2e-5, **TOLD).verdict == "off"
    assert at_most("t", "q", limit=1e-5, found=math.nan, **TOLD).verdict == "off"


def test_exit_codes_put_what_is_off_before_what_was_not_asked() -> None:
    right = equal("t", "q", predicted="oom", found="oom", basis="")
    wrong = equal("t", "q", predicted="oom", found="ok", basis="")
    open_ = unasked("t", "q", "nobody here")
    none = near("t", "q", predicted=None, found=1.0, **TOLD)
    assert exit_code([right, none]) == 0
    assert exit_code([right, open_]) == 3
    assert exit_code([right, open_, wrong]) == 1
