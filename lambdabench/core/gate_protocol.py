"""What the gate and the process that times two versions in turn say to each other."""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from . import foreign
from .record import Noise
from .spec import Case

Finding = Literal["slower", "faster", "same", "unclear"]
Clock = Literal["thread CPU", "process CPU", "wall", "device"]
Trouble = Literal["", "head", "base", "outputs", "skipped", "unmeasured", "foreign"]
"""Why a case was not compared: the side that cannot run it, outputs that differ, a side that skips it, a base that cannot even be
imported, or a side that ran code which is not its own."""
Skipping = Literal["", "both sides", "head", "base"]
CANARY_CALLS = 10
"""Calls of the control that does one call more on one side: real work, of the kernel's own kind, worth +10 %."""


EXTRA_CALLS = 20
"""Calls to which a self-test adds one on head's side: +5 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is called slower. A `tolerance` of 0.02: an estimate over +2 % whose interval excludes +1 %; same: all within 2.5 %."""

    tolerance: float = 0.02
    alpha: float = 0.01
    """Error of calling one case slower or faster, over all its analyses."""
    alpha_same: float = 0.05
    """Error of calling one case the same, over all its analyses."""
    first_analysis: int = 24
    """Rounds."""
    growth: float = 1.35
    cap_s: float = 10.0
    """Seconds of one case after which it is unclear."""

    @property
    def negligible(self) -> float:
        """Never worth a red build; the interval of a slower one lies above."""
        return self.tolerance / 2

    @property
    def equal(self) -> float:
        """An interval within this, either way, proves that nothing worth mentioning changed."""
        return 1.25 * self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Head's time over base's with its interval. `tolerance` is the share above which it would have been slower."""

    ratio: float
    low: float
    high: float
    tolerance: float
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One case to compare. `label` is its name for people, unique in a run."""

    label: str
    case: Case
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How two players are compared. `slowdown` multiplies head's times; head makes `extra_calls` in a canary only."""

    rules: Rules = field(default_factory=Rules)
    fixed_s: float | None = None
    slowdown: float = 1.0
    calls: int | None = None
    extra_calls: int = 0
    swapped: bool = False
    """Head was made before base."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Both sides of one case, made once more: `base` and `head` are folders of the two packages, or of the same one."""

    entry: Entry
    base: str
    head: str
    swapped: bool = False
    """Head is made before base."""
    again: bool = False
    """Base is a second copy of head, loaded under a name of its own."""
    anchored: bool = False
    """Head is to be timed in turn with a fixed piece of work, and there is no base."""
    seed: int = 0
    """Moves where memory lies: processes that one has forked have theirs laid out alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAsked:
    """One request of a worker: `opening` where a case is opened, once more where it is open already, `terms` where the latest of
    what was made of it is visited, `explain` where it is closed and its operators are profiled before."""

    what: Literal["open", "visit", "close"]
    label: str
    opening: Opening | None = None
    terms: Terms | None = None
    explain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRequest:
    """What one process is asked for, case by case: `base` and `head` are folders of the two packages, or of the same one."""

    base: str
    head: str
    entries: tuple[Entry, ...]
    fixed_s: float | None = None
    """Seconds of each case in a fresh process that is weighed with others; None: until it is decided."""
    swapped: bool = False
    """Head is made before base."""
    controls: bool = False
    """Whether the quickest case is also compared with itself, as it is and with a tenth more work."""
    explain: bool = False
    """Whether operators are profiled afterwards."""
    slowdown: float = 1.0
    """Head's times are multiplied by this: what a self-test knows to be there."""
    extra_work: bool = False
    """Head makes 21 calls to base's 20: the same, as real work."""
    anchored: bool = False
    """Head is timed in turn with a fixed piece of work, and there is no base."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersRequest:
    """The same for a user's pytest-benchmark tests: `base` and `head` are trees that hold the same tests."""

    base: str
    head: str
    rules: Rules = field(default_factory=Rules)
    own_rules: tuple[tuple[str, Rules], ...] = ()
    """Of single tests."""
    only: str = "*"
    fresh: tuple[str, ...] = ()
    """Files of tests that base's commit did not have, from the top of the tree."""
    names: tuple[str, ...] = ()
    """Dotted names of the packages and modules that are compared: each side has to have its own."""
    homes: tuple[str, str] = ("", "")
    """Environments of base and head; empty where both have this one, and their trees alone hold what is compared."""
    labels: tuple[str, ...] = ()
    """Tests to confirm, by their full names; empty: all."""
    fixed_s: float | None = None
    controls: bool = False
    swapped: bool = False
    """Whether what base's test makes is to come before what head's makes, in memory; else the other way about."""
    explain: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What a framework's profiler says of one operator in one call, its own time without that of operators in it."""

    name: str
    self_s: float
    calls: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One version of a case, while it was timed."""

    call_s: float = 0.0
    """Median time of a call."""
    faults_per_call: float = 0.0
    kernel: str = ""
    operators: tuple[Operator, ...] = ()
    """The costliest first; empty where nothing was profiled."""
    allocations_per_call: float | None = None
    instructions_per_call: float | None = None
    """None where this machine counts none for us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What both sides said in turn, made once: the centre of log(head / base) over rounds, its standard error, its finding alone."""

    log: float
    sd: float
    finding: Finding
    wall_log: float
    """By wall time."""
    swapped: bool = False
    """Head was made before base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What rounds of two players tell."""

    verdict: Verdict
    reason: str
    wall_ratio: float
    clock: Clock
    rounds: int
    calls: int
    seconds: float
    builds: tuple[Build, ...]
    base_s: float
    head_s: float
    base_faults: float
    head_faults: float
    noise: Noise


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOutcome:
    """What one process says of one case."""

    label: str
    trouble: Trouble = ""
    reason: str = ""
    """Of the trouble, or of an unclear verdict."""
    skipped: Skipping = ""
    """Who skips it."""
    verdict: Verdict | None = None
    wall_ratio: float = 1.0
    clock: Clock = "wall"
    rounds: int = 0
    calls: int = 1
    """In a row, on one side."""
    seconds: float = 0.0
    builds: tuple[Build, ...] = ()
    """What the verdict was made of."""
    base: Side = field(default_factory=Side)
    head: Side = field(default_factory=Side)
    steal: float | None = None
    pressure: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", foreign.bounded(self.reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnswered:
    """What a worker says: what went wrong, after which the case is closed; of a visit what its rounds tell; of a case that was closed
    what is known of base and head without timing."""

    trouble: PairOutcome | None = None
    compared: Compared | None = None
    sides: tuple[Side, ...] = ()


def timed(label: str, compared: Compared, base: Side, head: Side) -> PairOutcome:
    """The outcome of a case that was timed, with what else is known of its sides."""
    return PairOutcome(
        label=label,
        reason=compared.reason,
        verdict=compared.verdict,
        wall_ratio=compared.wall_ratio,
        clock=compared.clock,
        rounds=compared.rounds,
        calls=compared.calls,
        seconds=compared.seconds,
        builds=compared.builds,
        base=dataclasses.replace(base, call_s=compared.base_s, faults_per_call=compared.base_faults),
        head=dataclasses.replace(head, call_s=compared.head_s, faults_per_call=compared.head_faults),
        steal=compared.noise.steal,
        pressure=compared.noise.cpu_pressure,
    )


def skipped(label: str, *, head: str, base: str) -> PairOutcome:
    """The outcome of a case that a side skips, by each side's reason: one at least, the other's empty where it does not."""
    if head and base:
        why = head if head == base else f"head: {head}; base: {base}"
        return PairOutcome(label=label, trouble="skipped", skipped="both sides", reason=why)
    side: Skipping = "head" if head else "base"
    other = "base" if head else "head"
    why = f"{side} alone skips it, so it is not compared: {head or base}; {other} does not"
    return PairOutcome(label=label, trouble="skipped", skipped=side, reason=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What the run says of cases whose answer is known."""

    label: str
    same: Verdict
    canary: Verdict

    @property
    def held(self) -> bool:
        """Equal code was not told apart, and a tenth more work was."""
        return self.same.finding in ("same", "unclear") and self.canary.finding == "slower"
