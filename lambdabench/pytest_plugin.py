"""pytest-benchmark's runs as lambdabench's rows (`--lambdabench DIR`), and the side of `lambdabench check` that runs in pytest.

It is loaded in every pytest run of its users: whatever it needs is imported when an option asks for it.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    """`--lambdabench DIR`; the others are the gate's own."""
    group = parser.getgroup("lambdabench")
    group.addoption(
        "--lambdabench", metavar="DIR", default=None, help="record pytest-benchmark's results as rows in DIR"
    )
    group.addoption("--lambdabench-pair", metavar="FOLDER", default=None, help="used by lambdabench check")
    group.addoption("--lambdabench-serve", metavar="GLOB", default=None, help="used by lambdabench check")


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_load_initial_conftests(early_config: Any) -> Generator[None]:
    """A side of the gate's is one before its conftest.py imports anything."""
    if early_config.known_args_namespace.lambdabench_serve:
        from .worker.pytest_tests.one_side import stand

        stand()
    yield


def pytest_configure(config: Any) -> None:
    """Registers what was asked for."""
    if folder := config.getoption("--lambdabench-pair"):
        from .worker.pytest_tests.both_sides import Pairing

        pairing = Pairing(Path(folder))
        config.pluginmanager.register(pairing, "lambdabench-pair")
    if only := config.getoption("--lambdabench-serve"):
        from .worker.pytest_tests.one_side import Serving

        config.pluginmanager.register(Serving(only), "lambdabench-serve")
    if folder := config.getoption("--lambdabench"):
        config.pluginmanager.register(_Recording(config, Path(folder)), "lambdabench-record")


class _Recording:
    """Writes what pytest-benchmark timed when the session ends."""

    def __init__(self, config: Any, folder: Path) -> None:
        self._config, self._folder = config, folder
        self._failures: dict[str, str] = {}
        self._expected: set[str] = set()
        self._said = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self._failures.setdefault(report.nodeid, str(getattr(crash, "message", report.longrepr)).strip())
        elif report.skipped:
            from .worker.pytest_tests.reports import skip_reason_of

            self._failures.setdefault(report.nodeid, skip_reason_of(report))
            self._expected.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """A benchmark whose test failed is a row with its reason; one whose test was expected to is skipped."""
        from .pytest_benchmark.rows import Timed, record

        item = getattr(getattr(self._config, "_benchmarksession", None), "benchmarks", ())
        timed = [
            Timed(
                name=entry.fullname,
                seconds=tuple(entry.stats.data),
                iterations=entry.iterations,
                group=entry.group or "",
                reason=self._failures.get(entry.fullname, ""),
                expected=entry.fullname in self._expected,
            )
            for entry in item
            if entry.stats.data
        ]
        self._said = f"lambdabench: saved {record(timed, self._folder)}" if timed else "lambdabench: no benchmark ran"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.write_line(self._said)
