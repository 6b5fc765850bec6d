"""A tail is bounded where enough calls prove it, and its bounds hold as often as they say."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lambdabench.analysis import rounds
from lambdabench.analysis.tails import effective_sample_size, over, tail, tails, unseen
from lambdabench.analysis.visits import Visit, fit
from lambdabench.core.quantiles import fewest_calls, share_of

Visits = list[np.ndarray]
RUNS = 200
SD = 0.03
"""Of the logarithm of a call's time."""


@pytest.mark.parametrize(("name", "fewest"), [("p50", 5), ("p90", 29), ("p95", 59), ("p99", 299), ("p99.9", 2995)])
def test_an_upper_bound_takes_59_calls_for_p95_and_299_for_p99(name: str, fewest: int) -> None:
    share = share_of(name)
    calls = 1.0 + np.argsort(np.arange(fewest) * 0.618 % 1)  # long ones far from each other
    assert fewest_calls(share) == fewest
    assert tail([np.delete(calls, 0).tolist()], share).high is None
    assert tail([calls.tolist()], share).high == max(calls)
    assert tail([[call] for call in calls], share).high == max(calls)


@pytest.mark.parametrize("name", ["95", "p0", "p100", "p99.99999", "P95", "p-5", "p95 ", ""])
def test_what_is_no_quantile_is_told_with_examples(name: str) -> None:
    with pytest.raises(ValueError, match=r"expected a quantile between p0 and p100 like p50, p95, p99 or p99\.9"):
        share_of(name)


def test_what_is_missing_is_counted_in_calls() -> None:
    few = tail([np.random.default_rng(0).permutation(41) + 1.0], 0.95)
    assert few.missing() == "41 of 59 calls"
    burst = tail([[1.0, 1.1] * 10] * 8 + [[3.0, 3.1] * 10], 0.95)
    assert (burst.high, burst.calls) == (None, 180)
    assert burst.missing() == f"{burst.ess} of 59 calls (180 that come in bursts)"


def test_bounds_of_quantiles_are_in_their_order() -> None:
    """Of half the visits all calls are longer, which leaves hardly anything known of the median; p95 knows more."""
    draw = np.random.default_rng(0)
    visits = [(level * draw.lognormal(0, SD, 20)).tolist() for level in [1.0, 1.0, 1.4] * 6]
    alone = tail(visits, 0.5)
    p50, p95 = tails(visits, [0.5, 0.95])
    assert p95.high is not None
    assert p50.high is not None
    assert p50.high <= p95.high
    assert alone.high is None or p50.high <= alone.high
    assert p50.low is not None
    assert p95.low is not None
    assert p50.low <= p95.low


def test_a_single_slow_call_of_a_hundred_is_in_p99_and_not_in_p95() -> None:
    calls = [[1.0] * 99 + [9.0]]
    assert (tail(calls, 0.95).value, tail(calls, 0.95).high) == (1.0, 1.0)
    assert (tail(calls, 0.99).value, tail(calls, 0.99).high) == (1.0, None)


def test_slow_calls_in_a_row_are_one_event() -> None:
    """Six in sixty, at once or here and there: the one time may have been all there was."""
    row = [1.0] * 30 + [3.0] * 6 + [1.0] * 64
    scattered = ([1.0] * 15 + [3.0]) * 6 + [1.0] * 4
    assert tail([scattered], 0.9).high == 3.0
    assert tail([row], 0.9).high is None
    for wrong in ([], [[], []], [[1.0, 0.0]]):
        with pytest.raises(ValueError, match=r"no samples|expected more than 0"):
            tail(wrong, 0.95)


def independent(draw: np.random.Generator, visits: int, calls: int) -> Visits:
    return [draw.lognormal(0, SD, calls) for _ in range(visits)]


def bursts(draw: np.random.Generator, visits: int, calls: int) -> Visits:
    """A fifth of the visits takes half as long again."""
    return [draw.lognormal(0, SD, calls) * (1.5 if draw.random() < 0.2 else 1.0) for _ in range(visits)]


def correlated(draw: np.random.Generator, visits: int, calls: int) -> Visits:
    """Each call is 0.9 like the one before it."""
    result: Visits = []
    for _ in range(visits):
        noise, level = draw.standard_normal(calls), np.empty(calls)
        level[0] = noise[0]
        for place in range(1, calls):
            level[place] = 0.9 * level[place - 1] + math.sqrt(1 - 0.9**2) * noise[place]
        result.append(np.exp(SD * level))
    return result


