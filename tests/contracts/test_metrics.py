"""What every metric keeps, ours and outsiders': a new module is tested by being there."""

from typing import Any

import pytest

from lambdabench.analysis.sample_statistics import complete
from lambdabench.backends import fake
from lambdabench.conduct.outcomes import VisitBench
from lambdabench.core import registry
from lambdabench.core.evaluation import Judged
from lambdabench.core.metric import described
from lambdabench.core.record import Energy, Served, Visit
from lambdabench.core.spec import Case, options_from
from lambdabench.core.units import SCALES
from lambdabench.machine.memory import HostMeter
from lambdabench.worker.opening_metrics import LiveBench

SCRIPT = {
    "compile_s": 0.01,
    "trace_s": 0.002,
    "lower_s": 0.003,
    "xla_flops": 2e9,
    "load_s": 0.1,
    "export_s": 0.5,
    "difference": 1e-6,
}
CASE = Case(
    model="m", backend="fake", device="fake", batch_size=2, image_px=8, param_dtype="float32", threads=1,
    options=options_from(SCRIPT),
)  # fmt: skip


@pytest.fixture(params=registry.names("metrics"))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


VISIT = Visit(
    round=1, started_s=0.0, cold=(0.02,), seconds=(0.01, 0.011, 0.012), wall=(0.02, 0.021, 0.022), rate=190.0, loops=20,
    energy=Energy(joules=1.5, calls=23, meter="a meter"),
    served=tuple(Served(load=load, rate=20.0, seconds=(0.01, 0.02), busy=(0.01,)) for load in ("0.5", "3.5/s")),
)  # fmt: skip
JUDGED = Judged(labels=(0, 1, 2), likeliest=((0, 1, 2, 3, 4),) * 3, classes=6, reference=(0, 0, 0))


def opened() -> LiveBench:
    session = fake.open_session(None, CASE, 0)
    return LiveBench(session, CASE, HostMeter, idle_power=lambda device, devices: (9.5, "a meter"))


def answers(metric: Any) -> list[Any]:
    """A metric's, of visits where it is timed, of images where it is of weights, else of a case as it was opened; some have several."""
    if getattr(metric, "OF_WEIGHTS", False):
        return [metric.answer(JUDGED)]
    answer = metric.answer(VisitBench(case=CASE, visits=[VISIT]) if metric.TIMED else opened())
    return list(answer) if type(answer) is tuple else [answer]


@pytest.fixture
def metric(name: str) -> Any:
    return registry.load("metrics", name)


def test_it_says_what_it_is(metric: Any) -> None:
    assert metric.TITLE
    assert metric.UNIT in SCALES
    assert metric.BETTER in ("lower", "higher", "")
    assert metric.TIMED in (True, False)
    assert metric.__doc__


def test_its_answers_are_finite_numbers_under_its_own_name_and_unit(name: str, metric: Any) -> None:
    for measurement in map(complete, answers(metric)):
        assert measurement.unit == metric.UNIT
        assert measurement.metric == name or described(measurement.metric).title.startswith(metric.TITLE)
        assert described(measurement.metric).timed == metric.TIMED
        assert measurement.value is not None
        assert 0 < measurement.value < float("inf")
        assert measurement.loops_per_sample >= 1


def test_a_derived_number_says_from_what_and_a_measured_one_perhaps_how(metric: Any) -> None:
    for item in answers(metric):
        assert item.origin in ("measured", "derived")
        assert item.source or item.origin == "measured"


def test_a_metric_with_samples_leaves_what_they_come_to_to_the_reader(metric: Any) -> None:
    for item in answers(metric):
        assert (item.value is None) == bool(item.samples)
        assert (item.low, item.high) == (None, None)


def test_what_is_asked_for_beside_it_is_a_metric(name: str) -> None:
    assert set(described(name).beside) <= set(registry.names("metrics"))


def test_a_metric_of_weights_has_no_answer_of_a_session(metric: Any) -> None:
    if getattr(metric, "OF_WEIGHTS", False):
        assert metric.answer(opened()) is None
