"""What a case's processes came to: flags of what is unfinished, and times that are no number."""

import dataclasses

import pytest
from scripted_workers import job

from lambdabench.conduct import outcomes_of
from lambdabench.conduct.case_state import CaseState, Stay
from lambdabench.core.record import Noise, Outcome, Visit
from lambdabench.core.row_flags import UNFINISHED, VARIES
from lambdabench.launch.exit_outcomes import outcome_of
from lambdabench.turns import Schedule
from lambdabench.turns.visit_schedule import length_of

SCHEDULE = Schedule(rounds=4, length=length_of(0.1, 0.0))


def visit(round_: int, noise: Noise = Noise(), seconds: tuple[float, ...] = (0.1, 0.1)) -> Visit:  # noqa: B008 (frozen)
    return Visit(round=round_, started_s=float(round_), cold=(), seconds=seconds, noise=noise)


def standing(*visits: Visit, device: str = "cpu", flags: tuple[str, ...] = ()) -> CaseState:
    """A case with two visits a process."""
    asked = job("a")
    asked = dataclasses.replace(asked, case=dataclasses.replace(asked.case, device=device))
    case_state = CaseState(job=asked, schedule=SCHEDULE)
    for place in range(0, len(visits), 2):
        mine = case_state.next_job()
        stay = Stay(job=mine, opened=Outcome(job_id=mine.job_id, status="ok", flags=flags))
        stay.visits += visits[place : place + 2]
        case_state.stays.append(stay)
    return case_state


def test_a_case_that_is_to_be_visited_again_is_unfinished() -> None:
    some, all_ = standing(visit(1), visit(2)), standing(*map(visit, (1, 2, 3, 4)))
    assert [outcome.flags for _, outcome in outcomes_of(some)] == [(UNFINISHED,)]
    assert [outcome.flags for _, outcome in outcomes_of(all_)] == [(), ()]
    assert [item.replicate for item, _ in outcomes_of(all_)] == [0, 1]


def test_the_process_in_which_a_case_ended_says_why_and_keeps_its_visits() -> None:
    case_state = standing(*map(visit, (1, 2, 3)))
    case_state.ended = outcome_of(case_state.stays[1].job, "crash", "why")
    (_, first), (_, last) = outcomes_of(case_state)
    assert (first.status, last.status, last.reason) == ("ok", "crash", "why")
    assert len(last.visits) == 1
    never = CaseState(job=job("b"))
    never.ended = outcome_of(never.job, "unsupported", "why not")
    ((asked, outcome),) = outcomes_of(never)
    assert (asked.job_id, outcome.status) == ("b-0", "unsupported")


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
    device: str, per_wall: float, status: str, flags: tuple[str, ...]
) -> None:
    noise = Noise(cpu_pressure=0.999, cpu_per_wall=per_wall)
    case_state = standing(*(visit(number, noise) for number in range(4)), device=device)
    for _, outcome in outcomes_of(case_state):
        assert (outcome.status, outcome.flags) == (status, flags)
        assert ("stop them or wait" in outcome.reason) == (status == "noisy")


def test_a_burst_in_some_visits_takes_no_number_away() -> None:
    """One process of two was without a CPU."""
    starved, quiet = Noise(cpu_pressure=0.999, cpu_per_wall=0.3), Noise(cpu_pressure=0.0, cpu_per_wall=1.0)
    case_state = standing(visit(1, starved), visit(2, quiet), visit(3, quiet), visit(4, quiet))
    assert {outcome.status for _, outcome in outcomes_of(case_state)} == {"ok"}
    case_state = standing(
        *(visit(number, starved) for number in range(7)), *(visit(number, quiet) for number in (7, 8, 9))
    )
    assert {outcome.status for _, outcome in outcomes_of(case_state)} == {"ok"}, (
        "three visits that were left alone are enough"
    )
    assert {outcome.flags for _, outcome in outcomes_of(case_state)} == {()}, "and the others count for nothing"


def test_work_that_varies_and_time_that_does_too_are_no_number() -> None:
    calls = tuple(0.1 * (1 + number % 7) for number in range(60))
    case_state = standing(visit(1, seconds=calls), visit(2, seconds=calls), device="fake", flags=(VARIES,))
    ((_, outcome),) = outcomes_of(case_state)
    assert outcome.status == "noisy"
    assert "its work is another in every call, and so is its time" in outcome.reason
    steady = standing(visit(1, seconds=(0.1,) * 60), device="fake", flags=(VARIES,))
    assert outcomes_of(steady)[0][1].status == "ok"


def test_heat_a_power_limit_and_strangers_on_the_device_are_flags_of_the_process_that_had_them() -> None:
    calm = Noise(sm_clock_mhz=1980.0, sm_clock_least_mhz=1980.0, temperature_c=60.0, throttle="", other_processes=0)
    hot = dataclasses.replace(
        calm, sm_clock_mhz=1200.0, sm_clock_least_mhz=900.0, temperature_c=88.0, throttle="hw_thermal_slowdown"
    )
    full = dataclasses.replace(calm, throttle="sw_power_cap", other_processes=1)
    case_state = standing(visit(1, calm), visit(2, hot), visit(3, calm), visit(4, full), device="cuda:0")
    (_, first), (_, second) = outcomes_of(case_state)
    assert (first.flags, second.flags) == (("throttled",), ("power_capped", "shared_device"))
    assert (first.noise.sm_clock_mhz, first.noise.sm_clock_least_mhz, first.noise.temperature_c) == (1590, 900, 88)
    assert (second.noise.throttle, second.noise.other_processes) == ("sw_power_cap", 1)
    assert first.status == second.status == "ok"
