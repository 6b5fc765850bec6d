"""Outcomes become rows; none is lost, and noise spoils only what was timed."""

from collections.abc import Callable
from typing import Any

from lambdabench.core import codec
from lambdabench.core.foreign import MOST_CHARACTERS
from lambdabench.core.gate_protocol import PairOutcome
from lambdabench.core.record import Measurement, Outcome, Record, records_of
from lambdabench.core.spec import Case, Environment


def common(case: Case, environment: Environment) -> dict[str, Any]:
    return {
        "run_id": "r",
        "suite": "s",
        "case_id": "c",
        "fingerprint": "f",
        "replicate": 0,
        "case": case,
        "requested_batch_size": 1,
        "device_name": "d",
        "environment": environment,
    }


def test_a_failed_case_has_one_row_without_a_metric(case: Case, environment: Environment) -> None:
    (row,) = records_of(Outcome(job_id="j", status="oom", reason="why"), **common(case, environment))
    assert (row.status, row.reason, row.measurement) == ("oom", "why", None)


def test_noise_spoils_timed_rows_only(case: Case, environment: Environment) -> None:
    timed = Measurement(metric="latency", unit="s/step", value=1.0, samples=(1.0, 2.0))
    counted = Measurement(metric="parameters", unit="1", value=5.0)
    rows = records_of(
        Outcome(job_id="j", status="noisy", reason="why", measurements=(timed, counted)), **common(case, environment)
    )
    assert [row.status for row in rows] == ["noisy", "ok"]


def test_a_reason_is_bounded_wherever_it_is_from(make_record: Callable[..., Record]) -> None:
    said = "ValueError: " + 10**6 * "x"
    outcome = Outcome(job_id="j", status="crash", reason=said)
    pair = PairOutcome(label="l", trouble="head", reason=said)
    record = make_record(None, status="crash", reason=said)
    assert {len(item.reason) for item in (outcome, pair, record)} == {MOST_CHARACTERS}
    assert codec.decode(Outcome, codec.encode(outcome)) == outcome
