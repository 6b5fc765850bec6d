"""`python -m lambdabench.conduct.independent [--only NAMES]`: does a run's number agree with a loop that knows nothing of this package?

Ten networks are measured in rounds of visits, and beside it, between two visits, by a plain loop in fresh processes that import timm and
torch alone. The machine as it is, and with all processors shared. As reports/rounds/independent.md; each condition is appended to
independent.jsonl as it ends.
"""

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..analysis import rounds
from ..analysis.rounds import Located
from ..core.registry import ROOT
from ..core.spec import Case, Sampling
from ..launch import worker_environment
from ..launch.workers import WorkerPool
from . import proof, proof_table
from .idle_wait import Settling, allowance
from .rounds import RunSetup, follow

NETWORKS = (
    *proof.NETWORKS,
    "mobilenetv3_large_100",
    "convnext_atto",
    "halonet26t",
    "resnet18",
)
CONDITIONS = ("as it is", "shared")
PROCESSES = 3
"""Of the loop, a network."""
LOOP = """
import sys, time
import timm, torch
name, pixels, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
torch.set_num_threads(threads)
network = timm.create_model(name).eval()
image = torch.randn(1, 3, pixels, pixels)
found, start = [], time.perf_counter()
with torch.inference_mode():
    while time.perf_counter() - start < 1 + seconds:
        before = time.perf_counter()
        network(image)
        if before - start > 1:
            found.append(time.perf_counter() - before)
print(sorted(found)[len(found) // 2])
"""
"""The median of its calls after a second of them."""
HEAD = (
    "# Does a number agree with an independent loop?",
    "",
    "Ten of timm's networks, batch 1: median latency in ms with 95 % intervals, by rounds of visits (9 visits in 3 processes) and by a",
    f"plain loop over timm and torch in {PROCESSES} fresh processes at random times between these visits (Student's t of their medians).",
    "They agree where the intervals meet. Measured here; wall time. Written by `python -m lambdabench.conduct.independent`.",
    "",
    "| machine | condition | network | rounds of visits | plain loop | ratio | they agree |",
    "|---|---|---|---|---|---|---|",
)


def main(arguments: Sequence[str]) -> int:
    """Measures each condition and writes the table of all that were."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.conduct.independent", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of calls a network, each way")
    parser.add_argument("--only", default=",".join(CONDITIONS), help="conditions, comma-separated")
    parser.add_argument("--folder", type=Path, default=proof.FOLDER)
    asked = parser.parse_args(arguments)
    path: Path = asked.folder / "independent.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    for condition in asked.only.split(","):
        text = measure(condition, asked.seconds)
        with path.open("a") as file:
            file.write(json.dumps(text) + "\n")
    (asked.folder / "independent.md").write_text(page(proof.read(path)))
    return 0


def measure(condition: str, case_s: float) -> dict[str, Any]:
    """One condition: of each network its visits, and the medians of the loop's processes [s], made between two of these."""
    sampling = Sampling(case_budget_s=case_s, rounds=9, processes=3, min_samples=1)
    jobs = [proof.job_of(name, sampling) for name in random.sample(NETWORKS, len(NETWORKS))]
    waiting = random.sample([job.case for job in jobs] * PROCESSES, len(jobs) * PROCESSES)
    visits: dict[str, list[proof.Entry]] = {}
    loops: dict[str, list[float]] = {name: [] for name in NETWORKS}
    begun_s = time.monotonic()
    with proof.load(condition), WorkerPool() as pool:
        settle = Settling(allowance_s=allowance(2 * case_s * len(jobs)))
        setup = RunSetup(pool=pool, half_of=lambda job: job, seed=random.getrandbits(32), settle=settle)
        for turn in follow(jobs, setup):
            if turn.visit is None:
                continue
            visits.setdefault(turn.job.case.model, []).append(proof.entry_of(turn.visit, turn.job))
            if waiting and random.random() < PROCESSES / sampling.rounds:
                case = waiting.pop()
                loops[case.model].append(_loop(case, case_s / PROCESSES))
        for case in waiting:
            loops[case.model].append(_loop(case, case_s / PROCESSES))
    seconds = time.monotonic() - begun_s
    return {"machine": proof.machine(), "condition": condition, "visits": visits, "loops": loops, "seconds": seconds}


def page(result: Sequence[dict[str, Any]]) -> str:
    """A table of all conditions, and how many networks agree."""
    lines = [*HEAD]
    for item in result:
        estimates = rounds.absolute(proof_table.fitted(item["visits"]))
        for name, loops in item["loops"].items():
            ours, theirs = estimates[name], interval(loops)
            agrees = ours.low <= theirs[2] and theirs[1] <= ours.high
            cells = (
                item["machine"],
                item["condition"],
                name,
                _cell(ours.value, ours.low, ours.high),
                _cell(*theirs),
                f"{ours.value / theirs[0]:.3f}",
                "yes" if agrees else "no",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def interval(seconds: Sequence[float]) -> tuple[float, float, float]:
    """(Centre, low, high): Student's t of the logarithms."""
    logs, count = [math.log(second) for second in seconds], len(seconds)
    located = Located(
        value=statistics.fmean(logs),
        variance=statistics.variance(logs) / count,
        dof=count - 1,
        visits=count,
        processes=count,
    )
    margin = located.margin(0.95)
    return math.exp(located.value), math.exp(located.value - margin), math.exp(located.value + margin)


def _loop(case: Case, seconds: float) -> float:
    """The loop in a fresh process."""
    threads = case.threads or 1
    command = (sys.executable, "-c", LOOP, case.model, str(case.image_px), str(threads), str(seconds))
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=worker_environment(threads))
    return float(ended.stdout)


def _cell(value: float, low: float, high: float) -> str:
    return f"{1e3 * value:.1f} [{1e3 * low:.1f}, {1e3 * high:.1f}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
