"""What is said of cases, and the exit code of the whole."""

import pytest

from lambdabench.core.pairing import PairOutcome
from lambdabench.gate import verdicts
from lambdabench.gate.verdicts import Controls, Verdict


def outcome(change: float, status: str = "ok", reason: str = "", spread: float = 0.002) -> PairOutcome:
    logs = tuple(change + spread * ((index * 37) % 11 - 5) / 5 for index in range(60))
    return PairOutcome(name="a", status=status, reason=reason, logs=logs, walls=logs, clock="thread")  # pyright: ignore[reportArgumentType]


def named(*findings: str) -> list[Verdict]:
    return [Verdict(name=str(index), finding=one, p_value=1e-9) for index, one in enumerate(findings)]  # pyright: ignore[reportArgumentType]


GOOD = Controls(same=named("same")[0], canary=named("slower")[0])


@pytest.mark.parametrize(
    ("change", "finding"), [(0.0, "same"), (0.06, "slower"), (-0.06, "faster"), (0.015, "same"), (0.021, "slower")]
)
def test_one_process(change: float, finding: str) -> None:
    assert verdicts.first_verdict(outcome(change)).finding == finding


def test_numbers_that_do_not_speak_of_the_code_are_unclear() -> None:
    assert verdicts.first_verdict(outcome(0.06, reason="page faults a round: base 0, head 900")).finding == "unclear"
    assert verdicts.first_verdict(outcome(0.0, status="base_failed", reason="x")).finding == "unclear"


def test_a_slower_case_is_confirmed_by_every_process_or_unclear() -> None:
    first = verdicts.first_verdict(outcome(0.06))
    kept = verdicts.confirm(first, [outcome(0.059), outcome(0.061)])
    assert (kept.finding, kept.reason) == ("slower", "3/3 processes")
    assert verdicts.settle([kept])[0].finding == "slower"
    gone = verdicts.confirm(first, [outcome(0.06), outcome(0.0)])
    assert (gone.finding, gone.reason) == ("unclear", "not confirmed: slower in 2/3 processes")
    assert verdicts.confirm(first, [outcome(0.06), outcome(0.06, status="failed")]).finding == "unclear"


def test_chance_among_many_cases_is_no_slowdown() -> None:
    weak = Verdict(name="w", finding="slower", p_value=0.004)
    assert verdicts.settle([weak])[0].finding == "slower"
    assert verdicts.settle([weak, *named(*["same"] * 49)])[0].finding == "unclear"


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        (("same", "faster", "new"), 0),
        (("same", "slower"), 1),
        (("same", "failed"), 1),
        (("same", "different"), 1),
        (("same",) * 4 + ("unclear",), 0),
        (("same",) * 3 + ("unclear",), 3),
        (("new",), 3),
        ((), 3),
    ],
)
def test_exit_codes(findings: tuple[str, ...], code: int) -> None:
    assert verdicts.exit_code(named(*findings), GOOD) == code


@pytest.mark.parametrize(
    ("same", "canary"), [("slower", "slower"), ("faster", "slower"), ("same", "same"), ("same", "unclear")]
)
def test_without_controls_that_hold_nothing_is_said(same: str, canary: str) -> None:
    controls = Controls(same=named(same)[0], canary=named(canary)[0])
    assert verdicts.exit_code(named("same"), controls) == 3
    assert verdicts.exit_code(named("failed"), controls) == 1
