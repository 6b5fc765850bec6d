"""Has the worker look at images: the parent loads no framework, and reads what is appended to the file of predictions meanwhile."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..core import codec
from ..core.errors import EvaluationError
from ..core.evaluation import Ended, Evaluation
from .one_shot_worker import ask
from .process_start import worker_environment

OFFLINE = "HF_HUB_OFFLINE"
FULL = ("out of memory", "OutOfMemory", "RESOURCE_EXHAUSTED")
"""How frameworks say that a device's memory is full."""


def evaluate(asked: Evaluation, on_look: Callable[[], None] = lambda: None) -> None:
    """Predictions of all images are in their file. Raises EvaluationError with the worker's problem or its last words, and what `on_look`
    raises; what was appended by then stays."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-evaluate-") as name:
        folder = Path(name)
        codec.write(folder / "request.json", asked)
        environment = variables(asked.case.threads)
        if failed := ask("evaluate", folder, limit_s=float("inf"), on_look=on_look, environment=environment):
            mend = "; try a smaller --batch-size" if any(sign in failed for sign in FULL) else ""
            raise EvaluationError(f"the evaluation {failed}{mend}")
        ended = codec.read(Ended, folder / "answer.json")
    if ended.problem:
        raise EvaluationError(ended.problem)


def variables(threads: int | None) -> dict[str, str]:
    """A worker's, but that published weights may be downloaded unless the user says otherwise."""
    result = worker_environment(threads)
    if OFFLINE not in os.environ:
        del result[OFFLINE]
    return result
