"""One side of a user's pytest-benchmark tests in a process of its own: at each benchmark it makes the calls that it is told to."""

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ...core.globs import picked
from ...core.worker_protocol import OWN, PARENT_PIPE, PIPES, TREES
from ...turns.clocks import Player, read
from .. import module_origins, parent_watch
from ..output_agreement import digest
from .reports import failure_of, may_time, skip_reason_of
from .target import Target, intercepted
from .two_trees import TwoTrees


def stand() -> None:
    """Makes this process one side's, before it imports anything of that side's."""
    own = own_side()
    if own.home:
        sys.meta_path.insert(0, module_origins.OwnFirst(own))
    if folders := os.environ.get(TREES):
        base, head = map(Path, folders.split(os.pathsep))
        TwoTrees(base, head).take("base")


def own_side() -> module_origins.Own:
    """What this process has to run as its own."""
    return module_origins.parse(Path(os.environ[OWN]).read_text())


class Serving:
    """A pytest plugin that speaks lines of JSON with the gate."""

    def __init__(self, only: str) -> None:
        asked, answered = (int(name) for name in os.environ[PIPES].split(","))
        self._asked, self._answered = os.fdopen(asked, "r"), os.fdopen(answered, "w")
        self._only = only
        self._failures: dict[str, str] = {}
        self._skips: dict[str, str] = {}
        self._files: dict[str, Path] = {}
        self._own = own_side()
        self._patch = intercepted(self.on_benchmark)

    def pytest_configure(self) -> None:
        if os.environ.get(PARENT_PIPE):
            parent_watch.follow_parent()
        self._patch.__enter__()

    def pytest_unconfigure(self) -> None:
        self._patch.__exit__(None, None, None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keeps benchmarks, and declares them; then files, of which is told at the end."""
        timing = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]
        wanted = set(picked([item.nodeid for item in timing], self._only))
        items[:] = [item for item in timing if item.nodeid in wanted]
        declared = [*(item.nodeid for item in items), *self._failures, *self._skips]
        offered = [] if items or self._failures else [item.nodeid for item in timing]
        self._say(declared=declared, skips=self._skips, failures=self._failures, offered=offered)

    def pytest_collectstart(self, collector: Any) -> None:
        self._files[collector.nodeid] = collector.path

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be collected is a case that fails, one that is skipped as a whole is a case that is skipped."""
        if not report.skipped or may_time(report.nodeid, self._files[report.nodeid], self._only):
            self.pytest_runtest_logreport(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and report.nodeid not in self._failures:
            self._failures[report.nodeid] = failure_of(report)
        if why := skip_reason_of(report):
            self._skips.setdefault(report.nodeid, why)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        failed, skipped = self._failures.pop(nodeid, ""), self._skips.pop(nodeid, "")
        self._say(done=nodeid, failed=failed, skipped=skipped, foreign=module_origins.foreign(self._own))

    def pytest_sessionfinish(self) -> None:
        for nodeid in (*self._failures, *self._skips):
            self._say(done=nodeid, failed=self._failures.get(nodeid, ""), skipped=self._skips.get(nodeid, ""))
        self._say(end=True)

    def on_benchmark(self, name: str, target: Target) -> None:
        """Answers blocks of calls until it is told to go on."""
        player = Player(play=target.play, prepare=target.prepare)
        result = digest(target.once)
        self._say(at=name, result=result, foreign=module_origins.foreign(self._own))  # after what a call imports
        for line in self._asked:
            calls = json.loads(line)["calls"]
            if not calls:
                return
            self._say(reading=dataclasses.asdict(read(player, calls)))

    def _say(self, **message: Any) -> None:
        self._answered.write(json.dumps(message) + "\n")
        self._answered.flush()
