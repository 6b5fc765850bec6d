"""Visits as a line of blocks."""

import math
from typing import Any

import pandas as pd

from lambdabench.cli.visits_view import device_line, noise_line, visits_line


def rows(*processes: list[float], pressure: float = 0.0) -> pd.DataFrame:
    """A row a process; the later process began later."""
    result: list[dict[str, Any]] = []
    for number, values in enumerate(processes):
        starts = [10.0 * number + place for place in range(len(values))]
        result.append(
            {
                "metric": "latency",
                "visit_round": list(range(len(values))),
                "visit_started_s": starts,
                "visit_values": values,
                "visit_cpu_pressure": [pressure] * len(values),
            }
        )
    return pd.DataFrame(result[::-1])


def test_bursts_and_processes_are_seen_in_time_order() -> None:
    line = visits_line(rows([0.010, 0.020, 0.010], [0.014, 0.010]))
    assert line == "▁█▁ ▄▁  10.0 to 20.0 ms, the median of each of 5 visits in 2 processes, in time order"


def test_visits_that_are_alike_are_flat() -> None:
    assert visits_line(rows([0.010, 0.0101])).startswith("▁▁  ")


def test_a_case_in_one_piece_has_no_line() -> None:
    whole = rows([0.01]).assign(visit_round=None)
    assert (visits_line(whole), noise_line(whole)) == ("", "")
    assert visits_line(rows().assign(metric="x") if len(rows()) else rows([0.01]).assign(metric="flops")) == ""


def test_pressure_is_told_where_there_was_some() -> None:
    assert noise_line(rows([0.01, 0.01], pressure=0.01)) == ""
    assert noise_line(rows([0.01, 0.01], pressure=0.5)) == "▅▅  CPU pressure of each, 50 to 50 %"
    assert noise_line(rows([0.01], pressure=math.nan)) == ""


def test_a_gpus_clock_is_drawn_and_what_held_it_down_is_counted() -> None:
    frame = rows([0.01, 0.01, 0.02]).assign(run_id="r", case_id="c", replicate=0)
    frame["visit_sm_clock_mhz"] = [[1980.0, 1980.0, 1000.0]]
    frame["visit_throttle"] = [["", "sw_power_cap", "hw_thermal_slowdown,sw_power_cap"]]
    frame["visit_other_processes"] = [[0.0, 0.0, 2.0]]
    assert device_line(frame) == (
        "██▁  SM clock of each, 1000 to 1980 MHz; held down by sw_power_cap in 2, hw_thermal_slowdown in 1 of 3; "
        "device shared in 1 of 3 visits"
    )
    assert device_line(frame.assign(visit_sm_clock_mhz=None, visit_throttle=None, visit_other_processes=None)) == ""
