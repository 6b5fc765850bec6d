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
OOM_TEXTS = ("out of memory", "can't allocate memory", "cannot allocate memory")
OOM_ADVICE = "try a smaller --batch-size or --image-px"


def explain(error: Exception, case: Case) -> tuple[Status, str]:
    """(Status, reason with the place and, where there is one, the mend) of what a job raised."""
    for kind, status in STATUS_OF.items():
        if isinstance(error, kind):
            return status, str(error)
    if isinstance(error, LambdabenchError):
        return "crash", str(error)
    text = f"{type(error).__name__}: {_first_line(error)}"
    lowered = text.lower()
    if (
        isinstance(error, MemoryError)
        or any(name in lowered for name in OOM_TEXTS)
        or "OutOfMemory" in type(error).__name__
    ):
        return "oom", f"{text}; {OOM_ADVICE}"
    return "crash", f"{text} ({_place(error, case)})"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"


def _place(error: Exception, case: Case) -> str:
    """File and line of the innermost frame, of the user's own file where the model is one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = Path(case.model.partition(":")[0]).name if ".py:" in case.model else ""
    chosen = next((frame for frame in reversed(frames) if own and Path(frame.filename).name == own), frames[-1])
    return f"{chosen.filename}:{chosen.lineno}"
