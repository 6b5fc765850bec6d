"""Machines that programs are compiled for with none of them here: slices of TPUs by the names that Google rents them under."""

from dataclasses import dataclass

from . import registry
from .errors import UnknownNameError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A slice of one host."""

    name: str
    chips: int
    """Devices, as JAX counts them."""
    topology: str
    """As libtpu's compiler is asked for it."""
    accelerator: str
    """What TPU_ACCELERATOR_TYPE is there."""
    title: str
    """What JAX calls the kind of device."""
    memory_bytes: int
    """Of a chip."""
    flop_per_s: float
    """Of a chip, products of bfloat16."""
    bytes_per_s: float


TARGETS = (
    # Google Cloud, "TPU v5e" and "TPU v4": system architecture
    Target(
        name="v5e-8",
        chips=8,
        topology="v5e:2x4",
        accelerator="v5litepod-8",
        title="TPU v5 lite",
        memory_bytes=16 * 2**30,
        flop_per_s=197e12,
        bytes_per_s=819e9,
    ),
    Target(
        name="v4-8",
        chips=4,
        topology="v4:2x2x1",
        accelerator="v4-8",
        title="TPU v4",
        memory_bytes=32 * 2**30,
        flop_per_s=275e12,
        bytes_per_s=1228e9,
    ),
)


def target_of(name: str) -> Target:
    """The target called so. Raises UnknownNameError with the nearest."""
    chosen = next((target for target in TARGETS if target.name == name), None)
    if chosen is None:
        raise _unknown(name)
    return chosen


def variables(target: Target) -> dict[str, str]:
    """What libtpu wants to be told where it is no TPU that it runs on, before it is loaded."""
    return {
        "TPU_SKIP_MDS_QUERY": "1",
        "TPU_ACCELERATOR_TYPE": target.accelerator,
        "TPU_WORKER_HOSTNAMES": "localhost",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
        "JAX_PLATFORMS": "cpu",
    }


def _unknown(name: str) -> UnknownNameError:
    return registry.unknown("machine to compile for", name, [target.name for target in TARGETS])
