"""The gate's whole rule on builds and processes whose truth is known."""

import dataclasses
import math
from collections.abc import Sequence

import pytest

from lambdabench.analysis.gate_rule import (
    BUILDS,
    EVER,
    INTERIM_COUNTS,
    USUAL_DOF,
    USUAL_SD,
    alone,
    pooled,
    spread,
    wants_build,
    weigh,
)
from lambdabench.analysis.judge import STATS
from lambdabench.core.gate_protocol import Build, Finding, Rules

RULES = Rules()


def build(share: float, finding: Finding | None = None, sd: float = 0.002, wall: float | None = None) -> Build:
    """A build that says `share` slower, with the finding that it would have."""
    name: Finding = "slower" if share > 0.02 else "faster" if share < -0.02 else "same"
    log = math.log1p(share)
    return Build(log=log, sd=sd, finding=finding or name, wall_log=log if wall is None else math.log1p(wall))


def builds(*shares: float) -> list[Build]:
    return [build(share) for share in shares]


def wanted(*processes: Sequence[Build]) -> int:
    return weigh(processes, RULES).wanted


def finding(*processes: Sequence[Build], cases: int = 1) -> Finding:
    ruling = weigh(processes, RULES, cases)
    return ruling.verdict.finding if not ruling.wanted else "unclear"


SLOW = builds(0.05, 0.052, 0.049)
EVEN = builds(0.001, -0.001, 0.002)


def test_same_needs_a_second_build_that_agrees() -> None:
    item, other = builds(0.001), builds(0.001, -0.002)
    assert wants_build([], RULES)
    assert wants_build(item, RULES)
    assert alone(item, RULES).finding == "unclear"
    assert wanted(item) == INTERIM_COUNTS[0], "where it could not be made again, a process says"
    assert not wants_build(other, RULES)
    assert (alone(other, RULES).finding, finding(other)) == ("same", "same")


def test_builds_that_both_say_same_and_are_far_apart_do_not_agree() -> None:
    apart = builds(0.018, -0.015)
    assert [item.finding for item in apart] == ["same", "same"]
    assert wants_build(apart, RULES)
    assert wants_build(builds(0.018, 0.0175), RULES), "their interval is not within what is equal"
    assert not wants_build(builds(0.001, 0.03, 0.0), RULES), "three are all"
    assert alone(builds(0.001, 0.002, 0.004), RULES).finding == "same"
    assert wanted(builds(0.001, 0.03, 0.0)) == INTERIM_COUNTS[0]


def test_noise_that_hid_the_first_builds_answer_would_hide_the_next() -> None:
    noisy = [build(0.01, "unclear", sd=0.02)]
    assert not wants_build(noisy, RULES)
    assert (finding(noisy), wanted(noisy)) == ("unclear", 0)


def test_two_speeds_go_to_fresh_processes_by_themselves() -> None:
    two = builds(0.055, -0.05, 0.055)
    assert not wants_build(two, RULES)
    assert alone(two, RULES).finding == "unclear"
    seen = [two]
    for have, want in zip(INTERIM_COUNTS, (*INTERIM_COUNTS[1:], 0), strict=True):
        speeds = [(-1) ** number for number in range(len(seen), have)]
        seen += [builds(0.055 * speed, 0.053 * speed, 0.054 * speed) for speed in speeds]
        assert weigh(seen[:-1], RULES).wanted == have
        assert wanted(*seen) == want
    assert finding(*seen) == "unclear", "and not what the first process says"
    assert weigh([two], RULES).reason == "it depends on where memory lies: -5.0% to +5.5% in 3 builds of 1 processes"


def test_what_one_process_calls_slower_takes_as_many_as_two_speeds_would_show_themselves_in() -> None:
    assert wanted(SLOW) == INTERIM_COUNTS[0]
    assert wanted(*[SLOW] * INTERIM_COUNTS[0]) == INTERIM_COUNTS[1], "+5 % is what equal code was seen to differ by"
    assert finding(*[SLOW] * INTERIM_COUNTS[1]) == "slower"
    much = builds(0.2, 0.21, 0.2)
    assert EVER < 0.2
    assert finding(*[much] * INTERIM_COUNTS[0]) == "slower", "that it was not"
    assert finding(*[builds(-0.05, -0.052, -0.049)] * INTERIM_COUNTS[1]) == "faster"


def test_what_was_chosen_for_looking_slower_must_look_so_without_it() -> None:
    calm = [builds(0.018, 0.0182, 0.0181)] * (INTERIM_COUNTS[1] - 1)
    ruling = weigh([builds(0.04, 0.04, 0.04), *calm], RULES)
    assert (round(ruling.verdict.ratio, 3), ruling.verdict.finding) == (1.02, "unclear")
    assert 0.04 + 9 * 0.0181 > 10 * 0.02, "over the tolerance with it"
    assert finding(SLOW, *[EVEN] * (INTERIM_COUNTS[1] - 1)) == "same"


def test_all_processes_together_must_be_over_the_tolerance_too() -> None:
    more = [builds(0.0202, 0.0203, 0.0202)] * (INTERIM_COUNTS[1] - 1)
    assert finding(builds(0.0205, 0.0205, 0.0205), *more) == "slower"
    assert finding(builds(0.005, 0.03, 0.005), *more) == "same"


