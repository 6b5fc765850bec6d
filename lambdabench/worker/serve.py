"""One side of a user's pytest-benchmark tests in a process of its own: at each benchmark it makes the calls that it is told to."""

import dataclasses
import fnmatch
import json
import os
from pathlib import Path
from typing import Any

import pytest

from .agreement import digest
from .callee import Callee, intercepted
from .pipes import PIPES, TREES
from .swap import TwoTrees
from .turns import Player, read


class Serving:
    """A pytest plugin that speaks lines of JSON with the gate."""

    def __init__(self, only: str) -> None:
        asked, answered = (int(one) for one in os.environ[PIPES].split(","))
        self._asked, self._answered = os.fdopen(asked, "r"), os.fdopen(answered, "w")
        self._only = only
        self._failures: dict[str, str] = {}
        self._patch = intercepted(self.on_benchmark)

    def pytest_configure(self) -> None:
        if folders := os.environ.get(TREES):
            base, head = map(Path, folders.split(os.pathsep))
            TwoTrees(base, head).take("base")
        self._patch.__enter__()

    def pytest_unconfigure(self) -> None:
        self._patch.__exit__(None, None, None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keeps benchmarks, and declares them."""
        items[:] = [
            one
            for one in items
            if "benchmark" in getattr(one, "fixturenames", ()) and fnmatch.fnmatchcase(one.nodeid, self._only)
        ]
        self._say(declared=[*self._failures, *(one.nodeid for one in items)])

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be collected is a case that fails."""
        self.pytest_runtest_logreport(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and report.nodeid not in self._failures:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = str(crash.message if crash is not None else report.longrepr).strip()
            self._failures[report.nodeid] = (text.splitlines() or ["no message"])[0 if crash else -1]

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._say(done=nodeid, failed=self._failures.pop(nodeid, ""))

    def pytest_sessionfinish(self) -> None:
        for nodeid, why in self._failures.items():
            self._say(done=nodeid, failed=why)
        self._say(end=True)

    def on_benchmark(self, name: str, callee: Callee) -> None:
        """Answers blocks of calls until it is told to go on."""
        player = Player(play=callee.play, prepare=callee.prepare)
        self._say(at=name, result=digest(callee.once))
        for line in self._asked:
            calls = json.loads(line)["calls"]
            if not calls:
                return
            self._say(reading=dataclasses.asdict(read(player, calls)))

    def _say(self, **message: Any) -> None:
        self._answered.write(json.dumps(message) + "\n")
        self._answered.flush()
