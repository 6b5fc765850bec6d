"""Two commits compared."""

from collections.abc import Callable
from pathlib import Path

from ..core.errors import RequestError
from ..core.gate_protocol import PairOutcome
from ..gate import baseline, pytest_tests
from ..gate import check as gate
from ..gate import self_test as selftest
from ..gate.check import Request as CheckRequest
from ..gate.result import Result as CheckResult


def check(
    request: CheckRequest,
    on_outcome: Callable[[str, PairOutcome], None],
    *,
    tests: str | None = None,
    build: str = "",
) -> CheckResult:
    """What `check --base` found, for a suite or for pytest-benchmark tests of the user's own. Raises LambdabenchError."""
    if tests is not None:
        return pytest_tests.run(request, tests, on_outcome, build)
    if build:
        raise RequestError("--build goes with --pytest: a suite compares two versions of this package as they are")
    return gate.run(request, on_outcome)


def check_baseline(
    request: CheckRequest, path: Path, on_outcome: Callable[[str, PairOutcome], None], *, keep: bool
) -> baseline.Compared:
    """What `check --baseline` found. Raises NotComparableError where the stored sessions are another machine's."""
    return baseline.run(request, path, on_outcome, keep=keep)


def self_test(request: CheckRequest, rounds: int, on_outcome: Callable[[str, PairOutcome], None]) -> selftest.Tested:
    """How often the gate errs here and now."""
    return selftest.run(request, rounds, on_outcome)