def test_what_stage_one_saw_counts() -> None:
    """Two fresh processes in three are over the tolerance by little: the first one's builds make it sure."""
    weak = [builds(0.028 + 0.012 * (-1) ** number, 0.026, 0.027) for number in range(INTERIM_COUNTS[1] - 1)]
    with_it, without = (
        weigh([builds(0.03, 0.029, 0.03), *weak], RULES),
        weigh([builds(0.021, 0.021, 0.021), *weak], RULES),
    )
    assert with_it.p_value < without.p_value


def test_what_is_slower_only_where_it_was_made_second_is_not() -> None:
    def turned(second: float, first: float) -> list[Build]:
        return [
            dataclasses.replace(build(share), swapped=swapped) for share, swapped in ((second, False), (first, True))
        ]

    assert finding(SLOW, *[turned(0.06, 0.03)] * (INTERIM_COUNTS[1] - 1)) == "slower"
    for second, first in ((0.09, 0.005), (0.005, 0.09)):
        assert finding(SLOW, *[turned(second, first)] * (INTERIM_COUNTS[-1] - 1)) == "unclear"
    assert finding(builds(-0.05, -0.05, -0.05), *[turned(-0.09, -0.005)] * (INTERIM_COUNTS[-1] - 1)) == "unclear"


def test_nothing_is_decided_between_looks() -> None:
    assert finding(*[SLOW] * INTERIM_COUNTS[1]) == "slower"
    assert wanted(*[SLOW] * (INTERIM_COUNTS[1] + 1)) == INTERIM_COUNTS[2]
    assert weigh([SLOW, *[EVEN] * INTERIM_COUNTS[1]], RULES).wanted == INTERIM_COUNTS[2]
    assert finding(*[SLOW] * (INTERIM_COUNTS[-1] + 1)) == "unclear"


def test_the_wall_clock_must_not_contradict() -> None:
    wall = [[build(0.05, wall=-0.01) for _ in range(3)]] * (INTERIM_COUNTS[-1] - 1)
    assert finding(SLOW, *wall) == "unclear"


def test_many_cases_pay_for_each_other() -> None:
    source = [0.02, 0.055, 0.024, 0.05, 0.018, 0.06, 0.022, 0.05, 0.021, 0.045]
    seen = [builds(0.04, 0.041, 0.04), *(builds(value, value, value) for value in source[1:])]
    assert finding(*seen) == "slower"
    assert finding(*seen, cases=10_000) == "unclear"


def test_processes_that_say_nothing_do_not_count() -> None:
    assert wanted(SLOW, *[SLOW] * (INTERIM_COUNTS[0] - 2), []) == INTERIM_COUNTS[0]
    assert finding(SLOW, *[SLOW] * (INTERIM_COUNTS[1] - 1), []) == "slower"
    with pytest.raises(ValueError, match="a process without builds"):
        weigh([[]], RULES)


def test_few_values_that_agree_do_not_look_surer_than_they_are() -> None:
    result = pooled([0.05, 0.05, 0.05], [0.0, 0.0, 0.0])
    assert result.dof == USUAL_DOF + 2
    assert result.error == pytest.approx(math.sqrt(USUAL_DOF / result.dof) * USUAL_SD / math.sqrt(3))
    low, high = result.bounds(0.05)
    margin = float(STATS.t.isf(0.025, result.dof)) * result.error
    assert (low, high) == (pytest.approx(0.05 - margin), pytest.approx(0.05 + margin))
    assert result.p_value(low) == pytest.approx(0.05)


def test_values_apart_widen_it_and_noisy_ones_weigh_little() -> None:
    assert pooled([0.0, 0.1], [1e-6, 1e-6]).error > 5 * pooled([0.05, 0.05], [1e-6, 1e-6]).error
    assert pooled([0.05, 0.05, 0.5], [1e-6, 1e-6, 0.2]).value == pytest.approx(0.05, abs=1e-3)


def test_builds_of_one_process_tell_how_far_builds_are_apart() -> None:
    """Processes whose means agree by chance, of builds that do not."""
    apart = [builds(0.05 + 0.06, 0.05 - 0.06, 0.05) for _ in range(INTERIM_COUNTS[1])]
    assert weigh(apart, RULES).p_value > weigh([SLOW] * INTERIM_COUNTS[1], RULES).p_value
    assert finding(*apart, cases=1000) == "unclear"
    assert finding(*[SLOW] * INTERIM_COUNTS[1], cases=1000) == "slower"


def test_the_first_process_speaks_for_itself_where_it_is_alone() -> None:
    assert alone(SLOW, RULES).finding == "slower"
    assert alone(builds(0.05, 0.05, 0.0), RULES).finding == "unclear"
    assert alone(builds(-0.05, -0.05, -0.05), RULES).finding == "faster"
    assert alone(SLOW, RULES).ratio == pytest.approx(1.0503, abs=1e-4)
    with pytest.raises(ValueError, match="a process without builds"):
        alone([], RULES)
    assert spread([SLOW, []]) == "it depends on where memory lies: +4.9% to +5.2% in 3 builds of 1 processes"
    assert len(SLOW) == BUILDS
