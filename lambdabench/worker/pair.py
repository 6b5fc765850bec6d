"""`python -m lambdabench.worker.pair FOLDER`: times two versions of the package in turn, case by case, in this one process.

Both are loaded under names of their own beside ours, which only drives them; a framework is loaded with the first case that needs it.
"""

import dataclasses
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ..core import codec
from ..core.pairing import EXTRA_CALLS, Controls, Entry, Operator, PairOutcome, PairRequest, Side, Trouble
from ..core.registry import ROOT
from ..machine import instructions
from ..turns.clocks import Player
from ..turns.sides import Compared, Terms, compare, controls_of
from . import agreement, leash
from .anchor import anchor
from .builds import compare_builds
from .versions import Opened, Version, load, make_workload, open_session, strangers

T = TypeVar("T")


class Apart(Exception):
    """Two versions cannot be compared; `trouble` says which side is at fault."""

    def __init__(self, trouble: Trouble, reason: str) -> None:
        super().__init__(reason)
        self.trouble: Trouble = trouble


def run(folder: Path) -> None:
    """Answers `request.json` with one file a case, `0.json` and so on, then `controls.json` where they are asked for."""
    request = codec.read(PairRequest, folder / "request.json")
    head = load(f"{ROOT}_head", Path(request.head))
    base = head if request.anchored else _load_base(Path(request.base))
    quickest: tuple[float, Entry] | None = None
    for number, entry in enumerate(request.entries):
        if isinstance(base, str):
            outcome = PairOutcome(label=entry.label, trouble="unmeasured", reason=base)
        else:
            outcome = (measure_anchored if request.anchored else answer)(entry, base, head, request)
        codec.write(folder / f"{number}.json", outcome)
        if not outcome.trouble and (quickest is None or outcome.head.call_s < quickest[0]):
            quickest = outcome.head.call_s, entry
    if request.controls and quickest is not None:
        codec.write(folder / "controls.json", control(quickest[1], head, request.seed))


def _load_base(folder: Path) -> Version | str:
    """Base's version of the package, or why it cannot even be imported."""
    try:
        return load(f"{ROOT}_base", folder)
    except (Exception, SystemExit) as error:  # anything that code may raise
        return _first(error)


def answer(entry: Entry, base: Version, head: Version, request: PairRequest) -> PairOutcome:
    """One case's outcome; whatever either side raises becomes its trouble."""
    opened: list[Opened] = []
    try:
        opened += _open(entry, base, head, request)
        _check_agreement(opened, entry)

        def measure(number: int, terms: Terms) -> Compared:
            if number:
                turned = dataclasses.replace(request, swapped=request.swapped != bool(number % 2))
                opened.extend(_open(entry, base, head, turned))
            return compare(*_players(opened[-2:]), terms)

        calls, extra = (EXTRA_CALLS, 1) if request.extra_work else (None, 0)
        terms = Terms(
            rules=entry.rules,
            fixed_s=request.fixed_s,
            slowdown=request.slowdown,
            calls=calls,
            extra_calls=extra,
            seed=request.seed,
        )
        found = compare_builds(measure, terms)
        _check_own_code(base, head)
        return _outcome(entry, found, opened[:2], request)
    except Apart as apart:
        return PairOutcome(label=entry.label, trouble=apart.trouble, reason=str(apart))
    finally:
        for one in opened:
            one.session.close()


def measure_anchored(entry: Entry, base: Version, head: Version, request: PairRequest) -> PairOutcome:
    """One case's time over the anchor's."""
    opened: list[Opened] = []
    try:
        made = _guard("head", lambda: make_workload(head, entry.case))
        opened.append(_guard("head", lambda: open_session(made, 0)))
        _guard("head", lambda: agreement.call_with_gradients(opened[0]))
        terms = Terms(rules=entry.rules, fixed_s=request.fixed_s, seed=request.seed)
        found = compare(Player(play=anchor()), Player(play=opened[0].play), terms)
        return _outcome(entry, found, [opened[0], opened[0]], request)
    except Apart as apart:
        return PairOutcome(label=entry.label, trouble=apart.trouble, reason=str(apart))
    finally:
        for one in opened:
            one.session.close()


