"""Fresh processes for what one process cannot settle, as many as the rule wants (analysis/gate_rule.py), and a line a case of them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..analysis.gate_rule import Ruling, weigh
from ..analysis.judge import holm
from ..core.gate_protocol import Entry, PairOutcome
from . import explain
from .result import Line, untimed


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshProcess:
    """One fresh process: the cases that want it, which side is made first, and whether a decision is due after it."""

    entries: tuple[Entry, ...]
    number: int
    """From 1."""
    explain: bool

    @property
    def swapped(self) -> bool:
        """Head is made before base in every other process."""
        return bool(self.number % 2)


Ask = Callable[[FreshProcess], Sequence[PairOutcome]]
Outcomes = dict[str, list[PairOutcome]]


def weighed(entries: Sequence[Entry], first: dict[str, PairOutcome], ask: Ask, *, cases: int) -> Outcomes:
    """Outcomes of fresh processes, those of cases that want them: each has all that is still open. `cases`: of the whole check.

    A case that one process gives no time of wants no more.
    """
    outcomes: Outcomes = {}
    number = 1
    while open_ := [(entry, many) for entry in entries if (many := _wanted(entry, first, outcomes, cases)) >= number]:
        turn = FreshProcess(
            entries=tuple(entry for entry, _ in open_),
            number=number,
            explain=any(many == number for _, many in open_),
        )
        for pair_outcome in ask(turn):
            outcomes.setdefault(pair_outcome.label, []).append(pair_outcome)
        number += 1
    return outcomes


def _wanted(entry: Entry, first: dict[str, PairOutcome], result: Outcomes, cases: int) -> int:
    """How many fresh processes a case wants in all."""
    outcomes = [first[entry.label], *result.get(entry.label, [])]
    if any(outcome.verdict is None for outcome in outcomes):
        return 0
    return max(_ruling(entry, outcomes, cases).wanted - 1, 0)


def _ruling(entry: Entry, outcomes: Sequence[PairOutcome], cases: int) -> Ruling:
    return weigh([outcome.builds for outcome in outcomes], entry.rules, cases)


def lines(entries: Sequence[Entry], first: dict[str, PairOutcome], again: Outcomes) -> tuple[Line, ...]:
    """A line a case, in the order of the suite; slower after Holm's correction over all that were compared."""
    outcomes = {entry.label: [first[entry.label], *again.get(entry.label, [])] for entry in entries}
    compared = [entry for entry in entries if first[entry.label].verdict is not None]
    rulings = {entry.label: _ruling(entry, outcomes[entry.label], len(entries)) for entry in compared}
    p_values = [ruling.p_value if ruling.verdict.ratio > 1 else 1.0 for ruling in rulings.values()]
    alpha = compared[0].rules.alpha if compared else 0.0
    significant = dict(zip(rulings, holm(p_values, alpha), strict=True))
    return tuple(
        _line(entry, outcomes[entry.label], rulings[entry.label], significant[entry.label])
        if entry.label in rulings
        else untimed(first[entry.label], tuple(outcomes[entry.label]))
        for entry in entries
    )


def _line(entry: Entry, outcomes: Sequence[PairOutcome], ruling: Ruling, significant: bool) -> Line:
    status, why = ruling.verdict.finding, _why_not(outcomes, ruling, significant)
    count = len(outcomes)
    names = (f"{count} processes",) if count > 1 else ()
    if why:
        status, said = "unclear", (*names, why)
    elif status == "slower":
        said = (*names, *explain.short(outcomes[0]))
    else:
        said = names
    explained = filter(None, (explain.long(outcome) for outcome in reversed(outcomes)))
    return Line(
        label=entry.label,
        status=status,
        outcomes=tuple(outcomes),
        verdict=ruling.verdict,
        evidence="; ".join(said),
        explanation=next(explained, ()) if status == "slower" else (),
    )


def _why_not(outcomes: Sequence[PairOutcome], ruling: Ruling, significant: bool) -> str:
    """Why nothing can be said; empty where something can."""
    lost = next((outcome for outcome in outcomes if outcome.verdict is None), None)
    if lost is not None:
        return lost.reason or "a process gave no answer"
    if ruling.verdict.finding == "unclear":
        return ruling.reason or outcomes[0].reason
    if ruling.verdict.finding == "slower":
        return _unstable(outcomes) or ("" if significant else "not significant among all cases (Holm)")
    return ""


def _unstable(outcomes: Sequence[PairOutcome]) -> str:
    """Why processes that agree on the time are not to be believed: page faults that only some of them had."""
    apart = [
        abs(outcome.head.faults_per_call - outcome.base.faults_per_call) > explain.FAULTS_APART for outcome in outcomes
    ]
    if any(apart) and not all(apart):
        return f"page faults differ between the sides in {sum(apart)} of {len(apart)} processes: the allocator, not the code"
    return ""
