"""The rules by which a claim is judged: their order, their edges, and how often they err on simulated measurements."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lambdabench.analysis.claim_rules import (
    SAME,
    SHARE,
    Limits,
    finding,
    planned,
    processes_lacking,
    widest,
)
from lambdabench.facts.claims import claims

ANY = Limits(widest=math.inf, power=0.11)
OURS = Limits(widest=claims().widest, power=claims().power)


def judged(quoted: float, low: float, high: float, **changes: object) -> str:
    return finding(quoted, (low, high), **({"rule": "faster", "limits": ANY} | changes))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.80, 0.95, "contradicted"),
        (2.70, 3.10, "replicated"),
        (2.54, 9.99, "replicated"),
        (2.50, 4.00, "partly"),
        (0.90, 2.50, "not replicated"),
        (0.90, 2.60, "unclear"),
        (1.00, 2.60, "unclear"),
    ],
)
def test_the_rules_in_their_order(low: float, high: float, expected: str) -> None:
    """3.2 ** 0.8 = 2.536."""
    assert judged(3.2, low, high) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.92, 1.09, "replicated"),
        (0.90, 1.02, "unclear"),
        (1.05, 1.15, "unclear"),
        (1.11, 1.2, "contradicted"),
        (0.7, 0.9, "contradicted"),
    ],
)
@pytest.mark.parametrize(("quoted", "rule"), [(1.0, "faster"), (1.05, "equal"), (1.0, "equal")])
def test_claims_of_equality(low: float, high: float, expected: str, quoted: float, rule: str) -> None:
    assert judged(quoted, low, high, rule=rule) == expected


def test_a_small_ratio_is_never_replicated_by_a_reversal() -> None:
    """0.8 x 1.21 is 0.97: an interval around that would pass a rule of four fifths."""
    assert judged(1.21, 0.97, 0.99) == "contradicted"
    assert judged(1.21, 0.97, 1.30) == "unclear"


def test_what_is_too_wide_tells_nothing_whatever_its_middle() -> None:
    assert judged(1.6, 0.2, 0.3, limits=OURS) == "unclear"
    assert judged(1.6, 0.28, 0.30, limits=OURS) == "contradicted"


@pytest.mark.parametrize(
    ("quoted", "half", "tells"), [(9.5, 0.24, True), (9.5, 0.26, False), (1.2, 0.099, True), (1.2, 0.101, False)]
)
def test_a_large_ratio_takes_no_more_precision_than_was_planned(quoted: float, half: float, tells: bool) -> None:
    """0.11 ln 9.5 = 0.248; of 1.2 a tenth is enough, although 0.02 was planned."""
    verdict = judged(quoted, 0.5 * math.exp(-half), 0.5 * math.exp(half), limits=OURS)
    assert verdict == ("contradicted" if tells else "unclear")


def test_quoted_accuracy_caps_at_speed() -> None:
    assert judged(3.2, 3.0, 3.1, is_at_accuracy=True) == "speed replicated"
    assert judged(3.2, 1.5, 1.6, is_at_accuracy=True) == "partly"


@pytest.mark.parametrize("interval", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_what_is_no_interval_is_refused(interval: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected 0 < low <= high"):
        judged(3.2, *interval)


def rates(truth: float, quoted: float, half: float = 0.10, draws: int = 4000) -> dict[str, float]:
    """How often each finding is made where the truth is known and intervals have a half width of 10 %."""
    random = np.random.default_rng(0)
    middles = math.log(truth) + half / 1.959964 * random.standard_normal(draws)
    verdicts = [judged(quoted, math.exp(middle - half), math.exp(middle + half)) for middle in middles]
    return {name: verdicts.count(name) / draws for name in set(verdicts)}


@pytest.mark.parametrize("quoted", [1.6, 2.0, 3.2, 9.5])
def test_two_equally_fast_networks_are_never_called_a_replication(quoted: float) -> None:
    """4,000 measurements for each claimed ratio: none of 16,000, and "partly" in 2.5 %."""
    shares = rates(1.0, quoted)
    assert shares.get("replicated", 0) == 0
    assert shares["partly"] == pytest.approx(0.025, abs=0.008)
    assert shares["contradicted"] == pytest.approx(0.025, abs=0.008)


@pytest.mark.parametrize(("quoted", "expected", "within"), [(1.6, 0.47, 0.03), (3.2, 0.996, 0.004), (4.4, 1.0, 0.001)])
def test_a_true_claim_is_replicated_as_often_as_was_planned(quoted: float, expected: float, within: float) -> None:
    assert rates(quoted, quoted)["replicated"] == pytest.approx(expected, abs=within)


@pytest.mark.parametrize("quoted", [1.6, 2.0, 3.2])
def test_the_planned_half_width_gives_95_percent(quoted: float) -> None:
    """5 % at 1.6, 8 % at 2, 14 % at 3.2 as a factor's."""
    half = planned(quoted, rule="faster", power=claims().power)
    assert half == pytest.approx({1.6: 0.0517, 2.0: 0.0762, 3.2: 0.128}[quoted], abs=1e-3)
    assert rates(quoted, quoted, half)["replicated"] >= 0.94


