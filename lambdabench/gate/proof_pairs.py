"""`python -m lambdabench.gate.proof_pairs [--minutes M]`: how often pairs of processes err, as reports/gate/process-pairs.md.

Each run is `lambdabench check` itself on two commits of a package that registers torch operators and ships an extension: half of its
kernels are equal in both, half do 5 % more. Runs are appended to reports/gate/pairs.jsonl as they end, a line a kernel.
"""

import argparse
import itertools
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..analysis.wilson import wilson
from ..core.errors import GateError
from ..core.registry import ROOT
from . import git, proof_package
from .pair_workers import environment_of
from .process_pairs import INTERIM_ANALYSES
from .proof import FOLDER, Trial, machine, read
from .proof_table import by_machine, short, state

MORE = proof_package.UNITS // 20
"""Units of work that make five percent."""
FINDINGS = ("slower", "faster", "unclear", "same")


def main(arguments: Sequence[str]) -> int:
    """Whole runs until the time is over, then the table."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.gate.proof_pairs", description=__doc__)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args(arguments)
    path: Path = asked.folder / "pairs.jsonl"
    end_s, here = time.monotonic() + 60 * asked.minutes, machine()
    while time.monotonic() < end_s:
        number = 1 + max((trial["run"] for trial in read(path) if trial["machine"] == here), default=-1)
        with tempfile.TemporaryDirectory(prefix="lambdabench-proof-") as name:
            result = [trial | {"run": number, "machine": here} for trial in run(Path(name), slowed(number))]
        with path.open("a") as file:
            file.writelines(json.dumps(items) + "\n" for items in result)
    (asked.folder / "process-pairs.md").write_text(table(read(path)))
    return 0


def slowed(number: int) -> tuple[str, ...]:
    """The kernels that do more in a run: one half, then the other, so that each is tried both ways."""
    return tuple(name for place, name in enumerate(proof_package.names()) if (place // 2 + place + number) % 2)


def run(scratch: Path, more: Sequence[str]) -> list[Trial]:
    """One check of two commits. Raises GateError where it says nothing."""
    folder = scratch / "repository"
    proof_package.write(folder)
    _git(folder, "init", "--quiet", "--initial-branch", "main")
    _commit(folder, "as it was")
    proof_package.set_work(folder, dict.fromkeys(more, MORE))
    _commit(folder, "half of it does more")
    command = (
        *(sys.executable, "-m", ROOT, "check", "--base", "HEAD~1", "--pytest", "bench"),
        *("--build", proof_package.BUILD, "--json"),
    )
    environment = environment_of(1) | {"XDG_CACHE_HOME": str(scratch / "cache")}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    try:
        item = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        last = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise GateError(f"check ended with {done.returncode} and no answer: {last}") from error
    return [_trial(case, item, more) for case in item["cases"]]


def _trial(case: dict[str, Any], text: dict[str, Any], more: Sequence[str]) -> Trial:
    """What one run said of one kernel; its seconds are its share of the whole run, building included."""
    name = case["label"].split("[")[1].rstrip("]")
    ratios = [outcome["verdict"]["ratio"] for outcome in case["outcomes"] if outcome["verdict"] is not None]
    return {
        "kernel": name,
        "extra": 0.05 if name in more else 0.0,
        "found": case["status"],
        "evidence": case["evidence"],
        "ratios": [round(ratio, 5) for ratio in ratios],
        "call_s": case["outcomes"][0]["base"]["call_s"] if case["outcomes"] else None,
        "seconds": text["seconds"] / len(text["cases"]),
        "pressure": text["pressure"],
        "most": INTERIM_ANALYSES[-1][0],
        "exit_code": text["exit_code"],
    }


def table(trials: Sequence[Trial]) -> str:
    """What the runs say, as Markdown."""
    head = [
        "# How often the gate errs where it takes pairs of processes",
        "",
        "Whole runs of `lambdabench check --pytest --build` on two commits of a package that registers torch operators under fixed",
        "names and ships an extension in C, Holm's correction included. Half of its kernels are equal code, the others do 5 % more of",
        "their own work; halves change places from run to run. Busy: tasks waited for a CPU in 5 % of the run or more. Pairs and",
        "spread are medians of kernels, the spread that of log ratios over pairs; seconds are a kernel's share of the whole run,",
        "building included. At most: pairs after which a kernel stays unclear.",
        "95 % intervals by Wilson.",
        "",
        "| machine | it was | at most | runs | kernel | slowdown | decisions | slower | faster | unclear | same | pairs | spread "
        "| s a kernel |",
        "|" + "---|" * 14,
    ]
    rows: list[str] = []
    for of_machine in by_machine(trials).values():
        for kind in ("quiet", "busy"):
            of_state = [trial for trial in of_machine if state(trial) == kind]
            for most, extra in itertools.product(sorted({trial["most"] for trial in of_state}), (0.0, 0.05)):
                alike = [trial for trial in of_state if (trial["most"], trial["extra"]) == (most, extra)]
                rows += _rows(alike, f"{short(of_machine)} | {kind} | {most}")
    return "\n".join([*head, *rows, ""])


def _rows(trials: Sequence[Trial], where: str) -> list[str]:
    groups = {kind: [trial for trial in trials if trial["kernel"].startswith(kind)] for kind in proof_package.KINDS}
    return [_row(group, where, kind) for kind, group in (groups | {"**all**": list(trials)}).items() if group]


def _row(trials: Sequence[Trial], where: str, kind: str) -> str:
    extra = trials[0]["extra"]
    cells = [
        where,
        str(len({trial["run"] for trial in trials})),
        kind,
        f"real +{100 * extra:.0f} %" if extra else "none (A/A)",
    ]
    cells.append(str(len(trials)))
    for finding in FINDINGS:
        count = sum(trial["found"] == finding for trial in trials)
        low, high = wilson(count, len(trials))
        name = f"{count} ({100 * count / len(trials):.1f} % [{100 * low:.1f}, {100 * high:.1f}])"
        cells.append(name if count or finding == "slower" else "0")
    spreads = [statistics.stdev(map(math.log, trial["ratios"])) for trial in trials if len(trial["ratios"]) > 1]
    cells += [
        f"{statistics.median(len(trial['ratios']) for trial in trials):g}",
        f"{100 * statistics.median(spreads):.2f} %" if spreads else "–",
        f"{statistics.median(trial['seconds'] for trial in trials):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _commit(folder: Path, message: str) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", message)


def _git(folder: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": name for role in ("AUTHOR", "COMMITTER") for what, name in WHO.items()}
    subprocess.run(("git", "-C", str(folder), *arguments), check=True, env=git.environment() | who, capture_output=True)


WHO = {"NAME": "proof", "EMAIL": "proof@example.org"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
