"""One errand of the worker program: it is asked by files in a folder, answers by files in it, and ends. So do all that it started, and all
of it when its parent is gone."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ..core.registry import ROOT
from .exit_outcomes import last_words
from .process_start import process, worker_environment

POLL_S = 0.05
FRAMEWORKS_S = 180.0
"""Of an errand before it begins with what is timed: importing frameworks, on a machine that is busy."""


def ask(
    errand: str,
    folder: Path,
    *,
    limit_s: float,
    has_begun: Callable[[], bool] = lambda: True,
    on_look: Callable[[], None] = lambda: None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Waits for the worker's end, for at most `limit_s` seconds from when it has begun; `on_look` is called between looks, and what it
    raises ends the errand. What went wrong, to follow a subject: its last words, or the time; empty if nothing. What it has started is
    ended too, and nobody waits for it. `environment`: its variables; those of a worker."""
    command = (sys.executable, "-m", f"{ROOT}.worker", errand, str(folder))
    with process(folder, command, environment or worker_environment(None)) as started:
        begun, since_s = False, time.monotonic()
        while (code := started.poll()) is None:
            if not begun and has_begun():
                begun, since_s = True, time.monotonic()
            if time.monotonic() - since_s > (limit_s if begun else FRAMEWORKS_S):
                return f"took over {limit_s if begun else FRAMEWORKS_S:g} s"
            on_look()
            _wait(started)
        return f"failed{last_words(folder / 'stderr.txt') or f': exit code {code}'}" if code else ""


def _wait(started: subprocess.Popen[bytes]) -> None:
    """For the next look, or the end."""
    try:
        started.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return
