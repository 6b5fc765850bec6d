"""Two commits of a package, compared kernel by kernel: what became slower, and proof that the comparison could tell."""

from .check import Case, Check, Event, Request, check
from .commits import Sides
from .process_pairs import TestsRequest, check_tests
from .self_test import Rate, SelfTest, self_test
from .verdicts import Verdict

__all__ = [
    "Case",
    "Check",
    "Event",
    "Rate",
    "Request",
    "SelfTest",
    "Sides",
    "TestsRequest",
    "Verdict",
    "check",
    "check_tests",
    "self_test",
]
