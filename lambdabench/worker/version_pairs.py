"""The gate's cases in this process: two versions of the package, both sides of a case made, visited call by call in turn, let go."""

import importlib
import importlib.util
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..core.gate_protocol import Entry, Opening, Operator, PairAnswered, PairAsked, PairOutcome, Side, Trouble
from ..core.registry import ROOT
from ..machine import instructions
from ..turns.clocks import Player
from ..turns.side_comparison import compare
from . import output_agreement
from .reference_workload import anchor
from .versions import Opened, Version, load, make_workload, open_session, strangers

STEP_BYTES, STEPS = 16, 4096
"""What comes before the first case in memory is so many steps long at most, of the allocator's own width."""
T = TypeVar("T")


class Apart(Exception):
    """Two versions cannot be compared; `trouble` says which side is at fault."""

    def __init__(self, trouble: Trouble, reason: str) -> None:
        super().__init__(reason)
        self.trouble: Trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A case, made once. `base`: None where the anchor takes its turns."""

    base: Opened | None
    head: Opened
    versions: tuple[Version, Version]

    def players(self) -> tuple[Player, Player]:
        return Player(play=self.base.play if self.base is not None else anchor()), Player(play=self.head.play)


class Pairs:
    """Answers open, visit and close of cases that two versions of the package have. Both versions are loaded under names of their own
    beside ours, which only drives them; a framework is loaded with the first case that needs it."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], Version] = {}
        self._held: dict[str, list[_Pair]] = {}
        self._before: list[bytearray] = []

    def answer(self, asked: PairAsked) -> PairAnswered:
        """What is asked, done. Whatever either side raises is its trouble, and the case is let go."""
        try:
            if asked.what == "open":
                assert asked.opening is not None
                self._open(asked.label, asked.opening)
                return PairAnswered()
            if asked.what == "visit":
                assert asked.terms is not None
                pair, terms = self._held[asked.label][-1], asked.terms
                return PairAnswered(compared=_guard("head", lambda: compare(*pair.players(), terms)))
            return PairAnswered(sides=self._close(asked.label, explain=asked.explain))
        except Apart as apart:
            self._drop(asked.label)
            lost = PairOutcome(label=asked.label, trouble=apart.trouble, reason=str(apart))
            return PairAnswered(trouble=lost)

    def _open(self, label: str, opening: Opening) -> None:
        """Makes both sides, those that were made of the case before still there: freed memory would be taken again."""
        held = self._held.setdefault(label, [])
        if not held:
            self._before.append(bytearray(STEP_BYTES * random.Random(opening.seed).randrange(STEPS)))
        head = self._loaded("head", Path(opening.head), "head")
        if opening.anchored:
            held.append(_anchored(opening.entry, head))
            return
        base = self._loaded("again" if opening.again else "base", Path(opening.base), "unmeasured")
        held.append(_made(opening, base, head))
        if len(held) == 1:
            _check_agreement(held[0], opening.entry)

    def _loaded(self, name: str, folder: Path, trouble: Trouble) -> Version:
        """A version; what its import raises is a trouble."""
        key = name, str(folder)
        if key not in self._versions:
            try:
                self._versions[key] = load(f"{ROOT}_{name}", folder)
            except (Exception, SystemExit) as error:  # anything that code may raise
                raise Apart(trouble, _first(error)) from error
        return self._versions[key]

    def _close(self, label: str, *, explain: bool) -> tuple[Side, Side]:
        """What is known of the sides that were made first, all of them let go."""
        pair = self._held[label][0]
        try:
            for side, version in zip(("base", "head"), pair.versions, strict=True):
                _check_own_code(side, version)
            return _side(pair.base or pair.head, explain), _side(pair.head, explain)
        finally:
            self._drop(label)

    def _drop(self, label: str) -> None:
        for pair in self._held.pop(label, []):
            for opened in filter(None, (pair.base, pair.head)):
                opened.session.close()


def _made(opening: Opening, base: Version, head: Version) -> _Pair:
    """Sessions of base and head, made in the order that is asked for, with equal weights and inputs."""
    sides: list[tuple[Trouble, Version]] = [("base", base), ("head", head)]
    if opening.swapped:
        sides.reverse()
    case = opening.entry.case
    made = {name: _guard(name, lambda version=version: make_workload(version, case)) for name, version in sides}
    output_agreement.give_equal_weights(made["base"].workload, made["head"].workload)
    opened = {name: _guard(name, lambda name=name: open_session(made[name], 0)) for name, _ in sides}
    return _Pair(base=opened["base"], head=opened["head"], versions=(base, head))


def _anchored(entry: Entry, head: Version) -> _Pair:
    made = _guard("head", lambda: make_workload(head, entry.case))
    opened = _guard("head", lambda: open_session(made, 0))
    _guard("head", lambda: output_agreement.call_with_gradients(opened))
    return _Pair(base=None, head=opened, versions=(head, head))


def _guard(trouble: Trouble, work: Callable[[], T]) -> T:
    """What `work` returns; what it raises is that side's trouble."""
    try:
        return work()
    except Exception as error:  # anything a version may raise, each with its own classes
        broken = trouble == "base" and isinstance(error, (ImportError, SyntaxError))
        raise Apart("unmeasured" if broken else trouble, _first(error)) from error


def _first(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0]}"


def _check_agreement(pair: _Pair, entry: Entry) -> None:
    sides: list[tuple[Trouble, Opened | None]] = [("base", pair.base), ("head", pair.head)]
    base, head = (
        _guard(name, lambda item=opened: output_agreement.call_with_gradients(item))
        for name, opened in sides
        if opened is not None
    )
    if problem := output_agreement.difference(base, head, entry.case.dtype):
        raise Apart("outputs", f"{problem}; it is no question of speed until both compute the same")


def _check_own_code(side: str, version: Version) -> None:
    if names := strangers(version):
        file = getattr(sys.modules[names[0]], "__file__", None)
        raise Apart("foreign", f"{side} ran {names[0]} from {file}, expected it from {version.folder}")


def _side(opened: Opened, explain: bool) -> Side:
    """What is known of a side without timing; operators and counts where it is to be explained."""
    operators, allocations = _profile(opened) if explain else ((), None)
    return Side(
        kernel=_kernel(opened),
        operators=operators,
        allocations_per_call=allocations,
        instructions_per_call=instructions.count(opened.session.call) if explain else None,
    )


def _profile(opened: Opened) -> tuple[tuple[Operator, ...], float | None]:
    """Operators and allocations of a call; nothing where the framework has no module in `profilers`."""
    name = f"{__package__}.profilers.{opened.framework or 'none'}"
    if importlib.util.find_spec(name) is None:
        return (), None
    return importlib.import_module(name).profiled(opened.session.call, opened.timed_by_session)


def _kernel(opened: Opened) -> str:
    """The implementation that ran, as the session reads it back."""
    output = opened.session.call()
    opened.session.synchronize()
    return str(getattr(opened.session.effective(output), "kernel", "") or "")
