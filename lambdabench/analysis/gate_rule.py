"""The gate's whole rule: what builds and processes say together, from the first build to the verdict. Pure.

A build is both sides made anew in one process; equal code differs from build to build by where memory lies, and from process to
process. What the first process says alone is only `same` or `unclear`; all else is weighed over fresh processes, the first among them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from scipy import stats as scipy_stats  # pyright: ignore[reportMissingTypeStubs] (there are none)

from ..core.gate_protocol import Build, Finding, Rules, Verdict
from .judge import spend

STATS: Any = scipy_stats
BUILDS = 3
"""Of one process at most."""
AGREEING = 2
"""Builds of the first process that must say same before it is said."""
INTERIM_COUNTS = (4, 10, 15, 30)
"""Processes, the first among them, after which fresh ones are looked at. Kernels of two speeds have all of ten processes at one of
them once in a thousand times, so a difference as large as equal code shows takes ten."""
EVER = 0.10
"""Two processes of equal code were never seen further apart (two shared Xeon cores): what is beyond takes no more than four."""
USUAL_SD = 0.004
"""Of what one build says of equal code, and of what one process says beyond its builds: 0.35 to 0.45 % on two Xeon cores."""
USUAL_DOF = 4
"""What that is worth beside the spread of the values themselves, in degrees of freedom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """The mean of some log ratios, its standard error, and the degrees of freedom of that."""

    value: float
    error: float
    dof: int

    def bounds(self, level: float) -> tuple[float, float]:
        """The interval of confidence 1 - level (Student's t)."""
        margin = float(STATS.t.isf(level / 2, self.dof)) * self.error
        return self.value - margin, self.value + margin

    def p_value(self, beyond: float) -> float:
        """Two-sided probability of a mean so far from 0 where the truth is no further than `beyond`."""
        return min(1.0, 2 * float(STATS.t.sf((abs(self.value) - beyond) / self.error, self.dof)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What stands so far. `wanted`: processes there must be, the first among them, before more can be said; 0 where it is final."""

    verdict: Verdict
    p_value: float
    wanted: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _InterimAnalysis:
    """Its number, from 1, of how many cases it is one, and the log ratio that is negligible at it."""

    number: int
    cases: int
    negligible: float


def pooled(values: Sequence[float], variances: Sequence[float]) -> Pooled:
    """The mean of values that differ by more than their own variances tell (random effects by moments: DerSimonian and Laird,
    Controlled Clinical Trials 7, 1986), with an error by their spread and by what is usual, weighed by their degrees of freedom: two
    or three values that agree by chance do not look surer than they are (moderated t: Smyth, "Linear models and empirical Bayes
    methods for assessing differential expression in microarray experiments", Statistical Applications in Genetics and Molecular
    Biology 3, 2004)."""
    squares = [(value - mean(values)) ** 2 for value in values]
    further = max(sum(squares) / max(len(values) - 1, 1) - mean(variances), USUAL_SD**2)
    return _weighted(values, [1 / (variance + further) for variance in variances])


def wants_build(builds: Sequence[Build], rules: Rules) -> bool:
    """Whether the first process has to make both sides once more: until two builds say same and agree, or all are there.

    Noise that hid the first build's answer for as long as it may would hide the next one's.
    """
    return not builds or (len(builds) < BUILDS and builds[0].finding != "unclear" and not _is_same(builds, rules))


def alone(builds: Sequence[Build], rules: Rules) -> Verdict:
    """What one process's builds say without any other's: slower or faster is what each of them says. Raises ValueError for none."""
    if not builds:
        raise ValueError("a process without builds")
    finding: Finding = "unclear"
    if _is_same(builds, rules):
        finding = "same"
    elif builds[0].finding != "same" and all(build.finding == builds[0].finding for build in builds):
        finding = builds[0].finding
    return _told(_of_builds(builds), finding, rules, rules.alpha_same if finding == "same" else rules.alpha)


def weigh(processes: Sequence[Sequence[Build]], rules: Rules, cases: int = 1) -> Ruling:
    """The verdict of one of so many cases, or how many processes are wanted before there is one. The first process's builds took
    their time each, `wants_build` said when there were enough; those of fresh ones took a fixed time.

    Raises ValueError where the first has no builds.
    """
    first, fresh = processes[0], [process for process in processes[1:] if process]
    own = alone(first, rules)
    if own.finding == "same" or first[0].finding == "unclear":
        return Ruling(verdict=own, p_value=1.0)
    count = 1 + len(fresh)
    analysis, result = sum(count >= name for name in INTERIM_COUNTS), _of_processes([first, *fresh])
    if count not in INTERIM_COUNTS:  # every further analysis would have to be paid for
        verdict = _told(result, "unclear", rules, rules.alpha)
        wanted = INTERIM_COUNTS[min(analysis, len(INTERIM_COUNTS) - 1)]
        return Ruling(verdict=verdict, p_value=1.0, wanted=wanted if count < wanted else 0, reason=spread(processes))
    negligible = math.log1p(EVER if count < INTERIM_COUNTS[1] else rules.negligible)
    at = _InterimAnalysis(number=analysis, cases=cases, negligible=negligible)
    finding = _over_processes(result, fresh, rules, at)
    level = spend(rules.alpha_same if finding == "same" else rules.alpha, analysis)
    decided = finding != "unclear" or analysis == len(INTERIM_COUNTS)
    return Ruling(
        verdict=_told(result, finding, rules, level),
        p_value=result.p_value(negligible) if finding in ("slower", "faster") else 1.0,
        wanted=0 if decided else INTERIM_COUNTS[analysis],
        reason=spread(processes) if finding == "unclear" else "",
    )


def spread(processes: Sequence[Sequence[Build]]) -> str:
    """How far builds are apart, for people."""
    logs = [build.log for builds in processes for build in builds]
    ends = f"{math.expm1(min(logs)):+.1%} to {math.expm1(max(logs)):+.1%}"
    return f"it depends on where memory lies: {ends} in {len(logs)} builds of {sum(map(bool, processes))} processes"


def _is_same(builds: Sequence[Build], rules: Rules) -> bool:
    low, high = _of_builds(builds).bounds(rules.alpha_same)
    equal = math.log1p(rules.equal)
    return sum(build.finding == "same" for build in builds) >= AGREEING and -equal < low and high < equal


def _over_processes(result: Pooled, fresh: Sequence[Sequence[Build]], rules: Rules, at: _InterimAnalysis) -> Finding:
    """What was chosen because its first process looked so must look so without it, and whichever side was made first; and the wall
    clock must not contradict."""
    side = 1.0 if result.value > 0 else -1.0
    builds = [build for builds in fresh for build in builds]
    orders = [[build for build in builds if build.swapped == order] for order in (False, True)]
    worst = min(side * _of_builds(order).value for order in orders if order)
    again, wall = side * _of_processes(fresh).value, side * mean(build.wall_log for build in builds)
    tolerance, equal = math.log1p(rules.tolerance), math.log1p(rules.equal)
    is_told = min(abs(result.value), again) > tolerance and worst > math.log1p(rules.negligible) and wall > 0
    if is_told and result.p_value(at.negligible) < spend(rules.alpha, at.number) / at.cases:
        return "slower" if side > 0 else "faster"
    low, high = result.bounds(spend(rules.alpha_same, at.number))
    return "same" if -equal < low and high < equal else "unclear"


def _of_builds(builds: Sequence[Build]) -> Pooled:
    return pooled([build.log for build in builds], [build.sd**2 for build in builds])


def _of_processes(processes: Sequence[Sequence[Build]]) -> Pooled:
    """Of processes' means; how far builds of one process are apart is told by those of all."""
    squares = sum((build.log - _centre(builds)) ** 2 for builds in processes for build in builds)
    dof = sum(len(builds) - 1 for builds in processes)
    own = mean(build.sd**2 for builds in processes for build in builds)
    further = max(squares / max(dof, 1) - own, USUAL_SD**2)
    weights = [[1 / (build.sd**2 + further) for build in builds] for builds in processes]
    means = [_weighted([build.log for build in builds], own) for builds, own in zip(processes, weights, strict=True)]
    return pooled([item.value for item in means], [1 / sum(own) for own in weights])


def _centre(builds: Sequence[Build]) -> float:
    return mean(build.log for build in builds)


def _weighted(values: Sequence[float], weights: Sequence[float]) -> Pooled:
    """With weights that are one over each value's variance, as far as that is known."""
    middle = sum(map(math.prod, zip(values, weights, strict=True))) / sum(weights)
    dof = USUAL_DOF + len(values) - 1
    squares = sum(weight * (value - middle) ** 2 for value, weight in zip(values, weights, strict=True))
    return Pooled(value=middle, error=math.sqrt((USUAL_DOF + squares) / dof / sum(weights)), dof=dof)


def _told(result: Pooled, finding: Finding, rules: Rules, level: float) -> Verdict:
    low, high = result.bounds(level)
    return Verdict(
        ratio=math.exp(result.value),
        low=math.exp(low),
        high=math.exp(min(high, 700.0)),
        tolerance=rules.tolerance,
        finding=finding,
    )
