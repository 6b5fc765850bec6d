"""Findings come from counters and a clock; the verdict follows from the findings."""

import itertools

from lambdabench import doctor
from lambdabench.doctor import Finding


def steady_clock(step_s: float = 0.001):
    """A clock that moves by one step at each reading."""
    counter = itertools.count()
    return lambda: next(counter) * step_s


def test_every_finding_has_a_level_and_every_fault_a_remedy() -> None:
    found = doctor.diagnose()
    assert {"cpu", "memory", "timer", "pairs", "torch", "gpu"} <= {one.topic for one in found}
    assert all(one.remedy for one in found if one.level in ("warn", "FAIL"))


def test_a_slow_clock_is_a_warning_and_equal_work_on_a_steady_clock_is_equal() -> None:
    found = {one.topic: one for one in doctor.diagnose(steady_clock())}
    assert found["timer"].level == "warn"
    assert found["pairs"].level == "ok"
    assert "0.0 %" in found["pairs"].text


def test_the_verdict_names_what_is_loud() -> None:
    fine = Finding(level="ok", topic="load", text="0.1")
    loud = Finding(level="warn", topic="load", text="9", remedy="wait")
    broken = Finding(level="FAIL", topic="torch", text="x", remedy="y")
    assert "latency" in doctor.verdict((fine,))[0]
    assert "(load)" in doctor.verdict((fine, loud))[1]
    assert doctor.verdict((broken,))[0].startswith("nothing")
