"""Open cases answer: exact numbers of scripted ones, and a status with a reason for everything that can go wrong."""

import dataclasses
from typing import Any

import pytest
import staying

from lambdabench.core import registry
from lambdabench.core.record import Noise, Outcome, records_of
from lambdabench.core.spec import Case, Environment, Job, Sampling, options_from
from lambdabench.core.visit_protocol import Asked, Length
from lambdabench.machine import energy
from lambdabench.worker.open_cases import OpenCases

CASE = Case(
    model="resnet50", backend="fake", device="fake", batch_size=4, image_px=224, param_dtype="float32", threads=1
)
LENGTH = Length(timed_s=1.0, cold_s=0.01, least=2, most=200)
ENVIRONMENT = Environment(lambdabench="0", cpu="", cpu_flags="", cores=1, memory_gib=1)


def job(metrics: tuple[str, ...], **options: Any) -> Job:
    case = dataclasses.replace(CASE, options=options_from(options))
    return Job(job_id="job", case_id="0" * 12, case=case, metrics=metrics, sampling=Sampling())


def no_workload(case: Case, framework: str) -> Any:
    raise AssertionError("a backend without a framework needs no network")


def stayed(asked: Job, visits: int = 2, length: Length = LENGTH) -> Outcome:
    """What a case comes to that is opened, visited so often, and closed."""
    return staying.stayed(asked, no_workload, visits, length)


def measured(metrics: tuple[str, ...], **options: Any) -> Outcome:
    return stayed(job(metrics, **options))


def values(outcome: Outcome) -> dict[str, float | None]:
    return {measurement.metric: measurement.value for measurement in outcome.measurements}


def test_scripted_case_gives_its_exact_numbers() -> None:
    script = {
        "latency_s": 0.5,
        "jitter": 0.0,
        "first_call_s": 2.0,
        "memory_bytes": 1000,
        "parameters": 10,
        "flops": 8e9,
    }
    outcome = measured(registry.names("metrics"), **script)
    assert (outcome.status, outcome.reason) == ("ok", "")
    assert values(outcome) == pytest.approx(
        {
            "latency": 0.5,
            "wall_latency": 0.5,
            "throughput": 8.0,
            "throughput_per_device": 8.0,
            "first_call": 2.0,
            "extra_memory": 1000,
            "peak_memory": 1000 + 4 * 10 + 12 * 4 * 224**2,
            "interaction_memory": 4 * 4 * 224**2,
            "parameters": 10,
            "flops": 2e9,
            "outputs": 2.0,
            "energy": None,
        }
    )


def test_outcome_says_when_how_warm_and_how_memory_was_read() -> None:
    outcome = measured(("latency",), jitter=0.0)
    assert outcome.started_at.endswith("+00:00")
    assert outcome.weights == "none"
    assert outcome.effective.warmup_calls is not None
    assert outcome.effective.meter == "scripted"
    assert outcome.noise.cpu_per_wall is not None


def test_a_visit_has_its_cold_calls_apart_and_ends_early_where_calls_take_far_longer() -> None:
    held = OpenCases(no_workload)
    held.answer(Asked(what="open", job_id="job", job=job(("latency",), latency_s=0.004, jitter=0.0)))
    ask = Asked(what="visit", job_id="job", round=7, length=Length(timed_s=0.4, cold_s=0.01, least=2, most=200))
    visit = held.answer(ask).visit
    assert visit is not None
    assert (visit.round, len(visit.cold), len(visit.seconds)) == (7, 3, 100)
    held._step_s["job"] = 0.0001  # as if a call had been foreseen to be that short  # pyright: ignore[reportPrivateUsage]
    visit = held.answer(dataclasses.replace(ask, length=Length(timed_s=0.1, cold_s=0.0, least=2, most=200))).visit
    assert visit is not None
    assert 50 <= len(visit.seconds) <= 55, "they took twice the visit's time"


def test_a_visit_of_a_slow_case_has_its_least_calls() -> None:
    outcome = stayed(job(("latency",), latency_s=3.0, jitter=0.0), visits=2)
    (latency,) = outcome.measurements
    assert latency.samples == (3.0,) * 4


def test_counts_are_taken_in_the_first_process_alone() -> None:
    held = OpenCases(no_workload)
    ask = Asked(what="open", job_id="job", job=job(("latency", "flops", "parameters")))
    first = held.answer(ask).outcome
    later = OpenCases(no_workload).answer(dataclasses.replace(ask, is_first=False)).outcome
    assert first is not None
    assert later is not None
    assert [measurement.metric for measurement in first.measurements] == ["parameters", "flops"]
    assert [measurement.metric for measurement in later.measurements] == ["parameters"]


def test_doubts_about_a_network_are_flags_of_its_row() -> None:
    assert "memory_grows" in measured(("latency",), jitter=0.0, flag="memory_grows").flags
    assert measured(("latency",), jitter=0.0).flags == ()


