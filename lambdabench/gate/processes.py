"""Fresh processes that time two versions in turn: started, followed, and what they wrote."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core import codec
from ..core.pairing import Controls, PairOutcome, PairRequest
from ..core.registry import ROOT
from ..launch import worker_environment

POLL_S = 0.05
START_LIMIT_S = 180.0
CASE_LIMIT_S = 120.0
"""Beyond the cap: making networks, first calls, compiling."""
PACKAGE = Path(__file__).parents[1]

OnOutcome = Callable[[PairOutcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """All that one process said. `problem`: what ended it early."""

    outcomes: tuple[PairOutcome, ...]
    controls: Controls | None
    problem: str = ""


def ask(request: PairRequest, on_outcome: OnOutcome) -> Answered:
    """Runs one process. A case at which it crashed or hung is head's trouble, and a new process takes those after it."""
    outcomes: list[PairOutcome] = []
    controls: Controls | None = None
    while len(outcomes) < len(request.entries):
        rest = dataclasses.replace(request, entries=request.entries[len(outcomes) :])
        found = _ask_once(rest, on_outcome)
        controls = found.controls
        outcomes += found.outcomes
        if len(outcomes) < len(request.entries):
            why = found.problem or "the process ended without an answer"
            lost = PairOutcome(label=request.entries[len(outcomes)].label, trouble="head", reason=why)
            on_outcome(lost)
            outcomes.append(lost)
    return Answered(outcomes=tuple(outcomes), controls=controls)


@contextlib.contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    place: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> Generator[subprocess.Popen[bytes]]:
    """A process in a group of its own, gone afterwards; what it prints is in `folder`. It ends when we do."""
    with (folder / "stderr.txt").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True, cwd=place,
            pass_fds=pass_fds,
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def follow(process: subprocess.Popen[bytes], folder: Path, on_outcome: OnOutcome, case_limit_s: float) -> Answered:
    """Waits for the process's end, telling of each outcome as it comes."""
    found: list[PairOutcome] = []
    limit_s, since_s, problem = START_LIMIT_S + case_limit_s, time.monotonic(), ""
    while not problem:
        ended = process.poll() is not None  # asked before the files: what was written in between is still seen
        while (path := folder / f"{len(found)}.json").exists():
            found.append(codec.read(PairOutcome, path))
            on_outcome(found[-1])
            limit_s, since_s = case_limit_s, time.monotonic()
        if ended:
            problem = f"the process ended with {process.returncode}{last_words(folder)}" if process.returncode else ""
            break
        if time.monotonic() - since_s > limit_s:
            problem = f"no answer after {limit_s:g} s"
        time.sleep(POLL_S)
    path = folder / "controls.json"
    controls = codec.read(Controls, path) if path.exists() else None
    return Answered(outcomes=tuple(found), controls=controls, problem=problem)


def environment_of(threads: int | None, scratch: Path) -> dict[str, str]:
    """Variables of a process: the worker's, and the way to this package where it is not installed.

    It is nobody's part: pytest-benchmark times nothing in what it takes for a worker of pytest-xdist.
    """
    inherited = worker_environment(threads) | {"LAMBDABENCH_SCRATCH": str(scratch)}
    own = {name: value for name, value in inherited.items() if not name.startswith("PYTEST_XDIST")}
    if "site-packages" not in PACKAGE.parts:
        own["PYTHONPATH"] = os.pathsep.join(one for one in (str(PACKAGE.parent), own.get("PYTHONPATH", "")) if one)
    return own


def last_words(folder: Path) -> str:
    """The last lines that a process printed, to follow a sentence."""
    lines = (folder / "stderr.txt").read_text(errors="replace").strip().splitlines()
    return f": {' / '.join(lines[-3:])}" if lines else ""


def _ask_once(request: PairRequest, on_outcome: OnOutcome) -> Answered:
    with tempfile.TemporaryDirectory(prefix="lambdabench-pair-") as name:
        folder = Path(name)
        codec.write(folder / "request.json", request)
        case = request.entries[0]
        command = (sys.executable, "-m", f"{ROOT}.worker.pair", name)
        with running(command, folder, environment_of(case.case.threads, folder)) as process:
            return follow(process, folder, on_outcome, CASE_LIMIT_S + 3 * case.rules.cap_s)
