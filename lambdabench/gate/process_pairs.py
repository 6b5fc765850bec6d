"""Two commits of any project by its own pytest-benchmark tests: fresh processes in turn, since one process cannot hold both.

The unit of noise is the process: two of equal code differ by percents, however many calls each makes. So every round starts one
process a side, and a second one of head, which is what equal code looks like here.
"""

import datetime
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scipy import stats

from .. import launch
from ..analysis import paired
from ..core.errors import LambdabenchError, NothingMeasuredError
from ..core.pairing import PairOutcome
from . import settings, verdicts
from .check import Check, Event
from .commits import root_of, trees
from .verdicts import Controls, Verdict

ROUNDS = 10
LEVEL = 0.01
PROCESS_S = 900.0
CANARY = 0.10
Times = dict[str, float]
"""Test -> median seconds in one process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsRequest:
    """What to compare: the pytest-benchmark tests in `path`, a file or folder of the repository, as HEAD has them."""

    __test__ = False

    base: str
    path: Path
    repository: Path = Path()
    rounds: int = ROUNDS
    seed: int = 0
    today: datetime.date = field(default_factory=datetime.date.today)
    """For waivers."""


def check_tests(request: TestsRequest, on_event: Callable[[Event], None] = lambda _: None) -> Check:
    """Compares. Raises LambdabenchError for a path or ref that is not there, NothingMeasuredError where no test gives times."""
    said = settings.read(root_of(request.repository))
    with trees(request.base, request.repository) as both:
        inside = _inside(request.path, both.head)
        _copy(both.head / inside, both.base / inside)
        coin = random.Random(request.seed)
        rounds: list[dict[str, Times]] = []
        for number in range(request.rounds):
            roles = ["base", "head", "again"]
            coin.shuffle(roles)
            rounds.append({role: _times(both.base if role == "base" else both.head, inside) for role in roles})
            if not rounds[0]["head"]:
                raise NothingMeasuredError(
                    f"no pytest-benchmark test of {inside} passes on head; try pytest {inside} --benchmark-only"
                )
            on_event(Event(what=f"round {number + 1} of {request.rounds}", verdicts=()))
    names = sorted({name for one in rounds for role in ("head", "base") for name in one[role]})
    found = [_verdict(name, rounds, "base", "head") for name in names]
    settled = settings.apply(said, verdicts.settle(found), request.today)
    return Check(sides=both, declared=len(names), verdicts=settled, controls=_controls(names, rounds), gated=said.gated)


def _inside(path: Path, root: Path) -> Path:
    absolute = path.resolve()
    if not absolute.exists() or not absolute.is_relative_to(root.resolve()):
        raise LambdabenchError(f"there is no {path} in {root}")
    return absolute.relative_to(root.resolve())


def _copy(source: Path, target: Path) -> None:
    """Head's tests drive both sides."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _times(tree: Path, tests: Path) -> Times:
    """Medians of one process in a tree; empty where it dies."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-tests-") as name:
        report = Path(name) / "times.json"
        places = [str(one) for one in (tree / "src", tree) if one.is_dir()]
        environment = launch.worker_environment(1)
        environment["PYTHONPATH"] = os.pathsep.join([*places, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "pytest", str(tests), "--benchmark-only", f"--benchmark-json={report}", "-q"]
        try:
            subprocess.run(
                [*command, "-p", "no:cacheprovider"],
                cwd=tree,
                env=environment,
                capture_output=True,
                timeout=PROCESS_S,
                check=False,
            )
            read = json.loads(report.read_text(encoding="utf-8") or "{}")
        except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
            return {}
        return {one["fullname"]: float(one["stats"]["median"]) for one in read.get("benchmarks", ())}


def _verdict(name: str, rounds: Sequence[dict[str, Times]], bottom: str, top: str, shift: float = 0.0) -> Verdict:
    pairs = [(one[bottom][name], one[top][name]) for one in rounds if name in one[bottom] and name in one[top]]
    if len(pairs) < len(rounds):
        alone = not any(name in one[bottom] for one in rounds)
        reason = f"gave times in {len(pairs)} of {len(rounds)} rounds"
        return Verdict(name=name, finding="new" if alone else "failed", reason="" if alone else reason)
    logs = [math.log(head / base) + math.log1p(shift) for base, head in pairs]
    value, low, high = paired.centre(logs, LEVEL)
    change = paired.change_of(value, low, high, len(logs))
    outcome = PairOutcome(
        name=name,
        status="ok",
        logs=tuple(logs),
        walls=tuple(logs),
        base_s=statistics.median(base for base, _ in pairs),
        head_s=statistics.median(head for _, head in pairs),
    )
    slower = [one - math.log1p(paired.DELTA) for one in logs]
    # not by ranks: those of ten pairs cannot survive Holm
    p = float(stats.ttest_1samp(slower, 0.0, alternative="greater")[1])  # pyright: ignore[reportArgumentType]
    reason = f"{len(pairs)} process pairs"
    return Verdict(name=name, finding=change.finding, change=change, outcomes=(outcome,), p_value=p, reason=reason)


def _controls(names: Sequence[str], rounds: Sequence[dict[str, Times]]) -> Controls:
    """Head's second process over its first: equal code; and the same made 10 % slower exactly. The test that differs most tells."""
    same = [_verdict(name, rounds, "head", "again") for name in names]
    timed = [one for one in same if one.change is not None]
    if not timed:
        return Controls()
    worst = max(timed, key=lambda one: abs(one.change.value if one.change else 0.0))
    (settled,) = [one for one in verdicts.settle(timed) if one.name == worst.name]
    canary = _verdict(worst.name, rounds, "head", "again", shift=CANARY)
    return Controls(same=settled, canary=replace(canary, name="canary"))
