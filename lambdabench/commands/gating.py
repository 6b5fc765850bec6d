"""Two commits compared."""

from collections.abc import Callable

from ..core.errors import LambdabenchError
from ..core.pairing import PairOutcome
from ..gate import check as gate
from ..gate import users
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
        return users.run(request, tests, on_outcome, build)
    if build:
        raise LambdabenchError("--build goes with --pytest: a suite compares two versions of this package as they are")
    return gate.run(request, on_outcome)
