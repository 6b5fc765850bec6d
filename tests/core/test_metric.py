"""A metric's description is its module's, with what is usual where the module says nothing."""

import pytest

from lambdabench.core import metric as described
from lambdabench.core.errors import UnknownNameError


def test_what_a_module_says_and_what_is_usual() -> None:
    latency = described.metric("latency")
    assert (latency.unit, latency.shown, latency.factor) == ("s/step", "ms", 1e3)
    assert (latency.column, latency.axis, latency.sign) == ("ms a step", "latency [ms]", -1)
    assert described.metric("peak_memory").column == "peak memory, GiB"
    assert described.metric("throughput").sign == 1
    assert described.metric("outputs").values == "any"
    assert described.metric("top1").unit == "%"


@pytest.mark.parametrize("name", ["latency_p95", "latency_p99.9", "normalized_latency", "normalized_latency_p50"])
def test_what_is_made_of_a_metric_is_shown_as_it_is(name: str) -> None:
    assert described.metric(name) is described.metric("latency")


def test_what_is_no_metric_has_no_description() -> None:
    with pytest.raises(UnknownNameError, match="no metric is called 'latencies'; did you mean 'latency'"):
        described.metric("latencies")


def test_columns_stand_in_their_order_and_axes_have_a_direction() -> None:
    names = [column.name for column in described.columns()]
    assert names[:4] == ["throughput", "latency", "first_call", "compile"]
    assert "outputs" not in names
    assert {"throughput", "latency", "top1", "flops", "peak_memory"} <= set(described.axes())
    assert "outputs" not in described.axes()
