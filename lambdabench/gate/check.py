"""`check --base REF`: two trees to verdicts. First one process a kernel; then fresh ones for what that cannot settle; then Holm."""

import datetime
import itertools
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import GateError, LambdabenchError
from ..core.gate_protocol import Controls, Entry, PairOutcome, PairRequest, Rules
from ..core.registry import ROOT
from ..machine import quiet
from . import fresh_processes, trees, waivers
from . import settings as setup
from . import suite_cases as cases
from .fresh_processes import FreshProcess
from .pair_workers import ask, worker_pool
from .result import Line, Result

FRESH_S = 1.0
"""Of one case in each fresh process."""
OnOutcome = Callable[[str, PairOutcome], None]
"""Of the stage, "compare" or "weigh"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked."""

    base: str
    suite: str = "kernels-quick"
    only: str = "*"
    rules: Rules | None = None
    """None: the repository's own."""
    fresh_s: float = FRESH_S
    folder: Path = field(default_factory=Path.cwd)
    today: datetime.date = field(default_factory=datetime.date.today)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Folders of the two packages, or of the two trees of a project."""

    base: Path
    head: Path


def run(request: Request, on_outcome: OnOutcome) -> Result:
    """The whole check. Raises LambdabenchError for a request that cannot be carried out."""
    started_s = time.monotonic()
    result = trees.find(request.base, request.folder)
    settings = setup.read(result.repository)
    rules = request.rules or settings.rules()
    before = quiet.take_snapshot()
    with trees.checked_out(result) as base:
        sides = Sides(base=_package(base, "base"), head=_package(result.repository, "head"))
        entries = settings.applied(cases.entries_of(cases.suite_of(request.suite, result.repository), rules))
        chosen = cases.matching(entries, request.only)
        gone = _gone(request, base, entries)
        first, controls = compare(chosen, sides, on_outcome)
        again = weigh_again(chosen, first, sides, request.fresh_s, on_outcome)
    lines, notes = waivers.apply((*fresh_processes.lines(chosen, first, again), *gone), settings, request.today)
    strange = settings.strangers([entry.label for entry in (*entries, *gone)])
    return Result(
        title=result.title,
        lines=lines,
        controls=controls,
        seconds=time.monotonic() - started_s,
        pressure=quiet.noise_between(before, quiet.take_snapshot(), 1).cpu_pressure,
        notes=(
            *notes,
            *(f"pyproject.toml names a case that {request.suite} does not have: {name}" for name in strange),
        ),
        expired=waivers.expired(settings, request.today),
        request=_asked(request),
    )


def compare(
    entries: Sequence[Entry], sides: Sides, on_outcome: OnOutcome
) -> tuple[dict[str, PairOutcome], Controls | None]:
    """Stage one: a process a kernel, forked where that can be. Controls come from the first process that can have them."""
    pair_outcomes: dict[str, PairOutcome] = {}
    controls: Controls | None = None
    with worker_pool() as pool:
        for group in groups(entries):
            asked = _pair(sides, group, controls=controls is None)
            answered = ask(asked, lambda pair_outcome: on_outcome("compare", pair_outcome), pool)
            pair_outcomes |= {outcome.label: outcome for outcome in answered.outcomes}
            controls = controls or answered.controls
    return pair_outcomes, controls


def weigh_again(
    entries: Sequence[Entry], first: dict[str, PairOutcome], sides: Sides, fresh_s: float, on_outcome: OnOutcome
) -> dict[str, list[PairOutcome]]:
    """Stage two: what one process cannot settle, in fresh ones."""

    def ask_again(turn: FreshProcess) -> Sequence[PairOutcome]:
        asked = _pair(
            sides, turn.entries, fixed_s=fresh_s, swapped=turn.swapped, explain=turn.explain, seed=turn.number
        )
        return ask(asked, lambda pair_outcome: on_outcome("weigh", pair_outcome), pool).outcomes

    pair_outcomes: dict[str, list[PairOutcome]] = {}
    with worker_pool() as pool:
        for group in groups(entries):
            pair_outcomes |= fresh_processes.weighed(group, first, ask_again, cases=len(entries))
    return pair_outcomes


def groups(entries: Sequence[Entry]) -> list[tuple[Entry, ...]]:
    """Entries that share a process: one kernel's, on one backend, with one number of threads."""
    ordered = sorted(entries, key=_kernel)
    return [tuple(group) for _, group in itertools.groupby(ordered, key=_kernel)]


def _pair(
    sides: Sides,
    group: tuple[Entry, ...],
    *,
    controls: bool = False,
    fixed_s: float | None = None,
    swapped: bool = False,
    explain: bool = False,
    seed: int = 0,
) -> PairRequest:
    return PairRequest(
        base=str(sides.base),
        head=str(sides.head),
        entries=group,
        controls=controls,
        fixed_s=fixed_s,
        swapped=swapped,
        explain=explain,
        seed=seed,
    )


def _kernel(entry: Entry) -> tuple[str, str, str, int]:
    case = entry.case
    return case.model, case.backend, case.device, case.threads or 1


def _package(tree: Path, side: str) -> Path:
    folder = tree / ROOT
    if not (folder / "__init__.py").is_file():
        raise GateError(
            f"{side} ({tree}) holds no package {ROOT}, which a suite compares; for benchmarks of your own give --pytest PATH"
        )
    return folder


def _gone(request: Request, base: Path, entries: Sequence[Entry]) -> list[Line]:
    """Cases that base's suite has and head's has no more. Nothing is asked of a base that cannot tell."""
    path = base / "suites" / f"{request.suite}.toml"
    if not path.is_file():
        return []
    try:
        before = cases.entries_of(cases.suite_of(str(path), base), Rules())
    except LambdabenchError:
        return []
    there = {entry.label for entry in entries}
    lost = [entry for entry in before if entry.label not in there]
    chosen = cases.matching(lost, request.only) if request.only == "*" and lost else ()
    return [
        Line(label=entry.label, status="gone", evidence="base's suite has this case, head's does not")
        for entry in chosen
    ]


def _asked(request: Request) -> str:
    """The flags that ask for this again, but for the cases."""
    suite = "" if request.suite == "kernels-quick" else f" --suite {shlex.quote(request.suite)}"
    return f"--base {shlex.quote(request.base)}{suite}"
