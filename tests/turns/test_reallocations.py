"""Builds of one process: as many as the rule wants, a fixed time divided among them, and one comparison of them all."""

import math

import pytest

from lambdabench.analysis.gate_rule import BUILDS
from lambdabench.core.gate_protocol import Build, Compared, Finding, Rules, Terms, Verdict
from lambdabench.core.record import Noise
from lambdabench.turns.reallocations import compare_builds, joined

RULES = Rules()


def compared(ratio: float) -> Compared:
    finding: Finding = "slower" if ratio > 1.02 else "same"
    log = math.log(ratio)
    return Compared(
        verdict=Verdict(ratio=ratio, low=ratio - 0.01, high=ratio + 0.01, tolerance=0.02, finding=finding),
        reason="",
        wall_ratio=ratio,
        clock="thread CPU",
        rounds=24,
        calls=1,
        seconds=0.5,
        builds=(Build(log=log, sd=0.001, finding=finding, wall_log=log),),
        base_s=0.01,
        head_s=0.01 * ratio,
        base_faults=0.0,
        head_faults=0.0,
        noise=Noise(),
    )


def run(*ratios: float | None, **terms: float) -> tuple[Compared, list[Terms]]:
    """What builds of these ratios come to (None: it cannot be made again), and the terms of each."""
    seen: list[Terms] = []

    def measure(number: int, asked: Terms) -> Compared | None:
        assert number == len(seen)
        seen.append(asked)
        ratio = ratios[number]
        return None if ratio is None else compared(ratio)

    return compare_builds(measure, Terms(rules=RULES, seed=7, **terms)), seen  # pyright: ignore[reportArgumentType]


def test_same_takes_two_builds_and_what_looks_slower_all() -> None:
    same, asked = run(1.0, 1.001)
    assert (same.verdict.finding, len(asked), same.rounds, same.seconds) == ("same", 2, 48, 1.0)
    slow, asked = run(1.05, 1.051, 1.049)
    assert (slow.verdict.finding, len(asked)) == ("slower", BUILDS)
    assert len({terms.seed for terms in asked}) == BUILDS
    assert [round(math.exp(build.log), 3) for build in slow.builds] == [1.05, 1.051, 1.049]
    assert slow.wall_ratio == pytest.approx(1.05, abs=1e-4)


def test_builds_that_disagree_are_unclear_and_say_so() -> None:
    result, _ = run(1.055, 0.95, 1.05)
    assert result.verdict.finding == "unclear"
    assert result.reason == "it depends on where memory lies: -5.0% to +5.5% in 3 builds of 1 processes"


def test_a_fixed_time_is_divided_among_all_builds() -> None:
    _, asked = run(1.0, 1.0, 1.0, fixed_s=1.5)
    assert [terms.fixed_s for terms in asked] == [0.5] * BUILDS


def test_what_cannot_be_made_again_was_made_once() -> None:
    result, asked = run(1.0, None)
    assert (len(asked), len(result.builds)) == (2, 1)


def test_one_build_stays_as_it_is() -> None:
    item = compared(1.05)
    assert joined([item], RULES) is item
