"""A metric that a machine cannot measure is a hole of its own: the case keeps its other numbers, and the reason is told."""

import pandas as pd
import pytest

from lambdabench.analysis.table import wide
from lambdabench.analysis.unsupported_metrics import unsupported_metrics
from lambdabench.core.record import Measurement, Outcome, Record, records_of
from lambdabench.core.spec import Case, Environment
from lambdabench.store import frame, newest

WHY = "this machine shows no energy counter of cpu: /sys/class/powercap is absent"
CASE = Case(model="resnet50", device="cpu", image_px=224, threads=2, param_dtype="float32")
LATENCY = Measurement(metric="latency", unit="s/step", value=0.03)
NO_ENERGY = Measurement(metric="energy", unit="J/image", value=None, lacking=WHY)


def rows(*measurements: Measurement, replicate: int = 0, status: str = "ok", run_id: str = "r") -> pd.DataFrame:
    outcome = Outcome(
        job_id="j", status=status, measurements=measurements, started_at="2026-01-01T00:00:00.000+00:00"  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    records: tuple[Record, ...] = records_of(
        outcome, run_id=run_id, suite="s", case_id="c", fingerprint="f", replicate=replicate, case=CASE,
        requested_batch_size=1, device_name="a cpu",
        environment=Environment(lambdabench="0", cpu="", cpu_flags="", cores=1, memory_gib=1),
    )  # fmt: skip
    return frame(records)


def test_the_case_keeps_its_status_and_its_other_numbers() -> None:
    known = newest(pd.concat([rows(LATENCY, NO_ENERGY), rows(LATENCY, NO_ENERGY, replicate=1)]))
    assert sorted(known["status"]) == ["ok", "ok", "unsupported", "unsupported"]
    (case,) = wide(known).to_dict("records")
    assert (case["status"], case["reason"], case["latency"]) == ("ok", "", pytest.approx(0.03))
    assert "energy" not in case
    assert unsupported_metrics(known) == [f"energy of 1 case is unsupported: {WHY}"]


def test_a_case_of_which_nothing_else_was_asked_is_unsupported() -> None:
    (case,) = wide(newest(rows(NO_ENERGY))).to_dict("records")
    assert (case["status"], case["reason"]) == ("unsupported", WHY)


def test_a_worse_status_of_the_case_stays() -> None:
    known = newest(pd.concat([rows(LATENCY, NO_ENERGY), rows(replicate=1, status="crash")]))
    (case,) = wide(known).to_dict("records")
    assert case["status"] == "crash"


def test_a_counter_that_is_there_later_takes_its_place() -> None:
    energy = Measurement(metric="energy", unit="J/image", value=0.2)
    later = rows(LATENCY, energy, run_id="s").assign(started_at="2026-01-02T00:00:00.000+00:00")
    known = newest(pd.concat([rows(LATENCY, NO_ENERGY), later]))
    assert unsupported_metrics(known) == []
    (case,) = wide(known).to_dict("records")
    assert case["energy"] == pytest.approx(0.2)


def test_nothing_to_say_of_no_rows_and_of_cases_that_failed_as_a_whole() -> None:
    assert unsupported_metrics(frame([])) == []
    assert unsupported_metrics(rows(status="unsupported")) == []
