"""`check --self-test`: how often would the gate err here, now? The same package against itself, as it is and with 5 % more."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..analysis.wilson import wilson
from ..core.gate_protocol import Entry, PairRequest
from ..launch import WorkerPool
from .check import OnOutcome, Request, groups
from .pair_workers import PACKAGE, ask, worker_pool
from .settings import Settings
from .suite_cases import entries_of, matching, suite_of

Kind = Literal["equal code", "exact +5 %", "real +5 %"]
KINDS: tuple[Kind, ...] = ("equal code", "exact +5 %", "real +5 %")
QUICK = "* 7x7 inference*"
"""Cases that are tried where none are named: those of the last stage, forward."""
LEAST_CAUGHT = 0.95
MOST_ALARMS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What was said of one kind of difference."""

    kind: Kind
    trials: int
    slower: int
    faster: int
    same: int
    unclear: int

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share called slower, 95 %."""
        return wilson(self.slower, self.trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """All rates. Only the first process is tried: a red build needs fresh ones."""

    rates: tuple[Rate, ...]

    @property
    def exit_code(self) -> int:
        """3 where this machine is not fit now: equal code called slower, or 5 % missed."""
        equal, *more = self.rates
        sound = equal.slower <= MOST_ALARMS * equal.trials
        return 0 if sound and all(rate.slower >= LEAST_CAUGHT * rate.trials for rate in more) else 3


def run(request: Request, rounds: int, on_outcome: OnOutcome) -> Tested:
    """So many fresh processes of each kind for each kernel."""
    entries = entries_of(suite_of(request.suite, Path()), request.rules or Settings().rules())
    chosen = matching(entries, QUICK if request.only == "*" and request.suite == "kernels-quick" else request.only)
    with worker_pool() as pool:
        return Tested(rates=tuple(_rate(kind, chosen, rounds, on_outcome, pool) for kind in KINDS))


def _rate(kind: Kind, entries: Sequence[Entry], rounds: int, on_outcome: OnOutcome, pool: WorkerPool) -> Rate:
    findings: list[str] = []
    for number in range(rounds):
        for group in groups(entries):
            asked = PairRequest(
                base=str(PACKAGE),
                head=str(PACKAGE),
                entries=group,
                seed=number,
                slowdown=1.05 if kind == "exact +5 %" else 1.0,
                extra_work=kind == "real +5 %",
            )
            answered = ask(asked, lambda pair_outcome: on_outcome(kind, pair_outcome), pool)
            findings += [outcome.verdict.finding for outcome in answered.outcomes if outcome.verdict is not None]
    counts = {name: findings.count(name) for name in ("slower", "faster", "same", "unclear")}
    return Rate(kind=kind, trials=len(findings), **counts)
