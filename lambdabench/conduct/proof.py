"""`python -m lambdabench.conduct.proof [--repeats N] [--seconds S] [--only NAMES] [--quickstart N]`: does a run's number repeat? As
reports/rounds/index.md.

Six networks are measured again and again in two ways, of equally long measuring each: in one piece, network after network, and in
rounds of visits in three generations of processes, disturbed ones made again. Three conditions: the machine as it is; one core taken in
random bursts of seconds; all cores shared with a steady load. Repetitions of ways and conditions come in random order and are appended
to repetitions.jsonl as they end, so that a proof goes on where the last one stopped. --quickstart runs that suite so often under each
condition, and appends what it says of itself to quickstart.jsonl.
"""

import argparse
import contextlib
import dataclasses
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ..analysis.estimate import median
from ..core.identity import case_id
from ..core.record import Visit
from ..core.registry import ROOT
from ..core.spec import Case, Job, Sampling
from ..launch.workers import WorkerPool
from ..machine import host, quiet
from . import proof_table
from .idle_wait import Settling, allowance
from .rounds import RunSetup, follow

NETWORKS = (
    "resnet50",
    "efficientnet_b0",
    "levit_256",
    "lambda_resnet26t",
    "vit_small_patch16_224",
    "deit_small_patch16_224",
)
"""The first is the reference; the last two are one architecture under two names."""
LARGER = ("lambda_resnet26t", "halonet26t")
"""Of 256 x 256 pixels, others of 224."""
WAYS = {"one piece": (1, 1), "rounds": (9, 3)}
"""(Rounds, processes) of a case."""
CONDITIONS = ("as it is", "bursts", "shared")
FOLDER = Path("reports/rounds")
Entry: TypeAlias = tuple[int, int, float, float]
"""Round, process, median [s], share that others had of its CPU."""
BURSTS = """
import os, random, time
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(random.expovariate(1 / 6))
    end = time.time() + random.expovariate(1 / 4)
    while time.time() < end:
        pass
"""
"""A core busy for 4 s, idle for 6 s, both on average."""
STEADY = """
import os, time
parent = os.getppid()
while os.getppid() == parent:
    end = time.time() + 0.02
    while time.time() < end:
        pass
    time.sleep(0.02)
"""
"""Half a core."""


def main(arguments: Sequence[str]) -> int:
    """Repeats until every way and condition has been repeated so often, then writes the table."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.conduct.proof", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0, help="of calls a network and repetition")
    parser.add_argument("--only", default=",".join(CONDITIONS), help="conditions, comma-separated")
    parser.add_argument("--quickstart", type=int, default=0, help="runs of that suite under each condition")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args(arguments)
    path: Path = asked.folder / "repetitions.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    here = machine()
    while left := _left([item for item in read(path) if item["machine"] == here], asked.only.split(","), asked.repeats):
        way, condition = random.choice(left)
        name_s = {"machine": here, "way": way, "condition": condition, **repeat(way, condition, asked.seconds)}
        with path.open("a") as file:
            file.write(json.dumps(name_s) + "\n")
        sys.stderr.write(f"{len(left)} left; {condition}, {way}: {name_s['seconds']:.0f} s\n")
    runs: Path = asked.folder / "quickstart.jsonl"
    for condition in asked.only.split(",") * asked.quickstart:
        with runs.open("a") as file:
            file.write(json.dumps({"machine": here, "condition": condition, **quickstart(condition)}) + "\n")
    (asked.folder / "index.md").write_text(proof_table.page(read(path), read(runs)))
    return 0


def machine() -> str:
    """What rows of this machine are told by."""
    return f"{host.cpu_facts()[0]}, {host.usable_cores()} processors"


def entry_of(visit: Visit, job: Job) -> Entry:
    """A visit as rows have it."""
    return visit.round, job.replicate, median(visit.seconds), round(quiet.lost_of(visit.noise) or 0.0, 3)


def read(path: Path) -> list[dict[str, Any]]:
    """All repetitions so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def repeat(way: str, condition: str, case_s: float) -> dict[str, Any]:
    """One repetition: of each network its visits (round, process, median, share that others had of its CPU), and how busy
    the machine was."""
    rounds, processes = WAYS[way]
    sampling = Sampling(case_budget_s=case_s, rounds=rounds, processes=processes, min_samples=1)
    jobs = [job_of(name, sampling) for name in random.sample(NETWORKS, len(NETWORKS))]
    entries: dict[str, list[Entry]] = {}
    settle = Settling(allowance_s=allowance(2 * case_s * len(jobs))) if processes > 1 else None
    before, begun_s = quiet.take_snapshot(), time.monotonic()
    with load(condition), WorkerPool() as pool:
        setup = RunSetup(pool=pool, half_of=lambda job: job, seed=random.getrandbits(32), settle=settle)
        for turn in follow(jobs, setup):
            if turn.visit is not None:
                entries.setdefault(turn.job.case.model, []).append(entry_of(turn.visit, turn.job))
    noise = quiet.noise_between(before, quiet.take_snapshot(), 1)
    seconds = time.monotonic() - begun_s
    return {"visits": entries, "seconds": seconds, "pressure": noise.cpu_pressure, "steal": noise.steal}


def quickstart(condition: str) -> dict[str, Any]:
    """What the suite quickstart says of itself as a person runs it: exit code, seconds, cases by status, resolution."""
    with tempfile.TemporaryDirectory() as folder, load(condition):
        command = (sys.executable, "-m", ROOT, "run", "--suite", "quickstart", "--json", "--results", folder)
        ended = subprocess.run((*command, "--reports", folder), capture_output=True, text=True, check=False)
    item = json.loads(ended.stdout)
    return {name: item[name] for name in ("exit_code", "seconds", "counts", "resolution")}


def _left(done: Sequence[dict[str, Any]], conditions: Sequence[str], repeats: int) -> list[tuple[str, str]]:
    """Ways and conditions that are to be repeated, each as often as it is missing."""
    return [
        (way, condition)
        for way in WAYS
        for condition in conditions
        for _ in range(repeats - sum((item["way"], item["condition"]) == (way, condition) for item in done))
    ]


def job_of(name: str, sampling: Sampling) -> Job:
    """A network's latency at batch 1, at its own size."""
    case = Case(model=name, device="cpu", image_px=224, threads=host.usable_cores(), param_dtype="float32")
    if name in LARGER:
        case = dataclasses.replace(case, image_px=256)
    identity = case_id(case, {})
    return Job(job_id=f"{identity}-0", case_id=identity, case=case, metrics=("latency",), sampling=sampling)


@contextlib.contextmanager
def load(condition: str) -> Generator[None]:
    """Other programs beside, as the condition says."""
    scripts = {"as it is": (), "bursts": (BURSTS,), "shared": (STEADY,) * host.usable_cores()}[condition]
    with contextlib.ExitStack() as stack:
        for script in scripts:
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", script]))
            stack.callback(process.kill)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
