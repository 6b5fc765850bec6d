"""One errand of the worker program: it is asked by files in a folder, answers by files in it, and ends."""

import subprocess
import sys
from pathlib import Path

from ..core.registry import ROOT
from .local import worker_environment


def ask(errand: str, folder: Path, *, limit_s: float) -> str:
    """Waits for the worker's end. What went wrong, to follow a subject: its last words, or the time; empty if nothing."""
    environment = worker_environment(None)
    environment.pop("LAMBDABENCH_LEASH")
    command = (sys.executable, "-m", f"{ROOT}.worker", errand, str(folder))
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return f"took over {limit_s:g} s"
    last = " / ".join(done.stderr.strip().splitlines()[-3:])
    return f"failed: {last or f'exit code {done.returncode}'}" if done.returncode else ""
