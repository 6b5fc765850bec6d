"""Fresh processes that time two versions in turn: started, followed, and what they wrote."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..core import codec
from ..core.pairing import Controls, PairOutcome, PairRequest
from ..core.registry import ROOT
from ..core.spec import Case
from ..launch import worker_environment
from ..worker.nursery import ENDED
from . import git, scratch

POLL_S = 0.05
START_LIMIT_S = 180.0
CASE_LIMIT_S = 120.0
"""Beyond the cap: making networks, first calls, compiling."""
PACKAGE = Path(__file__).parents[1]

OnOutcome = Callable[[PairOutcome], None]


class Ending(Protocol):
    """What ends some time."""

    def poll(self) -> int | None:
        """Its exit code, None until then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """All that one process said. `problem`: what ended it early."""

    outcomes: tuple[PairOutcome, ...]
    controls: Controls | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forked:
    """A process that another one forked for a folder, and which says there how it ended."""

    parent: subprocess.Popen[bytes]
    folder: Path

    def poll(self) -> int | None:
        path = self.folder / ENDED
        if path.exists():
            return int(path.read_text())
        return self.parent.poll()


class Nursery:
    """A process that has loaded torch and is forked for each kernel, which would otherwise load it again. With one thread a
    fork is all that its parent was; of JAX's and others' threads that is not so."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def takes(self, case: Case) -> bool:
        """Whether a fork can measure this."""
        alone = case.backend == "torch_eager" and case.device == "cpu" and (case.threads or 1) == 1
        return alone and sys.platform == "linux"  # elsewhere a system's own libraries do not survive it

    def start(self, folder: Path) -> Ending:
        """A process that answers the request in `folder`."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            own = self._open.enter_context(scratch.folder("nursery"))
            command = (sys.executable, "-m", f"{ROOT}.worker.nursery", "torch")
            self._process = self._open.enter_context(running(command, own, environment_of(1, own)))
        (folder / "stderr.txt").touch()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{folder}\n".encode())
        self._process.stdin.flush()
        return _Forked(parent=self._process, folder=folder)

    def close(self) -> None:
        """Ends it and all that it forked."""
        self._open.close()
        self._process = None

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(request: PairRequest, on_outcome: OnOutcome, nursery: Nursery | None = None) -> Answered:
    """Runs one process. A case at which it crashed or hung is head's trouble, and a new process takes those after it."""
    outcomes: list[PairOutcome] = []
    controls: Controls | None = None
    while len(outcomes) < len(request.entries):
        rest = dataclasses.replace(request, entries=request.entries[len(outcomes) :])
        found = _ask_once(rest, on_outcome, nursery)
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


def follow(process: Ending, folder: Path, on_outcome: OnOutcome, case_limit_s: float) -> Answered:
    """Waits for the process's end, telling of each outcome as it comes."""
    found: list[PairOutcome] = []
    limit_s, since_s, problem = START_LIMIT_S + case_limit_s, time.monotonic(), ""
    while not problem:
        code = process.poll()  # asked before the files: what was written in between is still seen
        while (path := folder / f"{len(found)}.json").exists():
            found.append(codec.read(PairOutcome, path))
            on_outcome(found[-1])
            limit_s, since_s = case_limit_s, time.monotonic()
        if code is not None:
            problem = f"the process ended with {code}{last_words(folder)}" if code else ""
            break
        if time.monotonic() - since_s > limit_s:
            problem = f"no answer after {limit_s:g} s"
        time.sleep(POLL_S)
    path = folder / "controls.json"
    controls = codec.read(Controls, path) if path.exists() else None
    return Answered(outcomes=tuple(found), controls=controls, problem=problem)


def environment_of(threads: int | None, folder: Path) -> dict[str, str]:
    """Variables of a process: the worker's, and the way to this package where it is not installed.

    It is nobody's part: pytest-benchmark times nothing in what it takes for a worker of pytest-xdist, and what a hook tells git
    would bind the git of tests and builds to the hook's index.
    """
    inherited = worker_environment(threads) | {"LAMBDABENCH_SCRATCH": str(folder)}
    foreign = git.local_variables()
    own = {
        name: value for name, value in inherited.items() if not name.startswith("PYTEST_XDIST") and name not in foreign
    }
    if "site-packages" not in PACKAGE.parts:
        own["PYTHONPATH"] = os.pathsep.join(one for one in (str(PACKAGE.parent), own.get("PYTHONPATH", "")) if one)
    return own


def last_words(folder: Path) -> str:
    """The last lines that a process printed, to follow a sentence."""
    lines = (folder / "stderr.txt").read_text(errors="replace").strip().splitlines()
    return f": {' / '.join(lines[-3:])}" if lines else ""


def _ask_once(request: PairRequest, on_outcome: OnOutcome, nursery: Nursery | None) -> Answered:
    with scratch.folder("pair") as folder:
        codec.write(folder / "request.json", request)
        case, limit_s = request.entries[0].case, CASE_LIMIT_S + 3 * request.entries[0].rules.cap_s
        if nursery is not None and nursery.takes(case):
            answered = follow(nursery.start(folder), folder, on_outcome, limit_s)
            if answered.problem:
                nursery.close()
            return answered
        command = (sys.executable, "-m", f"{ROOT}.worker.pair", str(folder))
        with running(command, folder, environment_of(case.threads, folder)) as process:
            return follow(process, folder, on_outcome, limit_s)
