"""What `prove` asks a worker on a device, and what comes back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofAsked:
    """A device by its name here, and the framework that is to answer ("torch", "jax")."""

    framework: str
    device: str


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
