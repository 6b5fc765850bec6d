"""What a case raised, as a status and a reason that says what to do."""

import traceback
from pathlib import Path

from ..core.errors import LambdabenchError, MismatchError, OutOfMemoryError, UnsupportedError, WrongOutputError
from ..core.spec import Case
from ..core.statuses import Status

STATUS_OF: dict[type[LambdabenchError], Status] = {
    OutOfMemoryError: "oom",
    UnsupportedError: "unsupported",
    MismatchError: "mismatch",
    WrongOutputError: "wrong_output",
}
OOM_TEXTS = (
    *("out of memory", "can't allocate memory", "cannot allocate memory"),
    # XLA, wherever it runs: the state of memory that is not there, and what a TPU's loader says ("Attempting to reserve 10.51G at the
    # bottom of memory. That was not possible.", huggingface/transformers issue 22328)
    *("resource_exhausted", "ran out of memory", "that was not possible"),
    # cuBLAS and cuDNN, of workspaces; and torch, where no algorithm of cuDNN has room for its own
    *("cublas_status_alloc_failed", "cudnn_status_alloc_failed", "device_allocation_failed"),
    *("unable to find an engine to execute this computation", "hiperroroutofmemory"),
    # Intel's GPUs (Unified Runtime and Level Zero, result codes)
    *("error_out_of_device_memory", "error_out_of_host_memory", "error_out_of_resources"),
)
"""What allocators, compilers and libraries say where memory is short, in lower case."""
NOT_MEMORY = (
    "outofresources",
    "out of resource: ",
    "memory space vmem",
    "memory space smem",
    "shared memory size limit",
)
"""What compilers say of a kernel that asks for more than a multiprocessor or a core has on its chip, on whatever batch."""
OOM_ADVICE = "try a smaller --batch-size or --image-px"


def explain(error: Exception, case: Case) -> tuple[Status, str]:
    """(Status, reason with the place and, where there is one, the mend) of what a job raised."""
    for kind, status in STATUS_OF.items():
        if isinstance(error, kind):
            return status, str(error)
    if isinstance(error, LambdabenchError):
        return "crash", str(error)
    text = f"{type(error).__name__}: {_first_line(error)}"
    if is_of_memory(error):
        return "oom", f"{text}; {OOM_ADVICE}"
    return "crash", f"{text} ({_place(error, case)})"


def is_of_memory(error: Exception) -> bool:
    """Whether a smaller batch may mend it: memory was short, of the host or of a device, while something was compiled, loaded or run."""
    whole = f"{type(error).__name__}: {error}".lower()
    if any(name in whole for name in NOT_MEMORY):
        return False
    return (
        isinstance(error, MemoryError)
        or "OutOfMemory" in type(error).__name__
        or any(name in whole for name in OOM_TEXTS)
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"


def _place(error: Exception, case: Case) -> str:
    """File and line of the innermost frame, of the user's own file where the model is one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = Path(case.model.partition(":")[0]).name if ".py:" in case.model else ""
    chosen = next((frame for frame in reversed(frames) if own and Path(frame.filename).name == own), frames[-1])
    return f"{chosen.filename}:{chosen.lineno}"
