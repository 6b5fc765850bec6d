"""`check --base REF --pytest PATH`: two commits of a user's own pytest-benchmark tests, which know nothing of us."""

import contextlib
import dataclasses
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..core import codec
from ..core.errors import GateError
from ..core.gate_protocol import Controls, Entry, PairOutcome, UsersRequest
from ..core.globs import unmatched
from ..core.spec import Case
from ..core.worker_protocol import SCRATCH
from ..launch.process_start import process as started
from ..machine import quiet
from ..worker.pytest_tests import NO_XDIST
from . import (
    environments,
    fresh_processes,
    import_problems,
    overlay,
    process_pairs,
    project,
    scratch_folders,
    trees,
    waivers,
)
from . import settings as setup
from .check import OnOutcome, Request, Sides
from .fresh_processes import FreshProcess
from .pair_workers import CASE_LIMIT_S, ProcessAnswer, environment_of, follow, last_words
from .result import Line, Result
from .settings import Settings
from .trees import Trees

PLUGIN = "lambdabench.pytest_plugin"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One pytest process's answer. `declared`: full names of the tests; `apart`: why one process cannot hold both sides."""

    declared: tuple[str, ...]
    answered: ProcessAnswer
    apart: str


def run(request: Request, path: str, on_outcome: OnOutcome, build: str = "") -> Result:
    """The whole check of the tests in `path`. Raises LambdabenchError for a request that cannot be carried out."""
    started_s = time.monotonic()
    result = trees.find(request.base, request.folder)
    settings = setup.read(result.repository)
    overlay.find_tests(path, request.folder, result.repository)
    before = quiet.take_snapshot()
    with trees.checked_out(result) as base:
        laid = overlay.overlay(path, request.folder, result.repository, base)
        where, asked = laid.place, _request(request, settings, Sides(base=base, head=result.repository), laid.fresh)
        first = None
        if not build:
            first = session(
                dataclasses.replace(asked, controls=True),
                where,
                lambda pair_outcome: on_outcome("compare", pair_outcome),
            )
        if first is None or first.apart:
            reason = first.apart if first else ""
            pairs = _Pairs(asked=asked, where=where, trees=result, base=base, build=build, reason=reason)
            lines, controls, note = _in_pairs(pairs, on_outcome)
            notes = (note,)
        else:
            entries, controls, notes = _entries(first.declared, asked), first.answered.controls, ()
            outcomes = {outcome.label: outcome for outcome in first.answered.outcomes}
            timed = dataclasses.replace(asked, fixed_s=request.fresh_s)
            again = _weigh_again(timed, entries, outcomes, where, on_outcome)
            lines = fresh_processes.lines(entries, outcomes, again)
        import_problems.refuse_unreached(lines, result.repository, build)
    lines, waived = waivers.apply(lines, settings, request.today)
    return Result(
        title=result.title,
        lines=lines,
        controls=controls,
        seconds=time.monotonic() - started_s,
        pressure=quiet.noise_between(before, quiet.take_snapshot(), 1).cpu_pressure,
        notes=(*notes, *import_problems.advice(lines, build), *waived),
        expired=waivers.expired(settings, request.today),
        request=" ".join(
            (
                "--base",
                shlex.quote(request.base),
                "--pytest",
                shlex.quote(path),
                *(("--build", shlex.quote(build)) if build else ()),
            )
        ),
    )


def session(request: UsersRequest, path: Path, on_outcome: Callable[[PairOutcome], None]) -> Session:
    """Runs one process. Tests after one at which it crashed are run by a new one."""
    outcomes: list[PairOutcome] = []
    while True:
        result = _session(request, path, on_outcome)
        outcomes += result.answered.outcomes
        done = {outcome.label for outcome in outcomes}
        rest = [name for name in result.declared if name not in done]
        answered = dataclasses.replace(result.answered, outcomes=tuple(outcomes))
        if result.apart or not rest or not result.answered.problem:
            declared = (*(outcome.label for outcome in outcomes), *rest)
            return Session(declared=declared, answered=answered, apart=result.apart)
        lost = PairOutcome(label=rest[0], trouble="head", reason=result.answered.problem)
        on_outcome(lost)
        outcomes.append(lost)
        if not rest[1:]:
            return dataclasses.replace(result, answered=dataclasses.replace(answered, outcomes=tuple(outcomes)))
        request = dataclasses.replace(request, labels=tuple(rest[1:]))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """What is asked of fresh pairs of processes: the tests in `where`, on base's folder and the trees, in environments by `build` where
    one is given; else `reason` is why one process cannot hold both sides."""

    asked: UsersRequest
    where: Path
    trees: Trees
    base: Path
    build: str
    reason: str


