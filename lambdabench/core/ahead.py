"""What is asked of the compiler for a machine that is not here, and what it says of a case."""

from dataclasses import dataclass
from typing import Literal

from .kernel_times import Stage
from .spec import Case
from .targets import Target

Status = Literal["fits", "too_large", "refused", "unfinished", "absent"]
"""It fits in a device's memory; it does not; the compiler or the network refuses it; it had not compiled when time was out; there is no
compiler here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAhead:
    """A resolved case, for a target."""

    target: Target
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class CostAhead:
    """Seconds of a kernel by the compiler's model, for a target."""

    target: Target
    stage: Stage
    kernel: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Of one case at one batch; bytes are of one device."""

    status: Status
    reason: str = ""
    kernel: str = ""
    """The lambda layers'."""
    argument_bytes: int = 0
    extra_bytes: int = 0
    """Temporaries, and outputs that take no argument's place."""
    needed_bytes: int = 0
    """What the compiler wanted where it is too large."""
    seconds: float = 0.0
    """Tracing, lowering and compiling, here."""
    jax: str = ""
    libtpu: str = ""
