"""A user's pytest-benchmark tests, base's and head's, in one process: inside head's test, where it would be timed, base's
runs in a session of its own, and where that would be timed both are at hand and called in turn."""

import contextlib
import dataclasses
import importlib
import io
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ...analysis.gate_rule import BUILDS
from ...core import codec
from ...core.gate_protocol import (
    Compared,
    Operator,
    PairOutcome,
    Rules,
    Side,
    Terms,
    Trouble,
    UsersRequest,
    skipped,
    timed,
)
from ...core.globs import picked
from ...core.worker_protocol import PARENT_PIPE
from ...turns.clocks import Player
from ...turns.reallocations import compare_builds
from ...turns.side_comparison import compare, controls_of
from .. import module_origins, parent_watch
from ..output_agreement import as_arrays, difference
from . import NO_XDIST
from .reports import always_skipped, failure_of, may_time, skip_reason_of
from .target import Target, intercepted
from .two_trees import Tree, TwoTrees, why_apart


class Pairing:
    """A pytest plugin of head's session, and what it knows of base's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._request = codec.read(UsersRequest, folder / "request.json")
        self._trees = TwoTrees(Path(self._request.base), Path(self._request.head))
        self._places: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._answered: dict[str, PairOutcome] = {}
        self._failures: dict[str, str] = {}
        self._skips: dict[Tree, dict[str, str]] = {"base": {}, "head": {}}
        self._meet: Any = None
        self._patch = contextlib.ExitStack()
        self._controlled = not self._request.controls

    def pytest_configure(self) -> None:
        if os.environ.get(PARENT_PIPE):
            parent_watch.follow_parent()
        self._patch.enter_context(intercepted(self.on_benchmark))

    def pytest_unconfigure(self) -> None:
        self._patch.close()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keeps the benchmarks that are asked for, and declares them; or says why one process cannot do it."""
        timing = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]
        wanted = set(self._request.labels or picked([item.nodeid for item in timing], self._request.only))
        items[:] = [item for item in timing if item.nodeid in wanted]
        self._places |= {item.nodeid: str(item.path) for item in items}
        self._skips["base"] |= {item.nodeid: "" for item in items if always_skipped(item)}
        why = why_apart(self._trees.modules())
        if timing and not (items or self._failures or self._request.labels):
            codec.write(self._folder / "offered.json", tuple(item.nodeid for item in timing))
        codec.write(self._folder / "declared.json", tuple(self._places))
        if why:
            codec.write(self._folder / "apart.json", why)
            items[:] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and report.nodeid not in self._failures:
            self._failures[report.nodeid] = failure_of(report)
        if why := skip_reason_of(report):
            self._skips["head"].setdefault(report.nodeid, why)

    def pytest_collectstart(self, collector: Any) -> None:
        self._files[collector.nodeid] = str(collector.path)

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be collected is a case that fails, one that is skipped as a whole is a case that is skipped."""
        if self._meet is not None or (self._request.labels and report.nodeid not in self._request.labels):
            return
        place = self._files[report.nodeid]
        if report.failed:
            self._failures[report.nodeid] = failure_of(report)
        elif report.skipped and may_time(report.nodeid, Path(place), self._request.only):
            self._skips["head"][report.nodeid] = skip_reason_of(report)
        else:
            return
        self._places[report.nodeid] = place

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """One outcome a test, whatever happened in it."""
        if self._meet is None and nodeid in self._places:
            self._write(nodeid)

    def _write(self, nodeid: str) -> None:
        pair_outcome = self._settled(nodeid, self._answered.get(nodeid))
        self._answered[nodeid] = pair_outcome
        codec.write(self._folder / f"{list(self._answered).index(nodeid)}.json", pair_outcome)

    def _settled(self, nodeid: str, pair_outcome: PairOutcome | None) -> PairOutcome:
        """What was found where it was timed, and what became of the test afterwards."""
        if nodeid in self._failures:
            if pair_outcome is not None and pair_outcome.trouble not in ("", "skipped"):
                return pair_outcome
            after = "timed, and then failed: " if pair_outcome is not None and not pair_outcome.trouble else ""
            return PairOutcome(label=nodeid, trouble="head", reason=f"{after}{self._failures[nodeid]}")
        if why := self._skips["head"].get(nodeid, ""):
            if pair_outcome is None and nodeid not in self._skips["base"]:
                self._inside("base", nodeid, lambda target: None)
            base = self._skips["base"].get(nodeid)
            return skipped(nodeid, head=why, base=base or ("" if base is None else why))
        ended = PairOutcome(label=nodeid, trouble="head", reason="the test ended without timing anything")
        return pair_outcome or ended

    def pytest_sessionfinish(self) -> None:
        for failure in (*self._failures, *self._skips["head"]):
            if failure in self._places and failure not in self._answered:
                self._write(failure)
        codec.write(self._folder / "finished.json", True)

    def on_benchmark(self, name: str, target: Target) -> None:
        """Where a test would be timed: base's inside head's."""
        if self._meet is not None:
            self._meet(target)
        elif name in self._places and name not in self._answered:
            self._answered[name] = self._run_base(name, target)

    def _run_base(self, label: str, head: Target) -> PairOutcome:
        """Builds of both, until the rule wants no more; one in a fresh process that is weighed with others."""
        rules, met = rules_of(self._request, label), list[_Met]()

        def measure(number: int, terms: Terms) -> Compared | None:
            item = self._met(label, head, terms, number)
            if isinstance(item, PairOutcome):
                if not number:
                    raise _Apart(item)
                return None  # a test that runs but once
            met.append(item)
            return item.found

        terms = Terms(rules=rules, fixed_s=self._request.fixed_s, seed=self._request.seed)
        try:
            compared = compare_builds(measure, terms, most=1 if terms.fixed_s is not None else BUILDS)
        except _Apart as apart:
            return apart.outcome
        return timed(label, compared, *met[-1].sides)

    def _met(self, label: str, head: Target, terms: Terms, number: int) -> "_Met | PairOutcome":
        """One build. Head's comes first in memory; swapped, it is called once more inside base's, and that one is compared."""
        met: list[_Met | PairOutcome] = []

        swapped = self._request.swapped != bool(number % 2)
        terms = dataclasses.replace(terms, swapped=swapped)

        def meet(base: Target) -> None:
            if swapped:
                self._inside(
                    "head", label, lambda again: met.append(self._compare(label, (base, again), terms, number))
                )
            else:
                met.append(self._compare(label, (base, head), terms, number))

        inner = self._inside("base", label, meet)
        if why := self._skips["base"].get(label, ""):
            return skipped(label, head="", base=why)
        if met:
            return met[0]
        if inner.broken:
            return module_origins.unmeasured(label, inner.broken, self._request)
        return PairOutcome(label=label, trouble="base", reason=inner.said or "base has no such test")

    def _inside(self, tree: Tree, label: str, meet: Callable[[Target], None]) -> "_Inner":
        """Runs a tree's test in a session of its own up to where it would be timed; what became of it."""
        inner, printed = _Inner(), io.StringIO()
        place = self._places[label] if tree == "head" else self._trees.mapped(self._places[label])
        outer, now, folder = self._meet, self._trees.now, Path.cwd()
        self._meet = meet
        self._trees.take(tree)
        os.chdir(self._trees.folders[tree])
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(printed):
                asked = (place + label[label.index("::") :],) if "::" in label else (place, "--collect-only")
                ended = pytest.main([*asked, *INNER, *NO_XDIST], plugins=[inner])
        finally:
            self._meet = outer
            os.chdir(folder)
            self._trees.take(now)
        if inner.skipped:
            self._skips[tree].setdefault(label, inner.skipped)
        inner.broken = inner.broken or _refused(ended, printed.getvalue())
        return inner

    def _compare(self, label: str, sides: tuple[Target, Target], terms: Terms, number: int) -> "_Met | PairOutcome":
        base, head = sides
        now = self._trees.now
        players = self._player("base", base), self._player("head", head)
        try:
            problem = self._disagreement(base, head) if not number else ""
            if strange := self._foreign():  # after what a call imports, and before time is spent
                return PairOutcome(label=label, trouble="foreign", reason=strange)
            if problem:
                return PairOutcome(label=label, trouble="outputs", reason=problem)
            compared = compare(*players, terms)
            if not self._controlled:
                twice = self._player("head", head), self._player("head", head)
                codec.write(self._folder / "controls.json", controls_of(label, *twice, terms.rules, self._request.seed))
                self._controlled = True
            return _Met(found=compared, targets=sides, sides=self._sides(sides))
        except Exception as error:
            side: Trouble = self._trees.now
            return PairOutcome(label=label, trouble=side, reason=f"{type(error).__name__}: {error}")
        finally:
            self._trees.take(now)

    def _foreign(self) -> str:
        """What either side has loaded that is not its own."""
        names: list[str] = []
        trees: tuple[Tree, Tree] = ("base", "head")
        for number, tree in enumerate(trees):
            self._trees.take(tree)
            names.append(module_origins.foreign(module_origins.own_of(self._request, number)))
        return "; ".join(name for name in names if name)

    def _player(self, tree: Tree, target: Target) -> Player:
        def prepare(calls: int) -> None:
            self._trees.take(tree)
            target.prepare(calls)

        return Player(play=target.play, prepare=prepare)

    def _disagreement(self, base: Target, head: Target) -> str:
        """How the results differ; empty where they agree, cannot be compared, or differ from call to call."""
        result: list[Mapping[str, Any] | None] = []
        pairs: tuple[tuple[Tree, Target], ...] = (("base", base), ("head", head))
        for tree, target in pairs:
            self._trees.take(tree)
            item, other = as_arrays(target.once()), as_arrays(target.once())
            result.append(None if item is None or other is None or difference(item, other, "float32") else item)
        if result[0] is None or result[1] is None:
            return ""
        return difference(result[0], result[1], "float32")

    def _sides(self, targets: tuple[Target, Target]) -> tuple[Side, Side]:
        trees: tuple[Tree, Tree] = ("base", "head")
        sides: list[Side] = []
        for tree, target in zip(trees, targets, strict=True):
            self._trees.take(tree)
            operators, allocations = self._profile(target)
            sides.append(Side(operators=operators, allocations_per_call=allocations))
        return sides[0], sides[1]

    def _profile(self, target: Target) -> tuple[tuple[Operator, ...], float | None]:
        """torch's operators where the tests have loaded torch, Python's functions elsewhere."""
        if not self._request.explain:
            return (), None
        name = "torch" if "torch" in sys.modules else "python"
        return importlib.import_module(f"..profilers.{name}", __package__).profiled(target.once, False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Met:
    """A build of both sides, which stays in memory: what is freed would be taken again."""

    found: Compared
    targets: tuple[Target, Target]
    sides: tuple[Side, Side]


class _Apart(Exception):
    """Both cannot be compared."""

    def __init__(self, outcome: PairOutcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class _Inner:
    """The first thing that went wrong in a session for one test, and why the test was skipped where it was.

    `broken`: why its file, or what pytest loads before, could not be imported."""

    said = ""
    skipped = ""
    broken = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.said:
            self.said = failure_of(report)
        self.skipped = self.skipped or skip_reason_of(report)

    def pytest_collectreport(self, report: Any) -> None:
        self.pytest_runtest_logreport(report)
        if report.failed and not self.broken:
            self.broken = failure_of(report)


INNER = (
    "-s", "-q", "-p", "no:cacheprovider", "-p", "no:lambdabench.pytest_plugin", "--benchmark-enable", "--benchmark-only",
)  # fmt: skip


def rules_of(request: UsersRequest, label: str) -> Rules:
    """The rules of one test."""
    return dict(request.own_rules).get(label, request.rules)


def _refused(ended: int, printed: str) -> str:
    """Why pytest began no session: what it loads before cannot be imported. Empty where it began one, or found no such test."""
    lines = [line.removeprefix("E ").strip() for line in printed.splitlines() if line.strip()]
    names = lines and not any("not found:" in line for line in lines)
    return lines[-1] if names and ended in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR) else ""
