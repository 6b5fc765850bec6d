"""Worker processes that time two versions in turn: what they are asked, case by case, and what they wrote where pytest asks."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..core import codec
from ..core.gate_protocol import (
    EXTRA_CALLS,
    Compared,
    Controls,
    Entry,
    Opening,
    PairAnswered,
    PairAsked,
    PairOutcome,
    PairRequest,
    Terms,
    timed,
)
from ..core.worker_protocol import PAIR
from ..launch import WorkerPool, worker_environment
from ..launch.workers import Ended, Worker, kind_of
from ..turns.reallocations import compare_builds
from ..turns.side_comparison import canary
from . import git, scratch_folders

POLL_S = 0.05
START_LIMIT_S = 180.0
"""Of imports, and of compiling a kernel of both sides on a machine that has other work."""
CASE_LIMIT_S = 120.0
"""Beyond the cap: making networks, first calls."""
PACKAGE = Path(__file__).parents[1]

OnOutcome = Callable[[PairOutcome], None]


class Ending(Protocol):
    """What ends some time."""

    def poll(self) -> int | None:
        """Its exit code, None until then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessAnswer:
    """All that one process said. `problem`: what ended it early."""

    outcomes: tuple[PairOutcome, ...]
    controls: Controls | None
    problem: str = ""


