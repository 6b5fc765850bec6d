"""One errand of the worker program: it is asked by files in a folder, answers by files in it, and ends."""

import subprocess
import sys
from pathlib import Path

from ..core import foreign
from ..core.registry import ROOT
from .local import worker_environment


def ask(errand: str, folder: Path, *, limit_s: float) -> str:
    """Waits for the worker's end. What went wrong, to follow a subject: its last words, or the time; empty if nothing."""
    environment = worker_environment(None)
    environment.pop("LAMBDABENCH_LEASH")
    command = (sys.executable, "-m", f"{ROOT}.worker", errand, str(folder))
    said = folder / "stderr.txt"
    try:
        with said.open("wb") as log:
            done = subprocess.run(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=log, timeout=limit_s, check=False
            )
    except subprocess.TimeoutExpired:
        return f"took over {limit_s:g} s"
    return f"failed: {foreign.last_words(said, 3) or f'exit code {done.returncode}'}" if done.returncode else ""
