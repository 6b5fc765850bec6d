"""Verdicts on ratios whose truth is known: rates of error by simulation, symmetries by hypothesis."""

import math
import random
import statistics
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdabench.analysis.judge import (
    MOST_ROUNDS,
    STATS,
    centre,
    following,
    holm,
    judge,
    judge_processes,
    processes_p,
    spend,
)
from lambdabench.core.gate_protocol import Rules

LOGS = st.lists(st.floats(-0.5, 0.5, allow_nan=False), min_size=12, max_size=60)
RULES = Rules()
NOISE = 0.05
"""Of a round's log ratio: what two shared cores have."""


def sequential(shift: float, seed: int, most: int = 2000) -> str:
    """The finding of one run of analyses on rounds with a heavy tail and a known shift."""
    source = random.Random(seed)
    logs: list[float] = []
    analysis, due = 1, RULES.first_analysis
    while due <= most:
        while len(logs) < due:
            wild = 4.0 if source.random() < 0.1 else 1.0
            logs.append(math.log1p(shift) + source.gauss(0, wild * NOISE))
        verdict = judge(logs, RULES, analysis)
        if verdict.finding != "unclear":
            return verdict.finding
        analysis, due = analysis + 1, following(due, RULES)
    return "unclear"


@given(LOGS, st.floats(-0.2, 0.2))
def test_a_shift_of_all_rounds_shifts_centre_and_interval(logs: list[float], shift: float) -> None:
    (before,), (after,) = centre(logs, 0.05), centre([log + shift for log in logs], 0.05)
    for name in ("value", "low", "high"):
        assert getattr(after, name) == pytest.approx(getattr(before, name) + shift, abs=1e-9)


@given(LOGS)
def test_sides_are_treated_alike(logs: list[float]) -> None:
    (item,), (other,) = centre(logs, 0.01), centre([-log for log in logs], 0.01)
    assert (other.value, other.low, other.high) == pytest.approx((-item.value, -item.high, -item.low), abs=1e-12)
    mirrored = {"slower": "faster", "faster": "slower"}
    rules = Rules(tolerance=1e-9)  # bounds of logs are symmetric only where they are small
    finding, back = judge(logs, rules).finding, judge([-log for log in logs], rules).finding
    assert back == mirrored.get(finding, finding)


@given(LOGS, st.floats(0.001, 0.2))
def test_a_stricter_level_gives_a_wider_interval(logs: list[float], level: float) -> None:
    wide, narrow = centre(logs, level / 2, level)
    assert wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high


def test_the_centre_is_the_median_of_pairwise_averages() -> None:
    logs = [0.0, 0.1, 0.5]
    pairs = [(a + b) / 2 for n, a in enumerate(logs) for b in logs[n:]]
    assert centre(logs, 0.05)[0].value == pytest.approx(statistics.median(pairs))


def test_looks_spend_no_more_than_there_is() -> None:
    assert sum(spend(0.01, analysis) for analysis in range(1, 10_000)) < 0.01


def test_equal_code_is_hardly_ever_told_apart_and_slower_code_is_found() -> None:
    same = Counter(sequential(0.0, seed) for seed in range(200))
    assert same["slower"] + same["faster"] == 0
    assert same["same"] >= 195
    for shift, least in ((0.03, 0.9), (0.05, 0.99), (0.10, 1.0)):
        counter = Counter(sequential(shift, seed) for seed in range(60))
        assert counter["slower"] >= least * 60, (shift, counter)
        assert counter["faster"] == 0


def test_a_difference_that_is_never_worth_a_red_build_is_not_called_slower() -> None:
    assert Counter(sequential(0.01, seed) for seed in range(60))["slower"] == 0


def by_definition(p_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Holm's adjusted p-values, written out."""
    order = sorted(range(len(p_values)), key=lambda number: p_values[number])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for place, item in enumerate(order):
        worst = max(worst, (len(p_values) - place) * p_values[item])
        adjusted[item] = worst
    return tuple(value <= alpha for value in adjusted)


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0.001, 0.2))
def test_holm_is_by_its_definition(p_values: list[float], alpha: float) -> None:
    flags, wanted = holm(p_values, alpha), by_definition(p_values, alpha)
    close = any(math.isclose(n * p, alpha, rel_tol=1e-9) for p in p_values for n in range(1, len(p_values) + 1))
    assert flags == wanted or close