def test_what_compiles_itself_has_the_compilers_seconds_beside_its_first_call() -> None:
    script = {"jitter": 0.0, "first_call_s": 3.0, "compile_s": 2.0}
    assert values(measured(("latency", "first_call"), **script))["compile"] == 2.0
    assert "compile" not in values(measured(("latency",), **script))
    assert "compile" not in values(measured(("latency", "first_call"), jitter=0.0))


def test_nothing_is_timed_that_nobody_asked_for() -> None:
    answered = OpenCases(no_workload).answer(Asked(what="open", job_id="job", job=job(("parameters", "extra_memory"))))
    assert answered.step_s == 0.0, "nothing to visit"
    assert answered.outcome is not None
    assert [measurement.metric for measurement in answered.outcome.measurements] == ["parameters", "extra_memory"]


def test_latency_carries_its_visits_and_throughput_says_it_is_derived() -> None:
    latency, throughput = measured(("latency", "throughput"), jitter=0.01).measurements
    assert latency.value is not None
    assert len(latency.visit_values) == 2
    assert min(latency.visit_values) <= latency.value <= max(latency.visit_values)
    assert (throughput.origin, throughput.source) == ("derived", "batch / mean latency")
    assert throughput.samples == tuple(4 / seconds for seconds in latency.samples)


def test_rows_hold_the_visits_that_their_samples_were_made_in() -> None:
    outcome = dataclasses.replace(measured(("latency", "parameters"), jitter=0.01), status="noisy")
    environment = Environment(lambdabench="0", cpu="", cpu_flags="", cores=1, memory_gib=1)
    rows = records_of(
        outcome, run_id="r", suite="s", case_id="0" * 12, fingerprint="f", replicate=0, case=CASE, device_name="fake",
        requested_batch_size=None, environment=environment,
    )  # fmt: skip
    latency, parameters = rows
    assert (latency.status, parameters.status) == ("noisy", "ok"), "noisy times leave counts usable"
    assert parameters.visits is None
    assert latency.measurement is not None
    assert latency.visits is not None
    assert latency.visits.round == (0, 1)
    assert sum(latency.visits.samples) == len(latency.measurement.samples)
    assert sum(latency.visits.cold) == len(latency.visits.cold_s)
    assert latency.visits.cpu_per_wall[0] > 0


@pytest.mark.parametrize("status", ["oom", "unsupported", "mismatch", "wrong_output", "crash"])
def test_scripted_failure_becomes_its_status_with_a_reason(status: str) -> None:
    outcome = measured(("latency",), fail=status)
    assert outcome.status == status
    assert outcome.reason
    assert outcome.measurements == ()
    assert outcome.started_at


def test_a_network_that_is_compiled_again_while_it_is_visited_is_a_mismatch() -> None:
    outcome = measured(("latency",), fail="recompile", compile_s=0.1)
    assert (outcome.status, "compiled again" in outcome.reason) == ("mismatch", True)


@pytest.mark.parametrize("what", ["visit", "close"])
def test_what_is_not_open_cannot_be_visited_and_the_others_stay(what: Any) -> None:
    held = OpenCases(no_workload)
    held.answer(Asked(what="open", job_id="job", job=job(("latency",))))
    outcome = held.answer(Asked(what=what, job_id="other", length=LENGTH)).outcome
    assert outcome is not None
    assert (outcome.job_id, outcome.status) == ("other", "crash")
    assert outcome.reason == f"asked to {what} other, which is not open in this process"
    assert held.answer(Asked(what="visit", job_id="job", length=LENGTH)).visit is not None


def test_a_later_process_that_only_counts_is_no_failure() -> None:
    ask = Asked(what="open", job_id="job", job=job(("flops",)))
    later = OpenCases(no_workload).answer(dataclasses.replace(ask, is_first=False))
    assert later.outcome is not None
    assert (later.outcome.status, later.outcome.measurements, later.step_s) == ("ok", (), 0.0)
    nothing = OpenCases(no_workload).answer(Asked(what="open", job_id="job", job=job(("xla_flops",)))).outcome
    assert nothing is not None
    assert nothing.status == "unsupported"


def test_the_cold_stretch_of_a_visit_lasts_its_seconds_however_short_a_call_is() -> None:
    held = OpenCases(no_workload)
    held.answer(Asked(what="open", job_id="job", job=job(("latency",), latency_s=0.0001, jitter=0.0)))
    counted: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "lambdabench.machine.quiet.noise_between", lambda before, after, calls: counted.append(calls) or Noise()
        )
        visit = held.answer(
            Asked(what="visit", job_id="job", length=Length(timed_s=0.01, cold_s=0.3, least=2, most=200))
        ).visit
    assert visit is not None
    assert len(visit.cold) == 200
    assert sum(counted) == pytest.approx(3000 + len(visit.seconds), abs=1)


