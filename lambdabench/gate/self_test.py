"""How the gate does on this very machine: equal code, and code made slower by a known share, exactly and by real work."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

from ..analysis import paired
from ..core.pairing import PairOutcome
from ..core.spec import Case
from .check import Request, cases_of, run_pair
from .commits import Sides

SHARE = 0.05
TRIAL_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something happened in so many trials, with the 95 % interval of Clopper and Pearson (Biometrika 26, 1934)."""

    what: str
    count: int
    trials: int
    unclear: int

    @property
    def interval(self) -> tuple[float, float]:
        """Shares."""
        low, high = stats.binomtest(self.count, self.trials).proportion_ci(0.95) if self.trials else (0.0, 1.0)
        return float(low), float(high)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """False alarms of equal code, and catches of both kinds of slowdown, in the first process (without confirmation)."""

    rates: tuple[Rate, ...]

    @property
    def exit_code(self) -> int:
        """0 where no equal code was called slower and most slowdowns were caught, else 3: the gate must not be required here."""
        alarms, *catches = self.rates
        caught = all(one.trials and one.count >= 0.9 * one.trials for one in catches)
        return 0 if not alarms.count and alarms.trials and caught else 3


def self_test(request: Request, trials: int, on_trial: Callable[[str], None]) -> SelfTest:
    """`trials` trials, over the cases in turn. Raises SuiteError where none matches."""
    cases = cases_of(request.suite, request.only)
    own = Path(__file__).resolve().parents[1]
    both = Sides(base=own, head=own, base_commit="self", head_commit="self")
    equal: list[str] = []
    exact: list[str] = []
    real: list[str] = []
    for trial in range(trials):
        case = cases[trial % len(cases)]
        control = _one(both, case, request, trial, extra_share=0.0)
        equal.append(_finding(control, 0.0))
        exact.append(_finding(control, SHARE))
        real.append(_finding(_one(both, case, request, trial, extra_share=SHARE), 0.0))
        on_trial(f"{trial + 1}/{trials} {case[0]}: equal {equal[-1]}, +5 % exact {exact[-1]}, +5 % real {real[-1]}")
    named = (
        ("equal code called slower or faster", equal, ("slower", "faster")),
        ("+5 % exact caught", exact, ("slower",)),
    )
    rates = [_rate(*one) for one in (*named, ("+5 % real work caught", real, ("slower",)))]
    return SelfTest(rates=tuple(rates))


def _rate(what: str, found: Sequence[str], wanted: Sequence[str]) -> Rate:
    return Rate(what=what, count=sum(one in wanted for one in found), trials=len(found), unclear=found.count("unclear"))


def _one(both: Sides, case: tuple[str, Case], request: Request, seed: int, *, extra_share: float) -> PairOutcome:
    role = "canary" if extra_share else "control"
    return run_pair(both, [case], request, budget_s=TRIAL_S, role=role, extra_share=extra_share, fixed=True, seed=seed)[
        0
    ]


def _finding(outcome: PairOutcome, shift: float) -> str:
    """What the looks would have said of the rounds, made slower by `shift` exactly."""
    if outcome.status != "ok" or outcome.reason:
        return "unclear"
    logs, walls = ([value + math.log1p(shift) for value in one] for one in (outcome.logs, outcome.walls))
    for index, count in enumerate(paired.looks()):
        if count > len(logs):
            break
        found = paired.judge(logs[:count], walls[:count], index + 1).finding
        if found != "unclear":
            return found
    return "unclear"