def signed_rank_tail(count: int, most: int) -> float:
    """Probability that the signed-rank statistic of `count` values is at most `most`: subsets of 1 to n by their sum."""
    ways = [1] + [0] * (count * (count + 1) // 2)
    for rank in range(1, count + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    return sum(ways[: most + 1]) / 2**count


@pytest.mark.parametrize("count", [12, 20, 40, 80])
@pytest.mark.parametrize("level", [0.1, 0.05, 0.01])
def test_bounds_are_those_of_the_exact_signed_rank_distribution(count: int, level: float) -> None:
    source = random.Random(count)
    logs = [source.gauss(0, 1) for _ in range(count)]
    averages = sorted((a + b) / 2 for n, a in enumerate(logs) for b in logs[n:])
    (result,) = centre(logs, level)
    below = averages.index(result.low)
    assert signed_rank_tail(count, below) <= level / 2 * 1.05, "covers what it says"
    assert signed_rank_tail(count, below + 3) > level / 2 * 0.95, "and hardly more"
    assert result.high == averages[-1 - below]


def test_the_interval_covers_the_centre_as_often_as_it_says() -> None:
    source = random.Random(7)
    hits = 0
    for _ in range(1500):
        (result,) = centre([source.gauss(0, 1) for _ in range(15)], 0.1)
        hits += result.low <= 0 <= result.high
    assert 0.885 <= hits / 1500 <= 0.925


def test_fresh_processes_are_judged_by_their_median_and_their_t_interval() -> None:
    centres = [0.0185, 0.0190, 0.0215, 0.0220, 0.0225]
    verdict = judge_processes(centres, RULES, 0.9)
    margin = float(STATS.t.ppf(0.95, 4)) * statistics.stdev(centres) / math.sqrt(5)
    mean = statistics.mean(centres)
    assert (math.log(verdict.ratio), math.log(verdict.low), math.log(verdict.high)) == pytest.approx(
        (mean, mean - margin, mean + margin)
    )
    assert verdict.finding == "slower", "the median is over the tolerance"
    assert judge_processes([-value for value in centres], RULES, 0.9).finding == "faster"
    assert judge_processes([0.0185, 0.0190, 0.0195, 0.0220, 0.0225], RULES, 0.9).finding == "same", "+2.5 % is"
    assert judge_processes([0.05] * 3, RULES, 0.9).finding == "slower", "scripted times"
    assert judge_processes([0.05] * 2, RULES, 0.9).finding == "unclear"


def test_p_values_of_processes_are_one_sided_and_of_more_than_is_negligible() -> None:
    centres = [0.0185, 0.0190, 0.0215, 0.0220, 0.0225]
    t = (statistics.mean(centres) - math.log1p(RULES.negligible)) / (statistics.stdev(centres) / math.sqrt(5))
    assert processes_p(centres, RULES) == pytest.approx(float(STATS.t.sf(t, 4)))
    assert processes_p([-value for value in centres], RULES) > 0.99
    assert (processes_p([0.05] * 3, RULES), processes_p([0.005] * 3, RULES), processes_p([], RULES)) == (0.0, 1.0, 1.0)


def test_neighbours_are_averaged_where_there_are_too_many_rounds() -> None:
    source = random.Random(9)
    logs = [source.gauss(0, 1) for _ in range(2 * MOST_ROUNDS - 1)]
    pairs = [(value + other) / 2 for value, other in zip(logs[::2], logs[1::2], strict=False)]
    long, short = centre(logs, 0.05)[0], centre(pairs, 0.05)[0]
    assert (long.value, long.low, long.high) == pytest.approx((short.value, short.low, short.high))
    assert len(pairs) == MOST_ROUNDS - 1, "the last one has no neighbour"
    with pytest.raises(ValueError, match="the centre of no values"):
        centre([], 0.05)
