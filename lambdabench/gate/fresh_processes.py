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
    found: Outcomes = {}
    number = 1
    while open_ := [(one, many) for one in entries if (many := _wanted(one, first, found, cases)) >= number]:
        turn = FreshProcess(
            entries=tuple(one for one, _ in open_),
            number=number,
            explain=any(many == number for _, many in open_),
        )
        for one in ask(turn):
            found.setdefault(one.label, []).append(one)
        number += 1
    return found


def _wanted(entry: Entry, first: dict[str, PairOutcome], found: Outcomes, cases: int) -> int:
    """How many fresh processes a case wants in all."""
    outcomes = [first[entry.label], *found.get(entry.label, [])]
    if any(one.verdict is None for one in outcomes):
        return 0
    return max(_ruling(entry, outcomes, cases).wanted - 1, 0)


def _ruling(entry: Entry, outcomes: Sequence[PairOutcome], cases: int) -> Ruling:
    return weigh([one.builds for one in outcomes], entry.rules, cases)


def lines(entries: Sequence[Entry], first: dict[str, PairOutcome], again: Outcomes) -> tuple[Line, ...]:
    """A line a case, in the order of the suite; slower after Holm's correction over all that were compared."""
    outcomes = {one.label: [first[one.label], *again.get(one.label, [])] for one in entries}
    compared = [one for one in entries if first[one.label].verdict is not None]
    rulings = {one.label: _ruling(one, outcomes[one.label], len(entries)) for one in compared}
    p_values = [ruling.p_value if ruling.verdict.ratio > 1 else 1.0 for ruling in rulings.values()]
    alpha = compared[0].rules.alpha if compared else 0.0
    significant = dict(zip(rulings, holm(p_values, alpha), strict=True))
    return tuple(
        _line(one, outcomes[one.label], rulings[one.label], significant[one.label])
        if one.label in rulings
        else untimed(first[one.label], tuple(outcomes[one.label]))
        for one in entries
    )


def _line(entry: Entry, outcomes: Sequence[PairOutcome], ruling: Ruling, significant: bool) -> Line:
    status, why = ruling.verdict.finding, _why_not(outcomes, ruling, significant)
    count = len(outcomes)
    told = (f"{count} processes",) if count > 1 else ()
    if why:
        status, said = "unclear", (*told, why)
    elif status == "slower":
        said = (*told, *explain.short(outcomes[0]))
    else:
        said = told
    explained = filter(None, (explain.long(one) for one in reversed(outcomes)))
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
    lost = next((one for one in outcomes if one.verdict is None), None)
    if lost is not None:
        return lost.reason or "a process gave no answer"
    if ruling.verdict.finding == "unclear":
        return ruling.reason or outcomes[0].reason
    if ruling.verdict.finding == "slower":
        return _unstable(outcomes) or ("" if significant else "not significant among all cases (Holm)")
    return ""


def _unstable(outcomes: Sequence[PairOutcome]) -> str:
    """Why processes that agree on the time are not to be believed: page faults that only some of them had."""
    apart = [abs(one.head.faults_per_call - one.base.faults_per_call) > explain.FAULTS_APART for one in outcomes]
    if any(apart) and not all(apart):
        return f"page faults differ between the sides in {sum(apart)} of {len(apart)} processes: the allocator, not the code"
    return ""
