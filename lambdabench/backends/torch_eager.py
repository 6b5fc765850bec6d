"""torch as its users run it: eager, on CPU, CUDA, XPU and MPS. What is in force is read back from the live network."""

from ..core.ports import Session, Workload
from ..core.spec import Case, Device
from . import _torch_devices, _torch_session, torch_compile
from ._torch_session import TorchSession, refuse

FRAMEWORK = "torch"
COMPILES = False
LIBRARIES = _torch_devices.LIBRARIES
OPTIONS = _torch_session.OPTIONS
CHOICES = _torch_session.CHOICES


def find_devices() -> tuple[Device, ...]:
    """Accelerators, then the CPU. Raises MissingExtraError without torch."""
    return _torch_devices.find_devices("torch_eager")


def prepare(case: Case) -> None:
    """Nothing: torch takes its settings when the session opens."""


def open_session(workload: Workload | None, case: Case, seed: int) -> Session:
    """Places and prepares the network. Raises UnsupportedError with what to ask instead."""
    assert workload is not None
    refuse(case)
    if not hasattr(workload, "anew"):
        return TorchSession(workload, case, seed)
    from . import _torch_authors

    compiled = _torch_authors.is_compiled(workload.network)
    if compiled:
        torch_compile.start_compiler(case.device)
    return TorchSession(workload, case, seed, torch_compile.InductorCompiler(None, cold=compiled))
