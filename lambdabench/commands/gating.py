"""Two commits compared."""

from collections.abc import Callable

from ..core.pairing import PairOutcome
from ..gate import check as gate
from ..gate.check import Request as CheckRequest
from ..gate.result import Result as CheckResult


def check(request: CheckRequest, on_outcome: Callable[[str, PairOutcome], None]) -> CheckResult:
    """What `check --base` found. Raises LambdabenchError for a request that cannot be carried out."""
    return gate.run(request, on_outcome)
