"""What passports of visits say against quiet: company on the CPU, heat, somebody else on the device; and nothing where nobody tells."""

import dataclasses
import math

import pandas as pd

from lambdabench import store
from lambdabench.analysis.passports import against, passports
from lambdabench.core.record import Measurement, Noise, Outcome, Record, Visit, records_of
from lambdabench.core.spec import Case, Environment

COMMON = {"run_id": "r", "suite": "s", "case_id": "0" * 12, "fingerprint": "f", "replicate": 0, "device_name": "a GPU"}


def rows(case: Case, environment: Environment, *noises: Noise) -> pd.DataFrame:
    """A case that was visited once under each noise, with rows of two metrics."""
    visits = tuple(
        Visit(round=place, started_s=float(-place), cold=(), seconds=(0.1,), noise=noise)
        for place, noise in enumerate(noises)
    )
    samples = (0.1,) * len(noises)
    timed = [
        Measurement(metric=name, unit=unit, value=0.1, samples=samples, visit_values=samples)
        for name, unit in (("throughput", "image/s"), ("latency", "s/step"))
    ]
    outcome = Outcome(job_id="j", status="ok", measurements=tuple(timed), visits=visits)
    records: tuple[Record, ...] = records_of(
        outcome, **COMMON, case=case, requested_batch_size=1, environment=environment
    )
    return store.frame(records)


def test_nothing_speaks_against_a_quiet_machine(case: Case, environment: Environment) -> None:
    result = passports(rows(case, environment, Noise(cpu_pressure=0.01, steal=0.0, cpu_waited=0.0, throttle="")))
    assert (result.visits, against(result)) == (1, [])
    assert passports(rows(case, environment, Noise())).pressure is None
    assert against(passports(store.frame([]))) == []


def test_company_on_the_cpu_is_told_by_the_visit_in_the_middle(case: Case, environment: Environment) -> None:
    noises = [Noise(cpu_pressure=value, cpu_waited=value / 2, steal=value / 4) for value in (0.0, 0.3, 0.9)]
    assert against(passports(rows(case, environment, *noises))) == [
        "CPU pressure 30 %",
        "waited for a CPU 15 % of its time",
        "stolen 8 %",
    ]


def test_bursts_that_were_waited_out_are_told_all_the_same(case: Case, environment: Environment) -> None:
    calm, met = Noise(cpu_pressure=0.01, cpu_waited=0.01, steal=0.0), Noise(cpu_pressure=0.6, cpu_waited=0.5, steal=0.0)
    assert against(passports(rows(case, environment, *[calm] * 8, met, met))) == ["others met 2 of 10 visits"]
    assert against(passports(rows(case, environment, *[calm] * 39, met))) == [], "one in forty"


def test_one_visit_under_heat_or_beside_others_is_one_too_many(case: Case, environment: Environment) -> None:
    calm = Noise(cpu_pressure=0.0, sm_clock_mhz=1980.0, throttle="sw_power_cap", other_processes=0)
    hot = dataclasses.replace(calm, sm_clock_mhz=1200.0, throttle="hw_thermal_slowdown,sw_power_cap", other_processes=2)
    result = passports(rows(case, environment, calm, hot, dataclasses.replace(calm, sm_clock_mhz=None)))
    assert against(result) == ["throttled in 1 of 3 visits", "device shared in 1 of 3 visits"]
    assert result.reasons == {"hw_thermal_slowdown": 1, "sw_power_cap": 3}
    assert math.isnan(result.sm_clock_mhz[0]), "in the order of time"
    assert result.sm_clock_mhz[1:] == (1200.0, 1980.0)
    assert against(passports(rows(case, environment, calm))) == [], (
        "a card within its power limit is none of others' doing"
    )