def test_blocks_of_a_case_are_of_equally_many_steps_whatever_its_visits_take(monkeypatch: pytest.MonkeyPatch) -> None:
    held, rested = OpenCases(no_workload), list[int]()
    monkeypatch.setattr("lambdabench.backends.fake._FakeSession.asynchronous", True)
    monkeypatch.setattr("lambdabench.backends.fake._FakeSession.rest", lambda self: rested.append(1))
    held.answer(Asked(what="open", job_id="job", job=job(("throughput",), latency_s=0.01, jitter=0.5)))
    visits = [
        held.answer(Asked(what="visit", job_id="job", length=Length(timed_s=0.02, cold_s=0.0, least=2, most=2))).visit
        for _ in range(8)
    ]
    loops, centres = {visit.loops for visit in visits if visit}, {visit.seconds for visit in visits if visit}
    assert (len(loops), len(centres)) == (1, 8)
    assert len(rested) == 9, (
        "memory that is kept between calls is given back at the end of the opening and of each visit"
    )


class Counter:
    """A counter of so many joules a reading."""

    def __init__(self, step_j: float) -> None:
        self.now_j, self.step_j = 0.0, step_j

    def read_j(self) -> float:
        self.now_j += self.step_j
        return self.now_j


def test_energy_is_of_the_timed_calls_an_image_and_names_its_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter(6.0)
    known = energy.Counter(name="c", read_j=counter.read_j, between_j=lambda before_j, after_j: after_j - before_j)
    meter = energy.Meter(name="counters", counters=(known,))
    monkeypatch.setattr(energy, "meter_of", lambda device, devices: (meter, ""))
    outcome = measured(("latency", "energy"), latency_s=0.1, jitter=0.0)
    (item,) = (item for item in outcome.measurements if item.metric == "energy")
    assert item.samples == pytest.approx((6.0 / 10 / 4,) * 2)
    assert (item.value, item.unit, item.source) == (pytest.approx(0.15), "J/image", "counters")
    assert item.visit_values == pytest.approx((0.15, 0.15))
    row = row_of(outcome, "energy")
    assert (row.status, row.visits.samples) == ("ok", (1, 1))


def test_energy_without_a_counter_is_unsupported_by_itself_with_the_reason() -> None:
    outcome = measured(("latency", "energy", "idle_power"))
    assert outcome.status == "ok"
    row = row_of(outcome, "energy")
    assert (row.status, row.measurement.value, row.visits) == ("unsupported", None, None)
    assert row.reason.startswith("this machine shows no energy counter of fake: ")
    assert row_of(outcome, "latency").status == "ok"
    assert "idle_power" not in values(outcome)


def test_requests_under_loads_are_a_row_a_load_with_their_visits() -> None:
    length = dataclasses.replace(LENGTH, loads=("0.5", "12/s"), load_s=5.0)
    asked = job(("latency", "latency_under_load", "saturation_rate"), latency_s=0.05, jitter=0.0)
    outcome = stayed(asked, visits=3, length=length)
    half, given = (row_of(outcome, f"latency_under_load_{name}") for name in ("50", "12_per_s"))
    assert half.visits.samples == (50, 50, 50)
    assert given.visits.samples == (60, 60, 60)
    assert len(half.measurement.samples) == 150
    assert min(half.measurement.samples) >= 0.05 - 1e-9
    assert half.measurement.source == "Poisson arrivals, 10 a second, 50 % of the service rate"
    assert given.measurement.source == "Poisson arrivals, 12 a second"
    assert values(outcome)["saturation_rate"] == pytest.approx(20.0)
    assert len(row_of(outcome, "latency").measurement.samples) == 60


def test_more_requests_than_are_served_have_no_latency() -> None:
    length = dataclasses.replace(LENGTH, loads=("0.5", "1000/s"), load_s=2.0)
    outcome = stayed(job(("latency", "latency_under_load"), latency_s=0.05, jitter=0.0), length=length)
    row = row_of(outcome, "latency_under_load_1000_per_s")
    assert row.status == "unsupported"
    assert row.reason == "1000 requests a second arrive and 20 are served: what they wait grows without end"
    assert row.visits.samples == (80, 80), "what takes twice the time to serve"
    assert row_of(outcome, "latency_under_load_50").status == "ok"


def row_of(outcome: Outcome, metric: str) -> Any:
    """The row of a metric."""
    common: Any = {
        "run_id": "r", "suite": "s", "case_id": "0" * 12, "fingerprint": "f", "replicate": 0, "case": CASE,
        "requested_batch_size": 4, "device_name": "fake", "environment": ENVIRONMENT,
    }  # fmt: skip
    (row,) = (row for row in records_of(outcome, **common) if row.measurement and row.measurement.metric == metric)
    return row