def control(entry: Entry, head: Version, seed: int) -> Controls:
    """Head against a second copy of itself, built as often as a case is: as it is, and with eleven calls to ten."""
    again = load(f"{ROOT}_again", head.folder)
    request = PairRequest(base=str(head.folder), head=str(head.folder), entries=(), seed=seed)
    opened: list[Opened] = []

    def measure(number: int, terms: Terms) -> Compared:
        opened.extend(_open(entry, again, head, dataclasses.replace(request, swapped=bool(number % 2))))
        return compare(*_players(opened[-2:]), terms)

    try:
        same = compare_builds(measure, Terms(rules=entry.rules, seed=seed + 1))
        return controls_of(entry.label, *_players(opened[-2:]), entry.rules, seed, same=same)
    finally:
        for one in opened:
            one.session.close()


def _open(entry: Entry, base: Version, head: Version, request: PairRequest) -> tuple[Opened, Opened]:
    """Sessions of base and head, made in the order that the request asks for, with equal weights and inputs."""
    sides: list[tuple[Trouble, Version]] = [("base", base), ("head", head)]
    if request.swapped:
        sides.reverse()
    made = {name: _guard(name, lambda version=version: make_workload(version, entry.case)) for name, version in sides}
    agreement.give_equal_weights(made["base"][2], made["head"][2])
    opened = {name: _guard(name, lambda name=name: open_session(made[name], 0)) for name, _ in sides}
    return opened["base"], opened["head"]


def _players(opened: Sequence[Opened]) -> tuple[Player, Player]:
    return Player(play=opened[0].play), Player(play=opened[1].play)


def _guard(trouble: Trouble, work: Callable[[], T]) -> T:
    """What `work` returns; what it raises is that side's trouble."""
    try:
        return work()
    except Exception as error:  # anything a version may raise, each with its own classes
        broken = trouble == "base" and isinstance(error, (ImportError, SyntaxError))
        raise Apart("unmeasured" if broken else trouble, _first(error)) from error


def _first(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0]}"


def _check_agreement(opened: list[Opened], entry: Entry) -> None:
    base = _guard("base", lambda: agreement.call_with_gradients(opened[0]))
    head = _guard("head", lambda: agreement.call_with_gradients(opened[1]))
    if problem := agreement.difference(base, head, entry.case.dtype):
        raise Apart("outputs", f"{problem}; it is no question of speed until both compute the same")


def _check_own_code(base: Version, head: Version) -> None:
    for side, version in (("base", base), ("head", head)):
        if found := strangers(version):
            file = getattr(sys.modules[found[0]], "__file__", None)
            raise Apart("foreign", f"{side} ran {found[0]} from {file}, expected it from {version.folder}")


def _outcome(entry: Entry, found: Compared, opened: list[Opened], request: PairRequest) -> PairOutcome:
    profiles = [_profile(one) if request.explain else ((), None) for one in opened]
    counted = [instructions.count(one.session.call) if request.explain else None for one in opened]
    times, faults = (found.base_s, found.head_s), (found.base_faults, found.head_faults)
    base, head = (
        Side(
            call_s=times[side],
            faults_per_call=faults[side],
            kernel=_kernel(one),
            operators=profiles[side][0],
            allocations_per_call=profiles[side][1],
            instructions_per_call=counted[side],
        )
        for side, one in enumerate(opened)
    )
    return PairOutcome(
        label=entry.label,
        reason=found.reason,
        verdict=found.verdict,
        wall_ratio=found.wall_ratio,
        clock=found.clock,
        rounds=found.rounds,
        calls=found.calls,
        seconds=found.seconds,
        builds=found.builds,
        base=base,
        head=head,
        steal=found.noise.steal,
        pressure=found.noise.cpu_pressure,
    )


def _profile(opened: Opened) -> tuple[tuple[Operator, ...], float | None]:
    """Operators and allocations of a call; nothing where the framework has no module in `evidence`."""
    name = f"{__package__}.evidence.{opened.framework or 'none'}"
    if importlib.util.find_spec(name) is None:
        return (), None
    return importlib.import_module(name).profiled(opened.session.call, opened.timed_by_session)


def _kernel(opened: Opened) -> str:
    """The implementation that ran, as the session reads it back."""
    output = opened.session.call()
    opened.session.synchronize()
    return str(getattr(opened.session.effective(output), "kernel", "") or "")


def main(arguments: list[str]) -> int:
    """Exit code 0 when all was written."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m lambdabench.worker.pair FOLDER\n")
        return 2
    if os.environ.get(leash.LEASH):
        leash.follow_parent()
    run(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