def shifted(draw: np.random.Generator, visits: int, calls: int) -> Visits:
    """Visits differ by 2 % as a whole."""
    return [array * draw.lognormal(0, 0.02) for array in independent(draw, visits, calls)]


SCENARIOS = {item.__name__: item for item in (independent, bursts, correlated, shifted)}


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("quantile", ["p50", "p95"])
def test_each_end_holds_in_95_percent_of_runs(name: str, quantile: str) -> None:
    """As many visits as `run --at p95` makes. Of 200 runs 95 % are 190; 183 are two standard deviations and some fewer."""
    make, share = SCENARIOS[name], share_of(quantile)
    truth = float(np.quantile(np.concatenate(make(np.random.default_rng(1), 4000, 20)), share))
    held, bounded = _coverage(make, truth, share, visits=59)
    assert held[0] >= 0.915 * RUNS
    assert held[1] >= 0.915 * RUNS
    assert bounded > 0.9 * RUNS


def test_few_visits_say_nothing_of_bursts_that_are_seldom() -> None:
    """Nine visits meet no burst that a fifth of the visits has in 13 % of runs; how much may have been missed is told."""
    truth = float(np.quantile(np.concatenate(bursts(np.random.default_rng(1), 4000, 20)), 0.95))
    held, _ = _coverage(bursts, truth, 0.95, visits=9, calls=50)
    assert 0.8 * RUNS < held[1] < 0.93 * RUNS
    assert unseen(9) == pytest.approx(0.283, abs=1e-3)
    assert unseen(59) < 0.05


def _coverage(
    make: Callable[[np.random.Generator, int, int], Visits], truth: float, share: float, *, visits: int, calls: int = 6
) -> tuple[tuple[int, int], int]:
    """((Runs whose lower, whose upper end is right), runs with an upper end); what is not bounded is not wrong."""
    draw, low, high, bounded = np.random.default_rng(0), 0, 0, 0
    for _ in range(RUNS):
        result = tail([array.tolist() for array in make(draw, visits, calls)], share)
        low += result.low is None or result.low <= truth
        high += result.high is None or result.high >= truth
        bounded += result.high is not None
    return (low, high), bounded


def test_processes_that_differ_widen_a_tail_as_far_as_the_median_says() -> None:
    """Where three processes differ by as much as their calls it holds in 91 % of runs, and in two of three if only calls counted."""
    draw, held = np.random.default_rng(0), {False: 0, True: 0}
    every = np.concatenate([draw.lognormal(draw.normal(0, SD), SD, 40) for _ in range(4000)])
    truth = float(np.quantile(every, 0.95))
    for _ in range(RUNS):
        calls = [[draw.lognormal(level, SD, 6) for level in np.repeat(draw.normal(0, SD, 3), 9)] for _ in range(6)]
        margin = _margin_of_the_median(calls)
        for is_joined in held:
            high = tail(calls[0], 0.95, margin=margin * is_joined).high
            held[is_joined] += high is None or high >= truth
    assert held[False] < 0.8 * RUNS
    assert held[True] >= 0.9 * RUNS


def _margin_of_the_median(calls: list[Visits]) -> float:
    """Of the first of some cases, each of three processes that follow each other, as a run's table has it."""
    visits = [
        Visit(case=str(case), round_=number, process=number // 9, log_value=math.log(float(np.median(array))))
        for case, mine in enumerate(calls)
        for number, array in enumerate(mine)
    ]
    estimate = rounds.absolute(fit(visits))["0"]
    return math.log(estimate.high / estimate.value)


def test_a_share_over_a_limit_has_an_interval_that_knows_bursts() -> None:
    scattered = [[1.0] * 9 + [2.0]] * 10
    burst = [[1.0] * 10] * 9 + [[2.0] * 10]
    alone, together = over(scattered, 1.5), over(burst, 1.5)
    assert alone.share == together.share == 0.1
    assert together.high > 1.5 * alone.high
    assert over(scattered, 5.0).share == over(scattered, 5.0).low == 0.0
    assert 0 < over(scattered, 5.0).high < 0.1
    held, draw = 0, np.random.default_rng(0)
    for _ in range(RUNS):
        result = over([burst.tolist() for burst in bursts(draw, 59, 6)], 1.25)
        held += result.low <= 0.2 <= result.high
    assert held >= 0.915 * RUNS


def test_a_hundred_thousand_calls_are_told_in_a_moment() -> None:
    calls: Sequence[float] = np.random.default_rng(0).lognormal(0, SD, 100_000).tolist()
    assert effective_sample_size([calls], 1.05) > 50_000
