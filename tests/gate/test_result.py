"""Exit codes, and that each is told with its reason."""

import dataclasses
from typing import get_args

import pytest

from lambdabench.core.gate_protocol import PairOutcome, skipped
from lambdabench.gate.result import COUNTED, DESCRIBED, Line, LineStatus, untimed

from .test_settings import line, result, verdict


def lines(**counts: int) -> tuple[Line, ...]:
    return tuple(
        dataclasses.replace(
            line(status), verdict=None if status in ("failed", "gone", "new", "unmeasured") else verdict(1.0, "same")
        )  # pyright: ignore[reportArgumentType]
        for status, count in counts.items()
        for _ in range(count)
    )


@pytest.mark.parametrize(
    ("counts", "code", "said"),
    [
        ({"same": 3, "faster": 1}, 0, "nothing slower"),
        ({"same": 3, "slower": 1}, 1, "1 slower"),
        ({"same": 4, "unclear": 1}, 0, "nothing slower"),
        ({"same": 3, "unclear": 1}, 3, "1 of 4 unclear: void"),
        ({"same": 1, "unclear": 3, "slower": 1}, 1, "1 slower"),
        ({"same": 3, "failed": 1}, 1, "1 failed or missing on head"),
        ({"same": 3, "gone": 1}, 1, "1 failed or missing on head"),
        ({"same": 3, "new": 1}, 0, "nothing slower"),
        ({"new": 2}, 3, "nothing was compared"),
        ({}, 3, "nothing was compared"),
        ({"same": 3, "unmeasured": 1}, 2, "1 of 4 not compared"),
        ({"same": 3, "unmeasured": 1, "slower": 1}, 1, "1 slower"),
        ({"same": 3, "reported": 1}, 0, "1 slower, reported only"),
    ],
)
def test_exit_codes(counts: dict[str, int], code: int, said: str) -> None:
    outcome = result(lines(**counts))
    assert (outcome.exit_code, outcome.exit_reason[: len(said)]) == (code, said)


def test_a_run_whose_controls_fail_proves_nothing() -> None:
    good = result(lines(same=3, slower=1))
    assert good.controls is not None
    missed = dataclasses.replace(good.controls, canary=verdict(1.1, "unclear"))
    alarmed = dataclasses.replace(good.controls, same=verdict(1.05))
    for controls in (None, missed, alarmed):
        assert dataclasses.replace(good, controls=controls).exit_code == 3


def test_a_side_that_ran_what_is_not_its_own_makes_all_of_a_run_void() -> None:
    pair_outcome = PairOutcome(label="x", trouble="foreign", reason="base ran x from /a, expected it from /b")
    outcome = result((*lines(same=3, slower=1, failed=1), untimed(pair_outcome, (pair_outcome,))))
    name = "a side ran code that is not its own: base ran x from /a, expected it from /b"
    assert (outcome.exit_code, outcome.exit_reason) == (3, name)
    assert outcome.lines[-1].status == "unclear"


def test_what_one_side_alone_skips_is_counted() -> None:
    sides = (("a", "x", "x"), ("b", "x", "y"), ("c", "x", ""), ("d", "", "y"), ("e", "", "y"))
    outcomes = [skipped(name, head=head, base=base) for name, head, base in sides]
    outcome = result((*lines(same=1), *(untimed(pair_outcome, (pair_outcome,)) for pair_outcome in outcomes)))
    assert (outcome.count("skipped"), outcome.skipped_on_one_side) == (5, 3)
    assert [pair_outcome.skipped for pair_outcome in outcomes] == ["both sides", "both sides", "head", "base", "base"]
    assert outcomes[1].reason == "head: x; base: y"


def test_every_status_of_a_line_has_one_description_and_is_counted_once() -> None:
    assert sorted(description.name for description in DESCRIBED) == sorted(get_args(LineStatus)) == sorted(COUNTED)
    assert all(description.meaning.endswith(".") for description in DESCRIBED)
