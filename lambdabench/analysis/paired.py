"""Base against head from single calls in turn: centre and interval of log ratios, and a verdict that may be asked for at every look.

Hodges and Lehmann (Ann. Math. Statist. 34, 1963) for the centre; the interval is that of Wilcoxon's signed ranks. A process that
holds both sides removes what makes two processes of equal code differ by percents.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Finding = Literal["slower", "faster", "same", "unclear"]
DELTA = 0.01
"""A difference that is never worth a red build."""
TAU = 0.02
"""The smallest estimate that may be called slower or faster."""
EQUAL = 0.025
"""Within this both ways a case is proved the same."""
ALPHA = 0.01
"""Of all looks at one case together: look k gets alpha / (k (k + 1))."""
FIRST_LOOK, GROWTH, MOST = 24, 1.35, 600
CONFIRMING = 3
"""Processes that must all call a case slower."""
FAMILY_ALPHA = 0.01
"""Of all cases of a run together (Holm)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """head / base - 1 with its interval, as shares; `finding` by the bounds above."""

    value: float
    low: float
    high: float
    finding: Finding
    rounds: int


def centre(logs: Sequence[float], level: float) -> tuple[float, float, float]:
    """(Hodges-Lehmann centre, low, high) of log ratios at 1 - level; an infinite interval where there are too few."""
    x: NDArray[np.float64] = np.asarray(logs, np.float64)
    n = len(x)
    first, second = np.triu_indices(n)
    walsh = np.sort((x[first] + x[second]) / 2)
    middle = float(np.median(walsh))
    z = float(stats.norm.isf(level / 2))
    cut = math.floor(n * (n + 1) / 4 - z * math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    if cut < 1:
        return middle, -math.inf, math.inf
    return middle, float(walsh[cut - 1]), float(walsh[len(walsh) - cut])


def looks() -> Sequence[int]:
    """Numbers of rounds at which the verdict is asked for: 24, 33, 45, ..., 600."""
    found = [FIRST_LOOK]
    while found[-1] < MOST:
        found.append(min(MOST, math.ceil(GROWTH * found[-1])))
    return found


def judge(logs: Sequence[float], walls: Sequence[float], look: int) -> Change:
    """The verdict of look number `look` (from 1) on log ratios, with those of wall times as a veto."""
    found = change_of(*centre(logs, ALPHA / (look * (look + 1))), rounds=len(logs))
    wall = float(np.median(np.asarray(walls, np.float64)))
    vetoed = (found.finding == "slower" and wall <= 0) or (found.finding == "faster" and wall >= 0)
    return replace(found, finding="unclear") if vetoed else found


def change_of(value: float, low: float, high: float, rounds: int) -> Change:
    """What a centre of log ratios with its interval says."""
    finding: Finding = "unclear"
    if low > math.log1p(DELTA) and value > math.log1p(TAU):
        finding = "slower"
    elif high < -math.log1p(DELTA) and value < -math.log1p(TAU):
        finding = "faster"
    elif -math.log1p(EQUAL) < low and high < math.log1p(EQUAL):
        finding = "same"
    return Change(value=math.expm1(value), low=math.expm1(low), high=math.expm1(high), finding=finding, rounds=rounds)


def confirmed(processes: Sequence[Sequence[float]]) -> tuple[bool, float]:
    """(Whether every process of log ratios calls a case slower and their mean does so beyond `DELTA`, p value for Holm's test)."""
    centres = [centre(one, 0.05)[0] for one in processes]
    all_slower = min(centres) > math.log1p(TAU)
    low = stats.ttest_1samp(centres, 0.0).confidence_interval(0.95).low if len(centres) > 1 else -math.inf
    shifted = [np.asarray(one, np.float64) - math.log1p(DELTA) for one in processes]
    p = max(float(stats.wilcoxon(one, alternative="greater").pvalue) for one in shifted)  # pyright: ignore[reportAttributeAccessIssue]
    return all_slower and low > math.log1p(DELTA), p


def holm(p_values: Sequence[float], cases: int) -> list[bool]:
    """Which of the p values are rejected at `FAMILY_ALPHA` in a family of `cases`, the others of which were not slower.

    Holm, Scand. J. Statist. 6, 1979.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    rejected = [False] * len(p_values)
    for rank, index in enumerate(order):
        if p_values[index] > FAMILY_ALPHA / (cases - rank):
            break
        rejected[index] = True
    return rejected
