"""torch as its users run it: eager, on CPU, CUDA, XPU and MPS. What is in force is read back from the live network."""

from collections.abc import Mapping

from ..core.ports import Session, Workload
from ..core.spec import Case, Device, Value
from . import _torch_devices
from ._torch_session import TorchSession, refuse

FRAMEWORK = "torch"
COMPILES = False
OPTIONS: Mapping[str, Value] = {}
CHOICES: Mapping[str, tuple[Value, ...]] = {}


def find_devices() -> tuple[Device, ...]:
    """Accelerators, then the CPU. Raises MissingExtraError without torch."""
    return _torch_devices.find_devices("torch_eager")


def prepare(case: Case) -> None:
    """Nothing: torch takes its settings when the session opens."""


def open_session(workload: Workload | None, case: Case, seed: int) -> Session:
    """Places and prepares the network. Raises UnsupportedError with what to ask instead."""
    assert workload is not None
    refuse(case)
    return TorchSession(workload, case, seed)
