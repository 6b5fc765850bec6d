"""Loads as people write them, and the names of their metrics."""

import pytest

from lambdabench.core.errors import RequestError
from lambdabench.core.flags import loads
from lambdabench.core.loads import load_named, load_of
from lambdabench.core.metric import metric


@pytest.mark.parametrize(
    ("text", "name", "rate", "told"),
    [
        ("0.7", "latency_under_load_70", 14.0, "70 %"),
        (".05", "latency_under_load_5", 1.0, "5 %"),
        ("30/s", "latency_under_load_30_per_s", 30.0, "30/s"),
        ("0.25/s", "latency_under_load_0_25_per_s", 0.25, "0.25/s"),
    ],
)
def test_a_load_has_a_rate_and_a_metric(text: str, name: str, rate: float, told: str) -> None:
    load = load_of(text)
    assert load.rate(0.05) == pytest.approx(rate)
    assert (load.metric, load.told()) == (name, told)
    assert load_named(name) == load
    assert metric(name).title == f"Latency under load of {told}"
    assert metric(f"{name}_p99") == metric(name)


@pytest.mark.parametrize("text", ["0", "1", "1.0", "0.755", "70%", "-0.5", "30", "0/s", "nan", "x/s", ""])
def test_what_is_none_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected a share of the service rate"):
        load_of(text)


def test_another_metric_has_none() -> None:
    assert load_named("latency") is None
    assert load_named("latency_under_load") is None


def test_a_flag_says_which_load_is_none() -> None:
    assert loads("0.5,30/s", "--load") == ("0.5", "30/s")
    assert loads(None, "--load") == ()
    with pytest.raises(RequestError, match=r"--load: found '1\.2', expected"):
        loads("0.5,1.2", "--load")
