"""What the gate asks a worker that holds two versions of the package, and what it answers."""

from dataclasses import dataclass
from typing import Literal

from .spec import Case

Clock = Literal["thread", "process", "wall"]
Status = Literal["ok", "new", "failed", "base_failed", "different"]
Role = Literal["pair", "control", "canary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRequest:
    """Cases to run on both sides in turn. `base`, `head`: folders of the package (the one with __init__.py)."""

    base: str
    head: str
    cases: tuple[tuple[str, Case], ...]
    """(Name, resolved case)."""
    budget_s: float
    """Of one case."""
    seed: int
    head_first: bool = False
    """Which side is made first; confirming processes swap it."""
    role: Role = "pair"
    """control: the head against itself; canary: the head against itself with extra work."""
    extra_share: float = 0.0
    """Extra work of a canary, as a share of a call."""
    fixed: bool = False
    """Whether the whole budget is used, without looks on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOutcome:
    """One case on both sides. Log ratios are of single calls, head over base, in the order of the rounds."""

    name: str
    status: Status
    reason: str = ""
    logs: tuple[float, ...] = ()
    """Of the clock that is judged."""
    walls: tuple[float, ...] = ()
    clock: Clock = "wall"
    base_s: float = 0.0
    """Median wall seconds a call."""
    head_s: float = 0.0
    base_faults: float = 0.0
    """Page faults a call."""
    head_faults: float = 0.0
    base_kernel: str = ""
    head_kernel: str = ""
    cpu_per_wall: float = 0.0
    seconds: float = 0.0
