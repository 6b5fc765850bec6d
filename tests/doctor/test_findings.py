"""Findings come from counters and a clock; the verdict follows from the findings."""

import itertools

import pytest

from lambdabench import doctor
from lambdabench.doctor import Diagnosis
from lambdabench.machine import accelerators
from lambdabench.machine.accelerators import Accelerator


def steady_clock(step_s: float = 0.001):
    """A clock that moves by one step at each reading."""
    counter = itertools.count()
    return lambda: next(counter) * step_s


def test_every_finding_has_a_level_and_every_fault_a_remedy() -> None:
    diagnoses = doctor.diagnose()
    assert {"cpu", "memory", "timer", "pairs", "torch", "gpu"} <= {diagnosis.topic for diagnosis in diagnoses}
    assert all(diagnosis.remedy for diagnosis in diagnoses if diagnosis.level in ("warn", "FAIL"))


def test_a_slow_clock_is_a_warning_and_equal_work_on_a_steady_clock_is_equal() -> None:
    diagnoses = {diagnosis.topic: diagnosis for diagnosis in doctor.diagnose(steady_clock())}
    assert diagnoses["timer"].level == "warn"
    assert diagnoses["pairs"].level == "ok"
    assert "0.0 %" in diagnoses["pairs"].text


def test_the_verdict_names_what_is_loud() -> None:
    fine = Diagnosis(level="ok", topic="load", text="0.1")
    loud = Diagnosis(level="warn", topic="load", text="9", remedy="wait")
    broken = Diagnosis(level="FAIL", topic="torch", text="x", remedy="y")
    assert "latency" in doctor.verdict((fine,))[0]
    assert "(load)" in doctor.verdict((fine, loud))[1]
    assert doctor.verdict((broken,))[0].startswith("nothing")


def test_real_turns_decide_where_there_are_some_and_the_load_does_not() -> None:
    loud = Diagnosis(level="warn", topic="load", text="9", remedy="wait")
    fine = Diagnosis(level="ok", topic="ratios", text="to 2 %")
    wide = Diagnosis(level="warn", topic="ratios", text="to 9 %", remedy="wait")
    off = Diagnosis(level="warn", topic="control", text="1.2", remedy="wait")
    assert "latency" in doctor.verdict((loud, fine))[0]
    assert "(ratios)" in doctor.verdict((loud, wide))[1]
    assert doctor.verdict((loud, fine, off))[0].startswith("nothing now")


def test_accelerators_are_told_with_who_is_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Accelerator(kind="cuda", title="NVIDIA H100", uuid="GPU-1", holders=((2**22 + 1, 2**30),))
    monkeypatch.setattr(accelerators, "look", lambda: (held, Accelerator(kind="tpu", title="tpu 0x63")))
    busy, free = (diagnosis for diagnosis in doctor.diagnose(steady_clock()) if diagnosis.topic == "gpu")
    assert (busy.level, busy.remedy) == ("warn", "stop the other processes")
    assert busy.text == "NVIDIA H100 GPU-1, process 4194305 holds 1.0 GiB"
    assert (free.level, free.text) == ("ok", "tpu 0x63, nobody seen on it")
