"""`python -m lambdabench.gate.proof [--minutes M] [--load N]`: how often the gate errs on this machine, as reports/gate/index.md.

Every trial is a fresh process. Trials are appended to reports/gate/trials.jsonl as they end, so that a run goes on where the
last one stopped.
"""

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from ..analysis.wilson import wilson
from ..core.registry import ROOT
from ..launch import worker_environment
from ..machine import host, quiet

KERNELS = ("gemm", "memory", "tiny", "allocating")
EXTRA = (0.0, 0.03, 0.05, 0.10)
WANTED = {0.0: 150, 0.03: 60, 0.05: 60, 0.10: 60}
"""Trials of a kernel: 600 of equal code in all, 60 of each cell of real work."""
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
RULE = 1.05
"""pytest-benchmark's --benchmark-compare-fail=median:5%."""
Trial = dict[str, Any]


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
    with hogs(asked.load):
        while time.monotonic() < end_s and (cell := next_cell(read(path), asked.load)):
            with path.open("a") as file:
                file.write(json.dumps(run(*cell, asked.load)) + "\n")
    (asked.folder / "index.md").write_text(table(read(path)))
    return 0


def read(path: Path) -> list[Trial]:
    """The trials there are; a line that was cut off is left out."""
    found: list[Trial] = []
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


def next_cell(trials: Sequence[Trial], load: int) -> tuple[str, float, int] | None:
    """(Kernel, extra work, number) of the cell that is furthest from what is wanted; None where all is there."""
    counts = {(kernel, extra): 0 for kernel in KERNELS for extra in EXTRA}
    for one in trials:
        if bool(one["load"]) == bool(load):
            counts[one["kernel"], one["extra"]] += 1
    kernel, extra = min(counts, key=lambda cell: counts[cell] / WANTED[cell[1]])
    count = counts[kernel, extra]
    return (kernel, extra, count) if count < WANTED[extra] else None


def run(kernel: str, extra: float, number: int, load: int) -> Trial:
    """One trial in a fresh process, with what the machine was like meanwhile."""
    before = quiet.take_snapshot()
    command = (sys.executable, "-m", f"{ROOT}.worker.trial", kernel, str(extra), str(number), str(CAP_S))
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=worker_environment(1))
    noise = quiet.noise_between(before, quiet.take_snapshot(), 1)
    return json.loads(done.stdout) | {"load": load, "pressure": noise.cpu_pressure, "steal": noise.steal}


@contextlib.contextmanager
def hogs(count: int) -> Generator[None]:
    """So many programs that are busy about half of the time."""
    running = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(count)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def table(trials: Sequence[Trial]) -> str:
    """What the trials say, as Markdown."""
    name, flags = host.cpu_facts()
    head = [
        "# How often the gate errs",
        "",
        f"{len(trials)} trials, each in a fresh process, stage one only (a red build needs two more processes and Holm's",
        f"correction), cap {CAP_S:g} s a case; {name} ({flags}), {os.cpu_count()} processors. 95 % intervals by Wilson.",
        "Exact: the rounds of equal code with head's times multiplied. Real: as much more work of the kernel's own kind.",
        "",
        "| load | slowdown | kernel | trials | slower | unclear | same | faster | median ratio | median s | p90 s "
        "| median:5 % of separate processes |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows: list[str] = []
    for load in (False, True):
        of_load = [one for one in trials if bool(one["load"]) == load]
        for factor in ("1.0", "1.03", "1.05", "1.1"):
            kind = "none (A/A)" if factor == "1.0" else f"exact +{100 * (float(factor) - 1):.0f} %"
            equal = [one for one in of_load if one["extra"] == 0]
            rows += _rows(equal, factor, "loaded" if load else "as found", kind)
        for extra in EXTRA[1:]:
            real = [one for one in of_load if one["extra"] == extra]
            rows += _rows(real, "1.0", "loaded" if load else "as found", f"real +{100 * extra:.0f} %")
    return "\n".join([*head, *rows, "", _pressure(trials), ""])


def _rows(trials: Sequence[Trial], factor: str, load: str, kind: str) -> list[str]:
    groups = {kernel: [one for one in trials if one["kernel"] == kernel] for kernel in KERNELS} | {
        "**all**": list(trials)
    }
    return [_row(group, factor, load, kind, kernel) for kernel, group in groups.items() if group]


def _row(trials: Sequence[Trial], factor: str, load: str, kind: str, kernel: str) -> str:
    found = [one["found"][factor] for one in trials]
    cells = [load, kind, kernel, str(len(found))]
    for finding in ("slower", "unclear", "same", "faster"):
        count = sum(one["finding"] == finding for one in found)
        low, high = wilson(count, len(found))
        cells.append(
            f"{count} ({100 * count / len(found):.0f} % [{100 * low:.1f}, {100 * high:.1f}])"
            if count or finding == "slower"
            else "0"
        )
    seconds = sorted(one["seconds"] for one in found)
    ratios = sorted(one["ratio"] for one in found)
    cells += [
        f"{ratios[len(ratios) // 2]:.3f}",
        f"{seconds[len(seconds) // 2]:.1f}",
        f"{seconds[int(0.9 * len(seconds))]:.1f}",
        _theirs(trials, float(factor)),
    ]
    return f"| {' | '.join(cells)} |"


def _theirs(trials: Sequence[Trial], factor: float) -> str:
    """How often a rule on medians of two processes, base's and the next one's head, says slower on these same runs."""
    pairs = [
        (one, two)
        for one, two in itertools.pairwise(trials)
        if one["kernel"] == two["kernel"] and one["extra"] == two["extra"]
    ]
    if not pairs:
        return "–"
    count = sum(factor * two["head_s"] / one["base_s"] > RULE for one, two in pairs)
    low, high = wilson(count, len(pairs))
    return f"{100 * count / len(pairs):.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def _pressure(trials: Sequence[Trial]) -> str:
    known = sorted(one["pressure"] for one in trials if one["pressure"] is not None and not one["load"])
    if not known:
        return ""
    return (
        f"As found: a shared machine, where some task waited for a CPU in {100 * known[len(known) // 2]:.0f} % of the time "
        f"(median of trials; 90 %: {100 * known[int(0.9 * len(known))]:.0f} %)."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
