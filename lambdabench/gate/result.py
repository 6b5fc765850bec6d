"""What a check found: a line for each case, controls, counts, and the exit code that follows from them."""

from dataclasses import dataclass
from typing import Literal

from ..core.pairing import Controls, PairOutcome, Verdict

Status = Literal["slower", "waived", "faster", "same", "unclear", "failed", "new", "gone", "reported"]
"""`waived`: slower, and accepted; `reported`: slower where nothing is gated; `new`: base cannot run it; `gone`: head has it no more."""
DECIDED = frozenset({"slower", "waived", "faster", "same", "reported"})
VOID_SHARE = 0.2
"""More unclear cases than this, and the run says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One case. `outcomes` are those of all processes that timed it, the first one first."""

    label: str
    status: Status
    outcomes: tuple[PairOutcome, ...] = ()
    verdict: Verdict | None = None
    evidence: str = ""
    explanation: tuple[str, ...] = ()
    """Of a confirmed slowdown: what the profiler and the counters say, a line each."""

    @property
    def compared(self) -> bool:
        """Whether both sides ran and agreed."""
        return self.verdict is not None


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
        return sum(one.status in statuses for one in self.lines)

    @property
    def compared(self) -> int:
        return sum(one.compared for one in self.lines)

    @property
    def decided(self) -> int:
        return sum(one.status in DECIDED for one in self.lines)

    @property
    def controls_held(self) -> bool:
        return self.controls is not None and self.controls.held

    @property
    def exit_code(self) -> int:
        """0 nothing slower, 1 something slower or failing on head, 3 nothing or too little can be said."""
        return judge_run(self)[0]

    @property
    def exit_reason(self) -> str:
        """Why."""
        return judge_run(self)[1]


def judge_run(result: Result) -> tuple[int, str]:
    """(Exit code, why)."""
    broken = result.count("failed", "gone")
    unclear, slower, reported = result.count("unclear"), result.count("slower"), result.count("reported")
    if broken:
        return 1, f"{broken} failed or missing on head"
    if not result.compared:
        return 3, "nothing was compared"
    if not result.controls_held:
        return 3, "the controls did not come out as they must, so this run proves nothing"
    if slower:
        return 1, f"{slower} slower"
    if result.expired:
        return 1, f"{len(result.expired)} waiver{'' if len(result.expired) == 1 else 's'} expired"
    if unclear > VOID_SHARE * result.compared:
        return 3, f"{unclear} of {result.compared} unclear: void, run it on a quieter machine"
    return 0, f"{reported} slower, reported only" if reported else "nothing slower"
