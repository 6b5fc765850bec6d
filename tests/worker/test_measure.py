"""Jobs become outcomes: exact numbers of scripted cases, and a status with a reason for everything that can go wrong."""

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdabench.core import registry
from lambdabench.core.errors import MismatchError, OutOfMemoryError, UnsupportedError, WrongOutputError
from lambdabench.core.record import Measurement, Noise, Outcome, records_of
from lambdabench.core.spec import Case, Environment, Job, Sampling, options_from
from lambdabench.worker import bench
from lambdabench.worker.measure import complete, explain, measure

CASE = Case(
    model="resnet50", backend="fake", device="fake", batch_size=4, image_px=224, param_dtype="float32", threads=1
)


def job(metrics: tuple[str, ...], **options: Any) -> Job:
    case = Case(**{name: getattr(CASE, name) for name in Case.__slots__} | {"options": options_from(options)})
    return Job(job_id="job", case_id="0" * 12, case=case, metrics=metrics, sampling=Sampling())


def no_workload(case: Case, framework: str) -> Any:
    raise AssertionError("a backend without a framework needs no network")


def measured(metrics: tuple[str, ...], **options: Any) -> Outcome:
    return measure(job(metrics, **options), no_workload)


def values(outcome: Outcome) -> dict[str, float | None]:
    return {one.metric: one.value for one in outcome.measurements}


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
            "throughput": 8.0,
            "throughput_per_device": 8.0,
            "first_call": 2.0,
            "extra_memory": 1000,
            "peak_memory": 1000 + 4 * 10 + 12 * 4 * 224**2,
            "interaction_memory": 4 * 4 * 224**2,
            "parameters": 10,
            "flops": 2e9,
            "outputs": 2.0,
        }
    )


def test_outcome_says_when_how_warm_and_how_memory_was_read() -> None:
    outcome = measured(("latency",), jitter=0.0)
    assert outcome.started_at.endswith("+00:00")
    assert outcome.weights == "none"
    assert outcome.effective.warmup_calls is not None
    assert outcome.effective.meter == "scripted"
    assert outcome.noise.cpu_per_wall is not None


def test_doubts_about_a_network_are_flags_of_its_row() -> None:
    assert "memory_grows" in measured(("latency",), jitter=0.0, flag="memory_grows").flags
    assert measured(("latency",), jitter=0.0).flags == ()
    varying = measured(("latency",), latency_s=0.4, jitter=0.9, flag="work_varies")
    assert varying.status == "noisy"
    assert "its work is another in every call, and so is its time" in varying.reason


def test_what_compiles_itself_has_the_compilers_seconds_beside_its_first_call() -> None:
    script = {"jitter": 0.0, "first_call_s": 3.0, "compile_s": 2.0}
    assert values(measured(("latency", "first_call"), **script))["compile"] == 2.0
    assert "compile" not in values(measured(("latency",), **script))
    assert "compile" not in values(measured(("latency", "first_call"), jitter=0.0))


def test_nothing_is_timed_that_nobody_asked_for() -> None:
    outcome = measured(("parameters", "extra_memory"))
    assert outcome.effective.warmup_calls is None
    assert outcome.noise.cpu_per_wall is None


def test_latency_carries_its_interval_and_throughput_says_it_is_derived() -> None:
    latency, throughput = measured(("latency", "throughput"), jitter=0.01).measurements
    assert latency.low is not None
    assert latency.high is not None
    assert latency.value is not None
    assert latency.low <= latency.value <= latency.high
    assert (throughput.origin, throughput.source) == ("derived", "batch / mean latency")
    assert throughput.samples == tuple(4 / seconds for seconds in latency.samples)


def test_wide_interval_is_noisy_with_advice() -> None:
    outcome = measured(("latency",), latency_s=0.4, jitter=0.9)
    assert outcome.status == "noisy"
    assert "capped" in outcome.flags
    assert "case_budget_s" in outcome.reason


