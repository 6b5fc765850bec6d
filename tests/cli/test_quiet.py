"""The first line of a run says quiet where passports and scatter both do."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lambdabench.analysis.resolution import Resolution
from lambdabench.cli import run_view


def state(margin: float | None, drift: float | None = None, **passport: Any) -> list[str]:
    """Of three visits whose passports say so."""
    known = {"cpu_pressure": 0.0, "cpu_waited": 0.0, "steal": 0.0, "throttle": "", "other_processes": 0.0, **passport}
    columns = {f"visit_{name}": [[value] * 3] for name, value in known.items()}
    row = {"run_id": ["r"], "case_id": ["c"], "replicate": [0], "metric": ["latency"], "visit_round": [[1, 2, 3]]}
    rows = pd.DataFrame(row | {"visit_started_s": [[1.0, 2.0, 3.0]]} | columns)
    item: Any = SimpleNamespace(rows=rows, resolution=Resolution(margin=margin, drift=drift))
    return run_view._state(item)  # pyright: ignore[reportPrivateUsage]


def test_quiet_is_what_passport_and_scatter_say_together() -> None:
    assert state(1.02) == ["quiet", "ratios to 2.0 %"]
    assert state(None) == ["quiet"]


@pytest.mark.parametrize(
    ("passport", "name"),
    [
        ({"cpu_pressure": 0.2}, "CPU pressure 20 %"),
        ({"cpu_waited": 0.3}, "waited for a CPU 30 % of its time"),
        ({"steal": 0.1}, "stolen 10 %"),
        ({"throttle": "sw_thermal_slowdown"}, "throttled in 3 of 3 visits"),
        ({"other_processes": 1.0}, "device shared in 3 of 3 visits"),
    ],
)
def test_a_passport_that_is_not_clean_is_told_however_little_the_visits_scatter(
    passport: dict[str, Any], name: str
) -> None:
    assert state(1.02, **passport) == [name, "ratios to 2.0 %"]


def test_visits_that_scatter_are_not_quiet_however_clean_the_passport() -> None:
    assert state(1.08) == ["CPU pressure 0 %", "ratios to 8.0 %"]
    assert state(1.02, drift=1.1) == ["CPU pressure 0 %", "ratios to 2.0 %", "drifted +10 %"]
    assert state(1.02, cpu_pressure=float("nan")) == ["ratios to 2.0 %"], "where nobody counts, nobody says quiet"
