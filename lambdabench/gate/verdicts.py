"""What is said of every case and of the whole comparison, with its exit code."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..analysis import paired
from ..analysis.paired import Change
from ..core.pairing import PairOutcome

Finding = Literal["slower", "faster", "same", "unclear", "waived", "new", "failed", "different"]
UNCLEAR_SHARE = 0.2
"""With more cases unclear the comparison is void."""
BROKEN = ("failed", "different")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One case. `outcomes`: one a process, the confirming ones after the first."""

    name: str
    finding: Finding
    reason: str = ""
    change: Change | None = None
    outcomes: tuple[PairOutcome, ...] = ()
    p_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What the comparison says of equal code, and of code made slower on purpose."""

    same: Verdict | None = None
    canary: Verdict | None = None

    @property
    def hold(self) -> bool:
        """Whether equal code was not called slower or faster and the canary was caught."""
        if self.same is None or self.canary is None:
            return False
        return self.same.finding in ("same", "unclear") and self.canary.finding == "slower"


def first_verdict(outcome: PairOutcome) -> Verdict:
    """The verdict of one process; a slower one is still to be confirmed."""
    if outcome.status != "ok":
        finding: Finding = "unclear" if outcome.status == "base_failed" else outcome.status
        return Verdict(name=outcome.name, finding=finding, reason=outcome.reason, outcomes=(outcome,))
    change = paired.judge(outcome.logs, outcome.walls, _look(len(outcome.logs)))
    finding = "unclear" if outcome.reason else change.finding
    return Verdict(name=outcome.name, finding=finding, reason=outcome.reason, change=change, outcomes=(outcome,))


def confirm(first: Verdict, more: Sequence[PairOutcome]) -> Verdict:
    """A slower verdict after its confirming processes: slower with its p value, or unclear."""
    outcomes = (*first.outcomes, *more)
    usable = [one for one in outcomes if one.status == "ok" and not one.reason]
    if len(usable) < paired.CONFIRMING:
        return replace(first, finding="unclear", outcomes=outcomes, reason="a confirming process gave no numbers")
    holds, p = paired.confirmed([one.logs for one in usable])
    said = f"{sum(paired.centre(one.logs, 0.05)[0] > 0.0198 for one in usable)}/{len(usable)} processes"
    if holds:
        return replace(first, outcomes=outcomes, p_value=p, reason=said)
    return replace(first, finding="unclear", outcomes=outcomes, reason=f"not confirmed: slower in {said}")


def settle(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts with Holm's correction over all cases: a slower one that does not survive it is unclear."""
    slower = [one for one in verdicts if one.finding == "slower"]
    survives = dict(
        zip(
            (one.name for one in slower),
            paired.holm([one.p_value or 1.0 for one in slower], max(1, len(verdicts))),
            strict=True,
        )
    )
    return tuple(
        replace(one, finding="unclear", reason=f"{one.reason}; not beyond chance among {len(verdicts)} cases")
        if survives.get(one.name) is False
        else one
        for one in verdicts
    )


def exit_code(verdicts: Sequence[Verdict], controls: Controls) -> int:
    """0 nothing slower, 1 a case is slower or broken on head, 3 nothing or too little was decided, or the controls failed."""
    found = Counter(one.finding for one in verdicts)
    compared = sum(found[one] for one in ("slower", "faster", "same", "unclear", "waived"))
    if any(found[one] for one in BROKEN):
        return 1
    if not compared or not controls.hold:
        return 3
    if found["slower"]:
        return 1
    return 3 if found["unclear"] > UNCLEAR_SHARE * compared else 0


def _look(rounds: int) -> int:
    """The number of the look that so many rounds are, or the next one."""
    return next((index + 1 for index, count in enumerate(paired.looks()) if count >= rounds), len(paired.looks()))