def _in_pairs(pairs: _Pairs, on_outcome: OnOutcome) -> tuple[tuple[Line, ...], Controls | None, str]:
    """(Lines, controls, what is said of it) by fresh pairs of processes."""
    asked, where, build, reason = pairs.asked, pairs.where, pairs.build, pairs.reason
    if reason.endswith("is a compiled extension"):
        raise GateError(
            f"{reason}, which base's tree does not have: say how a side is installed, such as --build 'pip install .'"
        )
    request = process_pairs.PairsRequest(request=asked, path=where)
    with contextlib.ExitStack() as opened:
        if build:
            base, head = opened.enter_context(environments.pythons(pairs.trees, pairs.base, build))
            asked = dataclasses.replace(asked, homes=(str(base.parents[1]), str(head.parents[1])))
            request = process_pairs.PairsRequest(
                request=asked, path=where, pythons=(str(base), str(head)), installed=True
            )
        pairs_so_far = process_pairs.run(request, lambda pair_outcome: on_outcome("pair", pair_outcome))
    reason = f"--build {shlex.quote(build)} gives each side its own environment" if build else reason
    count = max((len(outcome) for outcome in pairs_so_far.outcomes.values()), default=0)
    said = f"fresh pairs of processes ({count}), not one process: {reason}"
    return process_pairs.lines(pairs_so_far, request), pairs_so_far.controls, said


def _session(request: UsersRequest, path: Path, on_outcome: Callable[[PairOutcome], None]) -> Session:
    with scratch_folders.folder("users") as folder:
        codec.write(folder / "request.json", request)
        command = (
            sys.executable, "-m", "pytest", str(path), "-p", PLUGIN, f"--lambdabench-pair={folder}",
            "-p", "no:cacheprovider", "--benchmark-enable", "--continue-on-collection-errors", "-s", "-q", *NO_XDIST,
        )  # fmt: skip
        limit_s = CASE_LIMIT_S + 3 * request.rules.cap_s
        with started(folder, command, environment_of(1) | {SCRATCH: str(folder)}, Path(request.head)) as process:
            answered = follow(process, folder, on_outcome, limit_s)
        if not (folder / "declared.json").exists():
            raise GateError(
                f"pytest could not collect {path}{last_words(folder)}; mend it until pytest {path} runs by itself"
            )
        if (offered := folder / "offered.json").exists():
            raise GateError(unmatched(codec.read(tuple[str, ...], offered), request.only, "test"))
        if (folder / "finished.json").exists():
            answered = dataclasses.replace(answered, problem="")  # failing tests make pytest's exit code 1
        why = folder / "apart.json"
        return Session(
            declared=codec.read(tuple[str, ...], folder / "declared.json"),
            answered=answered,
            apart=codec.read(str, why) if why.exists() else "",
        )


def _request(request: Request, settings: Settings, sides: Sides, fresh_tests: tuple[str, ...]) -> UsersRequest:
    rules = request.rules or settings.rules()
    own = tuple(
        (case_settings.case, dataclasses.replace(rules, tolerance=case_settings.tolerance))
        for case_settings in settings.case
        if case_settings.tolerance is not None
    )
    return UsersRequest(
        base=str(sides.base),
        head=str(sides.head),
        rules=rules,
        own_rules=own,
        only=request.only,
        fresh=fresh_tests,
        names=project.names(sides.base, sides.head),
    )


def _entries(labels: Sequence[str], request: UsersRequest) -> tuple[Entry, ...]:
    own = dict(request.own_rules)
    return tuple(
        Entry(label=label, case=Case(model="test", kind="test"), rules=own.get(label, request.rules))
        for label in labels
    )


def _weigh_again(
    request: UsersRequest,
    entries: Sequence[Entry],
    first: dict[str, PairOutcome],
    path: Path,
    on_outcome: OnOutcome,
) -> dict[str, list[PairOutcome]]:
    """What one process cannot settle, in fresh ones; `request` has their time."""

    def ask_again(turn: FreshProcess) -> Sequence[PairOutcome]:
        labels = tuple(entry.label for entry in turn.entries)
        asked = dataclasses.replace(
            request, labels=labels, swapped=turn.swapped, explain=turn.explain, seed=request.seed + turn.number
        )
        return session(asked, path, lambda pair_outcome: on_outcome("weigh", pair_outcome)).answered.outcomes

    return fresh_processes.weighed(entries, first, ask_again, cases=len(entries))
