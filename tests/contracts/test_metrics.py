"""What every metric keeps, ours and outsiders': a new module is tested by being there."""

from typing import Any

import pytest

from lambdabench.backends import fake
from lambdabench.core import registry
from lambdabench.core.spec import Case, Sampling, options_from
from lambdabench.core.units import SCALES
from lambdabench.machine.memory import HostMeter
from lambdabench.worker.bench import LiveBench
from lambdabench.worker.measure import complete

CASE = Case(
    model="m", backend="fake", device="fake", batch_size=2, image_px=8, param_dtype="float32", threads=1,
    options=options_from({"compile_s": 0.01, "trace_s": 0.002, "lower_s": 0.003, "xla_flops": 2e9}),
)  # fmt: skip


@pytest.fixture(params=registry.names("metrics"))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def metric(name: str) -> Any:
    return registry.load("metrics", name)


def test_it_says_what_it_is(metric: Any) -> None:
    assert metric.TITLE
    assert metric.UNIT in SCALES
    assert metric.BETTER in ("lower", "higher", "")
    assert metric.__doc__


def test_its_answer_is_a_finite_number_under_its_own_name_and_unit(name: str, metric: Any) -> None:
    session = fake.open_session(None, CASE, 0)
    found = complete(metric.answer(LiveBench(session, CASE, Sampling(), HostMeter)))
    assert (found.metric, found.unit) == (name, metric.UNIT)
    assert found.value is not None
    assert 0 < found.value < float("inf")
    assert found.loops_per_sample >= 1


def test_a_derived_number_says_from_what(metric: Any) -> None:
    session = fake.open_session(None, CASE, 0)
    found = metric.answer(LiveBench(session, CASE, Sampling(), HostMeter))
    assert (found.origin == "measured") == (found.source == "")


def test_a_metric_with_samples_leaves_the_median_to_the_worker(metric: Any) -> None:
    session = fake.open_session(None, CASE, 0)
    found = metric.answer(LiveBench(session, CASE, Sampling(), HostMeter))
    assert (found.value is None) == bool(found.samples)
    assert (found.low, found.high) == (None, None)
