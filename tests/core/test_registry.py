"""Names are modules, and a wrong one is answered with the nearest."""

import pytest

from lambdabench.core import registry
from lambdabench.core.errors import UnknownNameError


def test_names_are_modules() -> None:
    assert "latency" in registry.names("metrics")
    assert "torch_eager" in registry.names("backends")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no metric is called 'latencyy'; did you mean 'latency'"):
        registry.load("metrics", "latencyy")
    assert "known: a, b" in str(registry.unknown("thing", "zzzz", ("b", "a")))