class NotCompared(Exception):
    """A case cannot be compared."""

    def __init__(self, outcome: PairOutcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@contextlib.contextmanager
def worker_pool() -> Generator[WorkerPool]:
    """Starts processes that are nobody's part, in a folder of the check's own."""
    with scratch_folders.folder("pair") as place, WorkerPool(environment_of, place) as pool:
        yield pool


def ask(request: PairRequest, on_outcome: OnOutcome, pool: WorkerPool) -> ProcessAnswer:
    """Asks one fresh process. A case at which it crashed or hung is head's trouble, and a new process takes those after it."""
    outcomes: list[PairOutcome] = []
    controls: Controls | None = None
    with contextlib.ExitStack() as opened:
        worker: Worker | None = None
        for entry in request.entries:
            if worker is None or worker.is_gone:
                worker = pool.start(kind_of(entry.case))
                opened.callback(worker.close)
            outcomes.append(_outcome(worker, entry, request))
            on_outcome(outcomes[-1])
        known = [
            (pair_outcome.head.call_s, entry)
            for pair_outcome, entry in zip(outcomes, request.entries, strict=True)
            if not pair_outcome.trouble
        ]
        if request.controls and known and worker is not None and not worker.is_gone:
            _, quickest = min(known, key=lambda item: item[0])
            with contextlib.suppress(Ended, NotCompared):
                controls = _control(worker, quickest, request)
    return ProcessAnswer(outcomes=tuple(outcomes), controls=controls)


def follow(process: Ending, folder: Path, on_outcome: OnOutcome, case_limit_s: float) -> ProcessAnswer:
    """Waits for the end of a process that writes what it found, telling of each outcome as it comes."""
    pair_outcomes: list[PairOutcome] = []
    limit_s, since_s, problem = START_LIMIT_S + case_limit_s, time.monotonic(), ""
    while not problem:
        code = process.poll()  # asked before the files: what was written in between is still seen
        while (path := folder / f"{len(pair_outcomes)}.json").exists():
            pair_outcomes.append(codec.read(PairOutcome, path))
            on_outcome(pair_outcomes[-1])
            limit_s, since_s = case_limit_s, time.monotonic()
        if code is not None:
            problem = f"the process ended with {code}{last_words(folder)}" if code else ""
            break
        if time.monotonic() - since_s > limit_s:
            problem = f"no answer after {limit_s:g} s"
        time.sleep(POLL_S)
    path = folder / "controls.json"
    controls = codec.read(Controls, path) if path.exists() else None
    return ProcessAnswer(outcomes=tuple(pair_outcomes), controls=controls, problem=problem)


def environment_of(threads: int | None) -> dict[str, str]:
    """Variables of a process: the worker's, and the way to this package where it is not installed.

    It is nobody's part: pytest-benchmark times nothing in what it takes for a worker of pytest-xdist, and what a hook tells git
    would bind the git of tests and builds to the hook's index.
    """
    foreign = git.local_variables()
    own = {
        name: value
        for name, value in worker_environment(threads).items()
        if not name.startswith("PYTEST_XDIST") and name not in foreign
    }
    if "site-packages" not in PACKAGE.parts:
        own["PYTHONPATH"] = os.pathsep.join(name for name in (str(PACKAGE.parent), own.get("PYTHONPATH", "")) if name)
    return own


def last_words(folder: Path) -> str:
    """The last lines that a process printed, to follow a sentence."""
    lines = (folder / "stderr.txt").read_text(errors="replace").strip().splitlines()
    return f": {' / '.join(lines[-3:])}" if lines else ""


def _outcome(worker: Worker, entry: Entry, request: PairRequest) -> PairOutcome:
    """One case: opened, and visited, as often as the rule wants, and closed."""
    opening = Opening(
        entry=entry,
        base=request.base,
        head=request.head,
        swapped=request.swapped,
        anchored=request.anchored,
        seed=request.seed,
    )
    terms = Terms(rules=entry.rules, fixed_s=request.fixed_s, slowdown=request.slowdown, seed=request.seed)
    if request.extra_work:
        terms = dataclasses.replace(terms, calls=EXTRA_CALLS, extra_calls=1)
    try:
        if request.anchored:
            compared = _visited(worker, opening, terms)
        else:
            compared = compare_builds(lambda number, share: _visited(worker, _turned(opening, number), share), terms)
        base, head = _said(worker, PairAsked(what="close", label=entry.label, explain=request.explain), entry).sides
        return timed(entry.label, compared, base, head)
    except NotCompared as trouble:
        return trouble.outcome
    except Ended as ended:
        return PairOutcome(label=entry.label, trouble="head", reason=str(ended))


def _control(worker: Worker, entry: Entry, request: PairRequest) -> Controls:
    """Head against a second copy of itself, made as often as a case is: as it is, and with eleven calls to ten."""
    label, entry = entry.label, dataclasses.replace(entry, label=f"{entry.label} (control)")
    opening = Opening(entry=entry, base=request.head, head=request.head, again=True, seed=request.seed)
    terms = Terms(rules=entry.rules, seed=request.seed + 1)
    same = compare_builds(lambda number, share: _visited(worker, _turned(opening, number), share), terms)
    more = _visit(worker, entry, canary(entry.rules, request.seed, same.base_s))
    _said(worker, PairAsked(what="close", label=entry.label), entry)
    return Controls(label=label, same=same.verdict, canary=more.verdict)


def _turned(opening: Opening, number: int) -> Opening:
    """The other side is made first in every other build."""
    return dataclasses.replace(opening, swapped=opening.swapped != bool(number % 2))


def _visited(worker: Worker, opening: Opening, terms: Terms) -> Compared:
    """Both sides made, and compared."""
    _said(worker, PairAsked(what="open", label=opening.entry.label, opening=opening), opening.entry)
    return _visit(worker, opening.entry, dataclasses.replace(terms, swapped=opening.swapped))


def _visit(worker: Worker, entry: Entry, terms: Terms) -> Compared:
    compared = _said(worker, PairAsked(what="visit", label=entry.label, terms=terms), entry).compared
    assert compared is not None
    return compared


def _said(worker: Worker, asked: PairAsked, entry: Entry) -> PairAnswered:
    """What the process says. Raises NotCompared, or Ended where it has gone."""
    message: Any = {PAIR: codec.encode(asked)}
    limit_s = CASE_LIMIT_S + (entry.rules.cap_s if asked.what == "visit" else START_LIMIT_S)
    answered = codec.decode(PairAnswered, worker.say(message, limit_s))
    if answered.trouble is not None:
        raise NotCompared(answered.trouble)
    return answered