def lacking(quoted: float, middle: float, half: float, processes: int = 3, rule: str = "faster") -> int:
    ends = middle * math.exp(-half), middle * math.exp(half)
    return processes_lacking(quoted, ends, processes, rule=rule, limits=OURS)  # pyright: ignore[reportArgumentType]


def test_processes_that_are_lacking() -> None:
    assert lacking(1.21, 0.09, 0.30) == 24, "far below: a tenth tells, which 27 have"
    assert lacking(1.21, 0.09, 0.09) == 0, "it has its verdict"
    assert lacking(3.2, 1.0, 0.20, 6) == 9, "0.128, as it was planned, beside 6 that have 0.20"
    assert lacking(3.2, 1.0, 0.20, 0) == 0, "nothing to tell it from"


def test_on_the_edge_of_a_verdict_what_was_planned_is_enough() -> None:
    """Of equality: a ratio of exactly 1.1 would never have one."""
    assert lacking(1.0, math.exp(SAME), 0.09, rule="equal") == math.ceil(3 * (0.09 / (SAME / 2)) ** 2) - 3


@given(some.floats(0.1, 10), some.floats(0.01, 0.5), some.floats(1.0, 10), some.integers(2, 20))
def test_so_many_more_processes_give_a_verdict_or_what_was_planned(
    middle: float, half: float, quoted: float, processes: int
) -> None:
    more = lacking(quoted, middle, half, processes)
    if more:
        narrow = half * math.sqrt(processes / (processes + more)) * (1 - 1e-9)
        verdict = judged(quoted, middle * math.exp(-narrow), middle * math.exp(narrow), limits=OURS)
        assert verdict != "unclear" or narrow <= planned(quoted, rule="faster", power=OURS.power)
        assert narrow < widest(quoted, rule="faster", limits=OURS)


@given(some.floats(0.1, 10), some.floats(0, 0.5), some.floats(1.06, 10), some.floats(1.0, 3.0))
def test_a_faster_ratio_is_never_a_worse_finding(middle: float, half: float, quoted: float, factor: float) -> None:
    order = ["contradicted", "not replicated", "unclear", "partly", "replicated"]
    low, high = middle * math.exp(-half), middle * math.exp(half)
    before, after = judged(quoted, low, high), judged(quoted, low * factor, high * factor)
    assert order.index(after) >= order.index(before)


def test_the_file_says_the_rules_that_are_followed() -> None:
    rules = claims().rules
    assert rules["replicated"] == f"low > 1 and low >= quoted ** {SHARE}"
    assert rules["not_replicated"] == f"high < quoted ** {SHARE}"
    assert f"[1/{math.exp(SAME):.1f}, {math.exp(SAME):.1f}]" in rules["equal"]
    assert list(rules)[:4] == ["contradicted", "replicated", "partly", "not_replicated"]
