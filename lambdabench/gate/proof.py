"""`python -m lambdabench.gate.proof [--minutes M] [--load N]`: how often the gate errs on this machine, as reports/gate/index.md.

Every trial is a fresh process. Trials are appended to reports/gate/trials.jsonl as they end, so that a run goes on where the
last one stopped; each carries its machine, and how long tasks waited for a CPU while it ran.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from ..core.registry import ROOT
from ..launch import worker_environment
from ..machine import host, quiet
from . import proof_table
from .proof_table import KERNELS, Trial, state

EXTRA = (0.0, 0.03, 0.05, 0.10)
WANTED = {
    "quiet": {0.0: 150, 0.03: 60, 0.05: 60, 0.10: 60},
    "busy": {0.0: 60, 0.03: 60, 0.05: 60, 0.10: 60},
}
"""Trials of a kernel: 600 of equal code in all on a quiet machine, 60 of each other cell."""
CAP_S = 10.0
FOLDER = Path("reports/gate")
HOG = """
import random, time
while True:
    end = time.time() + random.random()
    while time.time() < end:
        pass
    time.sleep(random.random())
"""
Cell = tuple[str, float, int]
"""Kernel, extra work, number."""


def main(arguments: Sequence[str]) -> int:
    """Runs trials for a time, then writes the table."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.gate.proof", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--load", type=int, default=0, help="bursty busy programs to run beside")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args(arguments)
    path: Path = asked.folder / "trials.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    end_s = time.monotonic() + 60 * asked.minutes
    here = machine()
    with hogs(asked.load):
        while time.monotonic() < end_s:
            cell = next_cell([trial for trial in read(path) if trial["machine"] == here], asked.load)
            if cell is None:
                break
            with path.open("a") as file:
                file.write(json.dumps(run(*cell, asked.load)) + "\n")
    proof_table.write(read(path), asked.folder)
    return 0


def machine() -> dict[str, Any]:
    """This machine, as a trial carries it."""
    name, flags = host.cpu_facts()
    return {"cpu": name, "flags": flags, "processors": os.cpu_count()}


def read(path: Path) -> list[Trial]:
    """The trials there are; a line that was cut off is left out."""
    trials: list[Trial] = []
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            trials.append(json.loads(line))
    return trials


def next_cell(trials: Sequence[Trial], load: int) -> Cell | None:
    """The cell that is furthest from what is wanted of this machine; None where all is there that can be had.

    Nobody can order a quiet machine: the next trial is taken to run as the last one did. Beside hogs it is busy.
    """
    counts = {(kind, kernel, extra): 0 for kind, cells in WANTED.items() for kernel in KERNELS for extra in cells}
    for trial in trials:
        if trial["kernel"] in KERNELS:
            counts[state(trial), trial["kernel"], trial["extra"]] += 1
    behind = {cell: count / WANTED[cell[0]][cell[2]] for cell, count in counts.items()}
    missing = [cell for cell, share in behind.items() if share < 1]
    aim = "busy" if load else "quiet"
    if not any(cell[0] == aim for cell in missing):
        return None
    now = state(trials[-1]) if trials and not load else aim
    chosen = [cell for cell in missing if cell[0] == now] or [cell for cell in missing if cell[0] == aim]
    _, kernel, extra = min(chosen, key=lambda cell: behind[cell])
    return kernel, extra, sum(counts[kind, kernel, extra] for kind in WANTED)


def run(kernel: str, extra: float, number: int, load: int) -> Trial:
    """One trial in a fresh process, with the machine and what it was like meanwhile."""
    before = quiet.take_snapshot()
    command = (sys.executable, "-m", f"{ROOT}.worker.trial", kernel, str(extra), str(number), str(CAP_S))
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=worker_environment(1))
    noise = quiet.noise_between(before, quiet.take_snapshot(), 1)
    numbers = {"load": load, "pressure": noise.cpu_pressure, "steal": noise.steal, "machine": machine()}
    return json.loads(done.stdout) | numbers


@contextlib.contextmanager
def hogs(count: int) -> Generator[None]:
    """So many programs that are busy about half of the time."""
    running = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(count)]
    try:
        yield
    finally:
        for popen in running:
            popen.kill()
            popen.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
