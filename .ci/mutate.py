"""Which faults would no test notice? Changes one thing at a time in modules that decide, and lists the changes that all tests pass.

    pip install cosmic-ray
    python .ci/mutate.py                                 # a sample of every module of analysis, gate and store
    python .ci/mutate.py analysis/judge --most 1000      # all of one module

It works on a copy of the tree; nothing here is touched. Survivors stand in survivors.md: each is a missing test, or no fault.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkerOutcome, WorkItem, WorkResult

TOP = Path(__file__).resolve().parents[1]
ROOMS = ("analysis", "gate", "store")
ALSO = {
    "analysis/estimate": ["tests/analysis/test_mean_rate.py"],
    "gate/check": ["tests/gate/test_agreement.py", "tests/gate/test_result.py"],
    "gate/waivers": ["tests/gate/test_settings.py"],
    "gate/result": ["tests/gate/test_settings.py", "tests/gate/test_agreement.py"],
}
"""Tests beside a module's own, test_NAME.py in the same place."""
NOT_OWN = {"gate/check"}
"""Modules whose own tests start processes, a minute of them: too long to be run for each change."""
PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed", "0")
CONFIG = """
[cosmic-ray]
module-path = "lambdabench/{name}.py"
timeout = {limit_s}
excluded-modules = []
test-command = "{command}"
[cosmic-ray.distributor]
name = "local"
"""


def main(arguments: Sequence[str]) -> int:
    """0, or 2 where the tests fail as they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="such as analysis/judge; all of analysis, gate and store by default")
    parser.add_argument("--most", type=int, default=60, help="changes tried of a module, drawn at random")
    parser.add_argument("--minutes", type=float, default=10.0, help="the longest that a module takes")
    parser.add_argument("--seed", default=time.strftime("%Y-%m-%d"), help="of the draw; today by default")
    parser.add_argument("--out", type=Path, default=Path("survivors.md"))
    asked = parser.parse_args(arguments)
    parts, code = [f"# Changes that every test passes, {asked.seed}", ""], 0
    for name in asked.modules or modules():
        text, failed = mutated(name, asked)
        parts += text
        code = 2 if failed else code
        asked.out.write_text("\n".join(parts) + "\n")
        sys.stdout.write("\n".join(text) + "\n")
        sys.stdout.flush()
    return code


def modules() -> list[str]:
    """Those that have tests."""
    package = TOP / "lambdabench"
    result = [path for room in ROOMS for path in (*package.glob(f"{room}.py"), *sorted(package.glob(f"{room}/*.py")))]
    names = [str(item.relative_to(package).with_suffix("")) for item in result]
    return [name for name in names if tests_of(name)]


def tests_of(name: str) -> list[str]:
    """The files of tests that are run for a module."""
    place = TOP / "tests" / name
    own = place.with_name(f"test_{place.name}.py")
    kept = [str(own.relative_to(TOP))] if own.exists() and name not in NOT_OWN else []
    return [*kept, *ALSO.get(name, [])]


def mutated(name: str, asked: argparse.Namespace) -> tuple[list[str], bool]:
    """(Lines on one module, whether its tests fail as it is)."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-mutate-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(TOP, copy, ignore=shutil.ignore_patterns(".git", ".venv", "results", "reports", "__pycache__"))
        environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        command = (sys.executable, *PYTEST, *tests_of(name))
        began_s = time.monotonic()
        if subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False).returncode:
            return [f"## {name}: its tests fail as it is: {' '.join(tests_of(name))}", ""], True
        limit_s = 10 + 3 * (time.monotonic() - began_s)
        (copy / "mutate.toml").write_text(CONFIG.format(name=name, limit_s=limit_s, command=" ".join(command)))
        ray = (sys.executable, "-m", "cosmic_ray.cli")
        subprocess.run((*ray, "init", "mutate.toml", "s.sqlite"), cwd=copy, env=environment, check=True)
        with use_db(str(copy / "s.sqlite"), WorkDB.Mode.open) as work:
            draw(work, (copy / "lambdabench" / f"{name}.py").read_text().splitlines(), asked)
        run = (*ray, "exec", "mutate.toml", "s.sqlite")
        with subprocess.Popen(run, cwd=copy, env=environment, start_new_session=True) as process:
            try:
                process.wait(60 * asked.minutes)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the tests of the last change too
        with use_db(str(copy / "s.sqlite"), WorkDB.Mode.open) as work:
            return report(name, work), False


def draw(work: WorkDB, lines: Sequence[str], asked: argparse.Namespace) -> None:
    """Leaves so many changes to be tried, none of decorators: what is not frozen computes the same."""
    items = sorted(work.pending_work_items, key=_place)
    every = [item.job_id for item in items]
    able = [item.job_id for item in items if not lines[item.mutations[0].start_pos[0] - 1].lstrip().startswith("@")]
    kept = set(random.Random(asked.seed).sample(able, min(asked.most, len(able))))
    skipped = WorkResult(worker_outcome=WorkerOutcome.SKIPPED)
    work.set_multiple_results([item for item in every if item not in kept], skipped)


def _place(item: WorkItem) -> tuple[object, ...]:
    change = item.mutations[0]
    return change.start_pos, change.operator_name, change.occurrence, str(change.operator_args)


def report(name: str, work: WorkDB) -> list[str]:
    """A heading, and a line a survivor: its line, and what stood and stands there."""
    tried = [(item, result) for item, result in work.completed_work_items if result.worker_outcome != "skipped"]
    alive = [(item, result) for item, result in tried if not result.is_killed]
    lines = [f"## {name}: {len(alive)} of {len(tried)} survive", ""]
    for item, result in sorted(alive, key=lambda pair: pair[0].mutations[0].start_pos):
        changed = [
            line for line in (result.diff or "").splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
        ]
        old, new = (" ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
        lines.append(f"- {item.mutations[0].start_pos[0]}: `{old}` → `{new}`")
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
