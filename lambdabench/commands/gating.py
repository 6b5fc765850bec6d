"""The gate as a command: a suite's kernels, HEAD against the merge base with a ref."""

from collections.abc import Callable
from pathlib import Path

from .. import gate, suite
from ..gate import Check, Event, SelfTest


def check(
    base: str, suite_name: str, *, only: str = "*", repository: Path | None = None, on_event: Callable[[Event], None]
) -> Check:
    """Compares. Raises UnknownNameError, SuiteError, LambdabenchError."""
    request = gate.Request(suite=suite.load(suite_name), base=base, only=only, repository=repository or Path())
    return gate.check(request, on_event)


def self_test(suite_name: str, *, only: str, trials: int, on_trial: Callable[[str], None]) -> SelfTest:
    """The gate's rates on this machine. Raises UnknownNameError, SuiteError."""
    request = gate.Request(suite=suite.load(suite_name), base="", only=only)
    return gate.self_test(request, trials, on_trial)


def check_tests(base: str, path: Path, *, rounds: int, on_event: Callable[[Event], None]) -> Check:
    """Compares a project's own pytest-benchmark tests on two commits. Raises LambdabenchError, NothingMeasuredError."""
    return gate.check_tests(gate.TestsRequest(base=base, path=path, rounds=rounds), on_event)
