"""What `prove` asks a worker on a device, and what comes back."""

from dataclasses import dataclass
from typing import Literal

What = Literal["answers", "load", "copies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofAsked:
    """A device by its name here, the framework that is to answer ("torch", "jax"; "fake": a script), and what: `ProofAnswered`, `Loaded`
    or `Copied` comes back."""

    framework: str
    device: str
    what: What = "answers"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelError:
    """The largest error over the largest value of a way to apply lambdas, values and gradients, against float64; `problem` where it could
    not be asked."""

    kernel: str
    dtype: str
    error: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofAnswered:
    """What a framework found on the device."""

    title: str
    errors: tuple[KernelError, ...]
    product_flop_per_s: tuple[tuple[str, float], ...] = ()
    """Of a large product of matrices, by dtype, the best of some calls that were waited for."""
    copy_bytes_per_s: float = 0.0
    """Read and written together."""
    round_trip_s: float = 0.0
    """From calling a program that does next to nothing to its result."""
    versions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A card by NVML after so many seconds of load: its clock, and what held that down, by name; None where it does not tell."""

    after_s: float
    sm_clock_mhz: float | None = None
    reasons: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A device under load from rest on: seconds of each call of one product of two square matrices, waited for one by one."""

    dtype: str
    side: int
    seconds: tuple[float, ...]
    moments: tuple[Moment, ...] = ()
    """The first at rest; none where there is nobody to ask."""
    lost: float | None = None
    """Share [0, 1] of the time in which it wanted the CPU and others had it; None where nothing tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """Seconds of copies, the quickest of some, and the bytes that each reads and writes together: one that no cache holds, and one that
    they hold, with what they hold from the call before and with caches that were emptied."""

    large_bytes: int
    large_s: float
    small_bytes: int
    warm_s: float
    cold_s: float
    lost: float | None = None
    """As of `Loaded`."""