@pytest.mark.parametrize(
    ("device", "per_wall", "status", "flags"),
    [
        ("cpu", 0.499, "noisy", ("contended",)),
        ("cpu:1", 0.499, "noisy", ("contended",)),
        ("cpu", 0.7, "ok", ("contended",)),
        ("cpu", 0.95, "ok", ()),
        ("cuda:0", 0.1, "ok", ()),
        ("fake", 0.1, "ok", ()),
    ],
)
def test_a_starved_number_is_noisy_however_narrow_its_interval(
    device: str, per_wall: float, status: str, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = Noise(cpu_pressure=0.999, cpu_per_wall=per_wall)
    monkeypatch.setattr(bench.quiet, "noise_between", lambda before, after, calls: noise)
    asked = job(("latency", "parameters"), jitter=0.0)
    found = measure(dataclasses.replace(asked, case=dataclasses.replace(asked.case, device=device)), no_workload)
    assert (found.status, found.flags, found.noise) == (status, flags, noise)
    assert ("stop them or wait" in found.reason) == (status == "noisy")
    assert values(found)["parameters"] == 1_000_000, "counts stay usable"


def test_noisy_times_leave_memory_and_counts_usable() -> None:
    outcome = measured(("latency", "throughput", "peak_memory", "parameters"), latency_s=0.4, jitter=0.9)
    environment = Environment(lambdabench="0", cpu="", cpu_flags="", cores=1, memory_gib=1)
    rows = records_of(
        outcome, run_id="r", suite="s", case_id="0" * 12, fingerprint="f", replicate=0, case=CASE, device_name="fake",
        requested_batch_size=None, environment=environment,
    )  # fmt: skip
    status = {row.measurement.metric: row.status for row in rows if row.measurement}
    assert status == {"latency": "noisy", "throughput": "noisy", "peak_memory": "ok", "parameters": "ok"}


@pytest.mark.parametrize("status", ["oom", "unsupported", "mismatch", "wrong_output", "crash"])
def test_scripted_failure_becomes_its_status_with_a_reason(status: str) -> None:
    outcome = measured(("latency",), fail=status)
    assert outcome.status == status
    assert outcome.reason
    assert outcome.measurements == ()
    assert outcome.started_at


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


OutOfMemoryByName = type("OutOfMemoryError", (RuntimeError,), {})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutOfMemoryError("full"), "oom"),
        (UnsupportedError("no"), "unsupported"),
        (MismatchError("other"), "mismatch"),
        (WrongOutputError("nan"), "wrong_output"),
        (MemoryError(), "oom"),
        (RuntimeError("CUDA error: out of memory"), "oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "oom"),
        (OutOfMemoryByName("Tried to allocate 9 GiB"), "oom"),
        (RuntimeError("shapes do not match"), "crash"),
    ],
)
def test_exceptions_are_sorted_by_type_and_text(error: Exception, status: str) -> None:
    assert explain(raised(error), CASE)[0] == status


def test_out_of_memory_says_what_to_do() -> None:
    reason = explain(raised(MemoryError()), CASE)[1]
    assert reason == "MemoryError: no message; try a smaller --batch-size or --image-px"


def test_crash_names_the_place() -> None:
    reason = explain(raised(ValueError("first line\nsecond line")), CASE)[1]
    assert reason.startswith("ValueError: first line (")
    assert "test_measure.py:" in reason


def test_crash_of_a_users_model_names_the_users_file(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("import json\n\ndef build():\n    return json.loads('{')\n")
    spec = importlib.util.spec_from_file_location("net_of_a_user", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    build: Callable[[], object] = module.build
    with pytest.raises(ValueError, match="Expecting") as caught:
        build()
    status, reason = explain(caught.value, Case(model=f"{path}:build"))
    assert status == "crash"
    assert f"{path}:4" in reason


def test_a_measurement_without_samples_stays_as_it_is() -> None:
    one = Measurement(metric="parameters", unit="1", value=3.0)
    assert complete(one) is one


def test_too_few_samples_have_a_median_and_no_interval() -> None:
    one = complete(Measurement(metric="latency", unit="s/step", value=None, samples=(1.0, 2.0, 4.0)))
    assert (one.value, one.low, one.high) == (2.0, None, None)
