"""What every metric keeps, ours and outsiders': a new module is tested by being there."""

from typing import Any

import pytest

from lambdabench.analysis.sample_statistics import complete
from lambdabench.backends import fake
from lambdabench.conduct.outcomes import VisitBench
from lambdabench.core import registry
from lambdabench.core.evaluation import Judged
from lambdabench.core.record import Visit
from lambdabench.core.spec import Case, options_from
from lambdabench.core.units import SCALES
from lambdabench.machine.memory import HostMeter
from lambdabench.worker.opening_metrics import LiveBench

CASE = Case(
    model="m", backend="fake", device="fake", batch_size=2, image_px=8, param_dtype="float32", threads=1,
    options=options_from({"compile_s": 0.01, "trace_s": 0.002, "lower_s": 0.003, "xla_flops": 2e9}),
)  # fmt: skip


@pytest.fixture(params=registry.names("metrics"))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


VISIT = Visit(
    round=1, started_s=0.0, cold=(0.02,), seconds=(0.01, 0.011, 0.012), wall=(0.02, 0.021, 0.022), rate=190.0, loops=20
)
JUDGED = Judged(labels=(0, 1, 2), likeliest=((0, 1, 2, 3, 4),) * 3, classes=6, reference=(0, 0, 0))


def answer(metric: Any) -> Any:
    """A metric's, of visits where it is timed, of images where it is of weights, else of a case as it was opened."""
    if getattr(metric, "OF_WEIGHTS", False):
        return metric.answer(JUDGED)
    if metric.TIMED:
        return metric.answer(VisitBench(case=CASE, visits=[VISIT]))
    return metric.answer(LiveBench(fake.open_session(None, CASE, 0), CASE, HostMeter))


@pytest.fixture
def metric(name: str) -> Any:
    return registry.load("metrics", name)


def test_it_says_what_it_is(metric: Any) -> None:
    assert metric.TITLE
    assert metric.UNIT in SCALES
    assert metric.BETTER in ("lower", "higher", "")
    assert metric.TIMED in (True, False)
    assert metric.__doc__


def test_its_answer_is_a_finite_number_under_its_own_name_and_unit(name: str, metric: Any) -> None:
    measurement = complete(answer(metric))
    assert (measurement.metric, measurement.unit) == (name, metric.UNIT)
    assert measurement.value is not None
    assert 0 < measurement.value < float("inf")
    assert measurement.loops_per_sample >= 1


def test_a_derived_number_says_from_what(metric: Any) -> None:
    item = answer(metric)
    assert item.origin == "measured" or item.source, "of a measured one the source may name the clock"


def test_a_metric_with_samples_leaves_what_they_come_to_to_the_reader(metric: Any) -> None:
    item = answer(metric)
    assert (item.value is None) == bool(item.samples)
    assert (item.low, item.high) == (None, None)


def test_a_metric_of_weights_has_no_answer_of_a_session(metric: Any) -> None:
    if getattr(metric, "OF_WEIGHTS", False):
        assert metric.answer(LiveBench(fake.open_session(None, CASE, 0), CASE, HostMeter)) is None
