"""Fresh pairs of processes, one a side, where one process cannot hold both. Each imports once and serves all tests, and within
a pair single calls are still taken in turn; what differs between pairs is what the verdict rests on."""

import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..analysis.judge import holm, judge_processes, processes_p
from ..core.errors import GateError
from ..core.gate_protocol import Controls, PairOutcome, Rules, Side, Terms, Trouble, UsersRequest, skipped, timed
from ..core.globs import unmatched
from ..core.worker_protocol import OWN, PIPES, SCRATCH, TREES
from ..launch.process_start import process as started
from ..turns.clocks import Player, Reading, warmed_up
from ..turns.side_comparison import compare, controls_of
from ..worker import module_origins
from ..worker.module_origins import unmeasured
from ..worker.output_agreement import differing_digests
from ..worker.pytest_tests import NO_XDIST
from . import scratch_folders
from .pair_workers import environment_of, last_words
from .result import Line, LineStatus, untimed

INTERIM_ANALYSES = ((10, 0.98), (15, 0.95), (30, 0.96))
"""(Pairs, confidence of the interval): two processes of equal code differed by 3 % (sd), so a verdict needs many. A t interval
of 95 % over 10 pairs called 1.2 % of equal code slower, over 15 pairs 0.8 % (two Xeon cores, 88 pairs resampled). Fewer do not
do: some kernels have two speeds, 5 % up or down by where memory lies, and six pairs in 32 are all on one side. Of the worst of
these (6 %, sd) 15 pairs left one real +5 % in four undecided, 30 leave 3 % (60 pairs resampled, 400 times); only what is still
unclear comes so far."""
PAIR_S = 1.0
"""Of one test in one pair; what differs between pairs is the larger part by far."""
FAMILY_ALPHA = 0.05
"""Of Holm's correction: a t test on 15 pairs has less to say than one on hundreds of rounds."""
PLUGIN = "lambdabench.pytest_plugin"
OnOutcome = Callable[[PairOutcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsRequest:
    """What all pairs have in common."""

    request: UsersRequest
    path: Path
    """Of the tests, in head's tree."""
    pythons: tuple[str, str] = (sys.executable, sys.executable)
    """Base's and head's interpreter."""
    installed: bool = False
    """Whether the sides are installed there: then their trees are no place to import from."""
    interim_analyses: tuple[tuple[int, float], ...] = INTERIM_ANALYSES
    pair_s: float = PAIR_S


@dataclass(slots=True)
class PairsSoFar:
    """What the pairs so far say of the tests."""

    declared: list[str] = field(default_factory=list[str])
    outcomes: dict[str, list[PairOutcome]] = field(default_factory=dict[str, list[PairOutcome]])
    controls: Controls | None = None


def run(asked: PairsRequest, on_outcome: OnOutcome) -> PairsSoFar:
    """Pairs until every test is decided or there have been enough. Raises GateError where a side cannot start."""
    pairs_so_far, done, waiting = PairsSoFar(), 0, None
    for pairs, confidence in asked.interim_analyses:
        while done < pairs and not is_over(pairs_so_far):
            one_pair(asked, pairs_so_far, waiting, done, on_outcome)
            done += 1
        waiting = {
            name
            for name in pairs_so_far.declared
            if verdict(pairs_so_far, name, asked.request, confidence) == "unclear"
        }
        waiting |= {line.label for line in lines(pairs_so_far, asked) if line.status == "unclear"}
        if not waiting or is_over(pairs_so_far):
            break
    return pairs_so_far


def is_over(pairs_so_far: PairsSoFar) -> bool:
    """Whether no more pairs are worth their time: no test can be compared, or a side ran what is not its own."""
    troubles = [{two.trouble for two in pairs_so_far.outcomes.get(name, ())} for name in pairs_so_far.declared]
    return any("foreign" in trouble for trouble in troubles) or (
        bool(troubles) and all(trouble - {""} for trouble in troubles)
    )


def verdict(pairs_so_far: PairsSoFar, label: str, request: UsersRequest, confidence: float) -> str:
    """A test's finding so far; a trouble is a finding too."""
    outcomes = pairs_so_far.outcomes.get(label, [])
    if any(outcome.trouble for outcome in outcomes):
        return "trouble"
    return judge_processes(_centres(outcomes), _rules(request, label), confidence).finding


def lines(pairs_so_far: PairsSoFar, asked: PairsRequest) -> tuple[Line, ...]:
    """A line a test; slower after Holm's correction over all that were compared."""
    by_label = {name: pairs_so_far.outcomes.get(name, []) for name in pairs_so_far.declared}
    compared = [name for name, outcomes in by_label.items() if outcomes and not any(two.trouble for two in outcomes)]
    p_values = [processes_p(_centres(by_label[name]), _rules(asked.request, name)) for name in compared]
    significant = dict(zip(compared, holm(p_values, FAMILY_ALPHA), strict=True))
    return tuple(_line(name, outcomes, asked, significant.get(name, False)) for name, outcomes in by_label.items())


def one_pair(
    asked: PairsRequest, pairs_so_far: PairsSoFar, wanted: set[str] | None, number: int, on_outcome: OnOutcome
) -> None:
    """A fresh process a side, through all tests or those that are wanted."""
    with _side(asked, 0) as base, _side(asked, 1) as head:
        there, declared = set(base.declared()), head.declared()
        if not pairs_so_far.declared:
            pairs_so_far.declared = declared
            if head.offered:
                raise GateError(unmatched(head.offered, asked.request.only, "test"))
        for label in declared:
            outcome = _outcome(label, base if label in there else None, head, asked, number, wanted)
            if outcome is None:
                continue
            if label not in there and outcome.trouble == "base":
                outcome = _without_base(outcome, base, asked.request)
            pairs_so_far.outcomes.setdefault(label, []).append(outcome)
            on_outcome(outcome)
            if pairs_so_far.controls is None and outcome.trouble == "":
                pairs_so_far.controls = head.controls
        head.controls = None


def _without_base(outcome: PairOutcome, base: "_Remote", request: UsersRequest) -> PairOutcome:
    """The outcome of a test that base did not even declare: its file is skipped there, or cannot be imported."""
    label = outcome.label
    file = label.split("::")[0]
    if why := base.skips.get(file):
        return skipped(label, head="", base=why)
    if why := base.failures.get(file):
        return unmeasured(label, why, request)
    return outcome


@dataclass(slots=True)
class _Remote:
    """One side's process."""

    name: Trouble
    asked: Any
    answered: Any
    folder: Path
    pid: int
    controls: Controls | None = None
    skips: dict[str, str] = field(default_factory=dict[str, str])
    """Files that are skipped as a whole, and why."""
    failures: dict[str, str] = field(default_factory=dict[str, str])
    """Files that cannot be imported, and why."""
    offered: list[str] = field(default_factory=list[str])
    """The benchmarks that there are, where none of them is asked for."""

    def declared(self) -> list[str]:
        message = self.hear("declared")
        self.skips, self.failures, self.offered = message["skips"], message["failures"], message["offered"]
        return message["declared"]

    def hear(self, *keys: str) -> dict[str, Any]:
        """The next message with one of these keys. Raises GateError where the process has gone."""
        for line in self.answered:
            message = json.loads(line)
            if any(key in message for key in keys):
                return message
        early = "base cannot be measured: its pytest" if self.name == "base" else "head's pytest"
        raise GateError(f"{early} ended early{last_words(self.folder)}; run pytest there by hand")

    def say(self, calls: int) -> None:
        self.asked.write(json.dumps({"calls": calls}) + "\n")
        self.asked.flush()

    def read(self, calls: int) -> Reading:
        self.say(calls)
        return Reading(**self.hear("reading")["reading"])


@contextlib.contextmanager
def _side(asked: PairsRequest, number: int) -> Generator[_Remote]:
    tree = Path(asked.request.head if number else asked.request.base)
    path = tree / asked.path.relative_to(Path(asked.request.head).resolve())
    (ask_out, ask_in), (answer_out, answer_in) = os.pipe(), os.pipe()
    with scratch_folders.folder("side") as folder:
        (folder / "own.json").write_text(str(module_origins.own_of(asked.request, number)))
        environment = environment_of(1) | {
            SCRATCH: str(folder),
            PIPES: f"{ask_out},{answer_in}",
            OWN: str(folder / "own.json"),
        }
        if asked.installed:  # a way into head's tree would come before what is installed
            environment["PYTHONPATH"] = _outside(environment.get("PYTHONPATH", ""), Path(asked.request.head))
        if not asked.installed and not number:  # an editable install points to head's tree
            environment[TREES] = os.pathsep.join((asked.request.base, asked.request.head))
        options = ("-P",) if asked.installed else ()
        command = (
            asked.pythons[number], *options, "-m", "pytest", str(path), "-p", PLUGIN, f"--lambdabench-serve={asked.request.only}",
            "-p", "no:cacheprovider", "--benchmark-enable", "--continue-on-collection-errors", "-s", "-q",
            *(() if asked.installed else NO_XDIST),
        )  # fmt: skip
        with started(folder, command, environment, tree, (ask_out, answer_in)) as process:
            os.close(ask_out)
            os.close(answer_in)
            with os.fdopen(ask_in, "w") as asking, os.fdopen(answer_out) as answering:
                yield _Remote("head" if number else "base", asking, answering, folder, process.pid)


def _outside(paths: str, tree: Path) -> str:
    """Folders of a search path that are not in a tree."""
    return os.pathsep.join(
        path for path in paths.split(os.pathsep) if path and not Path(path).resolve().is_relative_to(tree)
    )


def _outcome(  # noqa: PLR0917 (a test, both sides, and how they are compared)
    label: str, base: _Remote | None, head: _Remote, asked: PairsRequest, number: int, wanted: set[str] | None
) -> PairOutcome | None:
    """One test in one pair; None where it is not wanted."""
    sides = [item for item in (base, head) if item is not None]
    messages = [_at(side, label) for side in sides]
    met = [item for item, message in zip(sides, messages, strict=True) if "at" in message]
    unwanted = wanted is not None and label not in wanted
    skips = {item.name: message.get("skipped", "") for item, message in zip(sides, messages, strict=True)}
    failed = {item.name: message.get("failed", "") for item, message in zip(sides, messages, strict=True)}
    foreign = next((message["foreign"] for message in messages if message.get("foreign")), "")
    pair_outcome: PairOutcome | None = None
    if len(met) == 2 and not unwanted and not foreign:
        results = [message.get("result") for message in messages]
        pair_outcome = _compared(label, (sides[0], head), results, asked, number)
    for entry in met:
        entry.say(0)
        after = _at(entry, label, key="done")
        skips[entry.name], failed[entry.name] = after.get("skipped", ""), after["failed"]
        foreign = foreign or after.get("foreign", "")
        if after["failed"] and pair_outcome is not None and not pair_outcome.trouble:
            pair_outcome = PairOutcome(label=label, trouble=entry.name, reason=after["failed"])
    if foreign and not unwanted:
        return PairOutcome(label=label, trouble="foreign", reason=foreign)
    if any(skips.values()) and not unwanted:
        if failed["head"]:
            return PairOutcome(label=label, trouble="head", reason=failed["head"])
        return skipped(label, head=skips["head"], base=skips.get("base", ""))
    if pair_outcome is None and not unwanted:
        guilty = next(
            (item for item, message in zip(sides, messages, strict=True) if "at" not in message and item is head), None
        )
        why = next((message["failed"] for message in messages if message.get("failed")), "base has no such test")
        pair_outcome = PairOutcome(label=label, trouble="head" if guilty else "base", reason=why)
    return pair_outcome


def _at(side: _Remote, label: str, key: str = "at") -> dict[str, Any]:
    """The message that a side is at a test, or done with it; those of other tests are passed by."""
    while True:
        message = side.hear("at", "done", "end")
        if "end" in message:
            return {"done": label, "failed": "the test did not run"}
        if message.get("at") == label or message.get("done") == label:
            if key in message or "done" in message:
                return message
        elif "at" in message:
            side.say(0)


def _compared(
    label: str, sides: tuple[_Remote, _Remote], results: Sequence[Any], asked: PairsRequest, number: int
) -> PairOutcome:
    if problem := differing_digests(results[0], results[1]):
        return PairOutcome(label=label, trouble="outputs", reason=problem)
    base, head = (Player(remote=side.read) for side in sides)
    rules = _rules(asked.request, label)
    single = warmed_up(base, head)[1] == "thread CPU"
    with _on_one_processor([side.pid for side in sides] if single else [], number):
        compared = compare(base, head, Terms(rules=rules, fixed_s=asked.pair_s, seed=number))
    if number == 0 and sides[1].controls is None:
        sides[1].controls = controls_of(label, head, head, rules, number)
    return timed(label, compared, Side(), Side())


@contextlib.contextmanager
def _on_one_processor(pids: Sequence[int], number: int) -> Generator[None]:
    """The main threads of both sides, of which one waits while the other works, on the same processor, another one for the next pair:
    two processors share their units with different neighbours, and that looked like a difference of 12 % of equal code.
    """
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    try:
        for pid in pids if there else ():
            os.sched_setaffinity(pid, {there[number % len(there)]})
        yield
    finally:
        for pid in pids if there else ():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(pid, there)


def _line(label: str, outcomes: Sequence[PairOutcome], asked: PairsRequest, significant: bool) -> Line:
    trouble = next((outcome for outcome in outcomes if outcome.trouble), None)
    if trouble is not None:
        return untimed(trouble, tuple(outcomes))
    if not outcomes:
        return Line(label=label, status="failed", evidence="it was not reached")
    confidence = dict(asked.interim_analyses).get(len(outcomes), asked.interim_analyses[-1][1])
    judged = judge_processes(_centres(outcomes), _rules(asked.request, label), confidence)
    status: LineStatus = judged.finding
    said = f"{len(outcomes)} pairs of processes"
    if status == "slower" and not significant:
        status, said = "unclear", f"{said}; not significant among all tests (Holm)"
    elif status == "unclear":
        said = f"{said} do not decide"
    return Line(label=label, status=status, outcomes=tuple(outcomes), verdict=judged, evidence=said)


def _centres(outcomes: Sequence[PairOutcome]) -> list[float]:
    return [math.log(outcome.verdict.ratio) for outcome in outcomes if outcome.verdict is not None]


def _rules(request: UsersRequest, label: str) -> Rules:
    own: Mapping[str, Rules] = dict(request.own_rules)
    return own.get(label, request.rules)
