"""What a check found: a line for each case, controls, counts, and the exit code that follows from them."""

from dataclasses import dataclass
from typing import Literal

from ..core.gate_protocol import Controls, PairOutcome, Verdict

LineStatus = Literal[
    "slower", "waived", "faster", "same", "unclear", "failed", "new", "gone", "reported", "skipped", "unmeasured"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One status of a line."""

    name: LineStatus
    meaning: str
    mark: str = ""
    """Before it in a pull request's comment."""
    is_red: bool = False
    """Whether people must look at it: it fails the check, or keeps it from saying anything."""
    is_decided: bool = False
    """Whether it says how head's speed compares with base's."""


DESCRIBED = (
    Description(name="slower", meaning="Head is slower.", mark="🔴", is_red=True, is_decided=True),
    Description(name="failed", meaning="Head fails, or its answers differ.", mark="🔴", is_red=True),
    Description(name="gone", meaning="Head has it no more.", mark="🔴", is_red=True),
    Description(name="unmeasured", meaning="Base cannot even be imported.", mark="🔴", is_red=True),
    Description(name="waived", meaning="Slower, and accepted.", mark="🟡", is_decided=True),
    Description(name="reported", meaning="Slower where nothing is gated.", mark="🟡", is_decided=True),
    Description(name="faster", meaning="Head is faster.", mark="🟢", is_decided=True),
    Description(name="unclear", meaning="It cannot be told.", mark="⚪"),
    Description(name="new", meaning="Base cannot run it."),
    Description(name="skipped", meaning="A side skips it, so that nothing is compared."),
    Description(name="same", meaning="Neither is slower by more than the tolerance.", is_decided=True),
)
"""In the order of their lines."""
DECIDED = frozenset(description.name for description in DESCRIBED if description.is_decided)
RED = tuple(description.name for description in DESCRIBED if description.is_red)
MARKS = {description.name: description.mark for description in DESCRIBED}
ALWAYS = ("slower", "faster", "same", "unclear", "waived")
"""Statuses that are counted where there is none, too."""
COUNTED = (
    *ALWAYS,
    *(
        description.name
        for description in sorted(DESCRIBED, key=lambda description: description.is_decided)
        if description.name not in ALWAYS
    ),
)
"""In the order in which they are counted."""
VOID_SHARE = 0.2
"""More unclear cases than this, and the run says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One case. `outcomes` are those of all processes that timed it, the first one first."""

    label: str
    status: LineStatus
    outcomes: tuple[PairOutcome, ...] = ()
    verdict: Verdict | None = None
    evidence: str = ""
    explanation: tuple[str, ...] = ()
    """Of a confirmed slowdown: what the profiler and the counters say, a line each."""

    @property
    def compared(self) -> bool:
        """Whether both sides ran and agreed."""
        return self.verdict is not None


def untimed(pair_outcome: PairOutcome, outcomes: tuple[PairOutcome, ...]) -> Line:
    """The line of a case that was not compared, by its trouble."""
    statuses: dict[str, LineStatus] = {
        "base": "new",
        "skipped": "skipped",
        "unmeasured": "unmeasured",
        "foreign": "unclear",
    }
    begun = {"skipped": "", "foreign": "", "unmeasured": "base cannot be measured: "}
    name = f"{begun.get(pair_outcome.trouble, f'{pair_outcome.trouble}: ')}{pair_outcome.reason}"
    return Line(
        label=pair_outcome.label, status=statuses.get(pair_outcome.trouble, "failed"), outcomes=outcomes, evidence=name
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run of `check`."""

    title: str
    lines: tuple[Line, ...]
    controls: Controls | None
    seconds: float
    pressure: float | None = None
    notes: tuple[str, ...] = ()
    """What people must know: how it was measured where it is not the usual way, waivers used, expired ones."""
    expired: tuple[str, ...] = ()
    """Waivers whose day is over: red until they are taken out or renewed."""
    request: str = ""
    """The flags that ask for this again."""

    def count(self, *statuses: str) -> int:
        return sum(line.status in statuses for line in self.lines)

    @property
    def compared(self) -> int:
        return sum(line.compared for line in self.lines)

    @property
    def decided(self) -> int:
        return sum(line.status in DECIDED for line in self.lines)

    @property
    def skipped_on_one_side(self) -> int:
        """Cases that only one side skips."""
        return sum(line.status == "skipped" and line.outcomes[0].skipped != "both sides" for line in self.lines)

    @property
    def foreign(self) -> str:
        """What a side ran that is not its own; empty where both ran their own code."""
        outcomes = (two for line in self.lines for two in line.outcomes)
        return next((outcome.reason for outcome in outcomes if outcome.trouble == "foreign"), "")

    @property
    def controls_held(self) -> bool:
        return self.controls is not None and self.controls.held

    @property
    def exit_code(self) -> int:
        """0 nothing slower, 1 something slower or failing on head, 2 base cannot be measured, 3 too little can be said."""
        return judge_run(self)[0]

    @property
    def exit_reason(self) -> str:
        """Why."""
        return judge_run(self)[1]


def judge_run(result: Result) -> tuple[int, str]:
    """(Exit code, why)."""
    if result.foreign:
        return 3, f"a side ran code that is not its own: {result.foreign}"
    proven = result.compared and result.controls_held
    broken, slower, unclear = result.count("failed", "gone"), result.count("slower"), result.count("unclear")
    red = [
        *([f"{broken} failed or missing on head"] if broken else []),
        *([f"{slower} slower"] if slower and proven else []),
        *([_expired(result)] if result.expired and proven else []),
    ]
    if broken and slower and not proven:
        red.append(f"{slower} slower, which proves nothing: the controls did not come out as they must")
    if red:
        return 1, ", ".join(red)
    if unmeasured := result.count("unmeasured"):
        why = next(line.evidence for line in result.lines if line.status == "unmeasured")
        return 2, f"{unmeasured} of {len(result.lines)} not compared; {why}"
    if not result.compared:
        skipped = result.count("skipped")
        return 3, f"nothing was compared{f', {skipped} skipped' if skipped else ''}"
    if not proven:
        return 3, "the controls did not come out as they must, so this run proves nothing"
    if unclear > VOID_SHARE * result.compared:
        return 3, f"{unclear} of {result.compared} unclear: void, run it on a quieter machine"
    return 0, _calm(result)


def _expired(result: Result) -> str:
    return f"{len(result.expired)} waiver{'' if len(result.expired) == 1 else 's'} expired"


def _calm(result: Result) -> str:
    """Why a run is green, and what it could not say."""
    reported, alone = result.count("reported"), result.skipped_on_one_side
    said = f"{reported} slower, reported only" if reported else "nothing slower"
    return f"{said}; {alone} skipped on one side, not compared" if alone else said
