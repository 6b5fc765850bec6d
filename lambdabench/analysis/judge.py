"""Is head slower than base? Log ratios of rounds to a verdict, at interim analyses that are all paid for; Holm's correction over cases."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy import stats as scipy_stats  # pyright: ignore[reportMissingTypeStubs] (there are none)

from ..core.gate_protocol import Finding, Rules, Verdict

STATS: Any = scipy_stats
ONE_SD = 0.3173
"""The level at which an interval reaches one standard error either way."""
MOST_ROUNDS = 1200
"""Beyond, neighbouring rounds are averaged: all pairs of rounds are made, twice the rounds take four times as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """The Hodges-Lehmann centre of log ratios with its interval, on the log scale."""

    value: float
    low: float
    high: float


def centre(logs: Sequence[float], *levels: float) -> tuple[Centre, ...]:
    """The median of all pairwise averages with its distribution-free interval of confidence 1 - level, for each level.

    Hodges and Lehmann, "Estimates of location based on rank tests" (1963); bounds by the normal approximation of the signed-rank
    statistic (Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", section 3.3). Raises ValueError for no values.
    """
    values = _thinned(np.asarray(logs, dtype=np.float64))
    count = len(values)
    if count == 0:
        raise ValueError("the centre of no values")
    rows, columns = np.triu_indices(count)
    averages = np.sort((values[rows] + values[columns]) / 2)
    spread = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    middle = float(np.median(averages))
    centres: list[Centre] = []
    for level in levels:
        rank = math.floor(count * (count + 1) / 4 - NormalDist().inv_cdf(1 - level / 2) * spread)
        low, high = (-math.inf, math.inf) if rank < 1 else (float(averages[rank - 1]), float(averages[-rank]))
        centres.append(Centre(value=middle, low=low, high=high))
    return tuple(centres)


def spend(alpha: float, analysis: int) -> float:
    """The error that analysis number `analysis` (from 1) may use: alpha / (k (k + 1)), which sums to alpha over all analyses."""
    return alpha / (analysis * (analysis + 1))


def following(rounds: int, rules: Rules) -> int:
    """Rounds at the analysis after the one at `rounds`."""
    return math.ceil(rules.growth * rounds)


def judge(logs: Sequence[float], rules: Rules, analysis: int = 1) -> Verdict:
    """The three-way verdict of one analysis; `logs` are log(head / base) of rounds. The interval is that of its finding."""
    apart, equal = centre(logs, spend(rules.alpha, analysis), spend(rules.alpha_same, analysis))
    finding = _finding(apart, equal, rules)
    shown = equal if finding == "same" else apart
    return Verdict(
        ratio=math.exp(shown.value),
        low=math.exp(shown.low),
        high=math.exp(min(shown.high, 700.0)),
        tolerance=rules.tolerance,
        finding=finding,
    )


def judge_processes(centres: Sequence[float], rules: Rules, confidence: float) -> Verdict:
    """The verdict of log ratios of which each comes from a fresh pair of processes (Student's t); fewer than 3 are unclear."""
    if len(centres) < 3:
        return Verdict(ratio=1.0, low=0.0, high=math.inf, tolerance=rules.tolerance, finding="unclear")
    low, high = centres[0], centres[0]
    if max(centres) - min(centres) > 1e-12:
        low, high = map(float, STATS.ttest_1samp(centres, 0.0).confidence_interval(confidence))
    middle = sorted(centres)[len(centres) // 2]
    result = Centre(value=middle, low=low, high=high)
    return Verdict(
        ratio=math.exp(sum(centres) / len(centres)),
        low=math.exp(low),
        high=math.exp(high),
        tolerance=rules.tolerance,
        finding=_finding(result, result, rules),
    )


def processes_p(centres: Sequence[float], rules: Rules) -> float:
    """Probability of such pairs of processes where head is slower by no more than is negligible (t, one-sided)."""
    if len(centres) < 3 or max(centres) - min(centres) < 1e-12:
        return 1.0 if not centres or min(centres) <= math.log1p(rules.negligible) else 0.0
    return float(STATS.ttest_1samp(centres, math.log1p(rules.negligible), alternative="greater").pvalue)


def holm(p_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Which hypotheses are rejected with a family-wise error of `alpha` (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    rejected = [False] * len(p_values)
    for place, index in enumerate(order):
        if p_values[index] > alpha / (len(p_values) - place):
            break
        rejected[index] = True
    return tuple(rejected)


def _finding(apart: Centre, together: Centre, rules: Rules) -> Finding:
    tolerance, negligible, equal = (math.log1p(share) for share in (rules.tolerance, rules.negligible, rules.equal))
    if apart.low > negligible and apart.value > tolerance:
        return "slower"
    if apart.high < -negligible and apart.value < -tolerance:
        return "faster"
    return "same" if -equal < together.low and together.high < equal else "unclear"


def _thinned(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Averages of as many neighbours as leave `MOST_ROUNDS` values."""
    together = math.ceil(len(values) / MOST_ROUNDS)
    if together < 2:
        return values
    whole = len(values) // together * together
    return values[:whole].reshape(-1, together).mean(axis=1)
