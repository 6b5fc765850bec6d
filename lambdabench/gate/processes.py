"""Fresh processes that time two versions in turn: started, followed, and what they wrote."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core import codec
from ..core.errors import LambdabenchError
from ..core.pairing import Controls, PairOutcome, PairRequest
from ..core.registry import ROOT
from ..launch import worker_environment

POLL_S = 0.05
START_LIMIT_S = 180.0
CASE_LIMIT_S = 120.0
"""Beyond the cap: making networks, first calls, compiling."""

OnOutcome = Callable[[PairOutcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """All that one process said."""

    outcomes: tuple[PairOutcome, ...]
    controls: Controls | None


def ask(request: PairRequest, on_outcome: OnOutcome) -> Answered:
    """Runs one process. A case at which it crashed or hung is head's trouble, and a new process takes those after it."""
    outcomes: list[PairOutcome] = []
    controls: Controls | None = None
    while len(outcomes) < len(request.entries):
        rest = codec.decode(
            PairRequest, codec.encode(request) | {"entries": codec.encode(request.entries[len(outcomes) :])}
        )
        found, controls, problem = _ask_once(rest, on_outcome)
        outcomes += found
        if problem and len(outcomes) < len(request.entries):
            lost = PairOutcome(label=request.entries[len(outcomes)].label, trouble="head", reason=problem)
            on_outcome(lost)
            outcomes.append(lost)
    return Answered(outcomes=tuple(outcomes), controls=controls)


def _ask_once(request: PairRequest, on_outcome: OnOutcome) -> tuple[list[PairOutcome], Controls | None, str]:
    """(Outcomes written, controls, what ended the process early)."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-pair-") as name:
        folder = Path(name)
        codec.write(folder / "request.json", request)
        threads = request.entries[0].case.threads if request.entries else 1
        environment = worker_environment(threads) | {"LAMBDABENCH_SCRATCH": name}
        with (folder / "stderr.txt").open("wb") as log:
            process = subprocess.Popen(
                (sys.executable, "-m", f"{ROOT}.worker.pair", name),
                stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True,
            )  # fmt: skip
        try:
            outcomes, problem = _follow(process, request, folder, on_outcome)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        path = folder / "controls.json"
        return outcomes, codec.read(Controls, path) if path.exists() else None, problem


def _follow(
    process: subprocess.Popen[bytes], request: PairRequest, folder: Path, on_outcome: OnOutcome
) -> tuple[list[PairOutcome], str]:
    found: list[PairOutcome] = []
    limit_s, since_s = START_LIMIT_S, time.monotonic()
    while True:
        ended = process.poll() is not None  # asked before the files: what was written in between is still seen
        while (path := folder / f"{len(found)}.json").exists():
            found.append(codec.read(PairOutcome, path))
            on_outcome(found[-1])
            limit_s, since_s = CASE_LIMIT_S + 3 * request.entries[0].rules.cap_s, time.monotonic()
        if ended:
            return (
                found,
                f"the process ended with {process.returncode}{_last_words(folder)}" if process.returncode else "",
            )
        if time.monotonic() - since_s > limit_s:
            if not found and not (folder / "0.json").exists():
                raise LambdabenchError(f"nothing came of the first case within {limit_s:g} s{_last_words(folder)}")
            return found, f"no answer after {limit_s:g} s"
        time.sleep(POLL_S)


def _last_words(folder: Path) -> str:
    lines = (folder / "stderr.txt").read_text(errors="replace").strip().splitlines()
    return f": {' / '.join(lines[-3:])}" if lines else ""
