"""How many requests arrive is settled once a case: by the first visit that nothing disturbed."""

import dataclasses

from scripted_workers import job

from lambdabench.conduct.case_state import CaseState, Stay
from lambdabench.core.record import Noise, Outcome, Served, Visit

FREE, DISTURBED = Noise(), Noise(cpu_waited=0.4, steal=0.0)
SAMPLING = dataclasses.replace(job("a").sampling, loads=("0.5",), load_budget_s=18.0)


def visit(rate: float, noise: Noise = FREE) -> Visit:
    served = Served(load="0.5", rate=rate, seconds=(0.1,), busy=())
    return Visit(round=1, started_s=0.0, cold=(), seconds=(0.02,) * 4, noise=noise, served=(served,))


def test_the_first_visit_that_nothing_disturbed_says_it_for_all_that_follow() -> None:
    case = CaseState(job=job("a", sampling=SAMPLING))
    case.see(0.02)
    stay = Stay(job=case.job, opened=Outcome(job_id="a-0", status="ok"))
    assert case.visit(stay, 1).rates == ()
    case.note(stay, visit(5.0, DISTURBED), 0)
    assert case.visit(stay, 2).rates == (), "others had the CPU: its calls were no measure"
    case.note(stay, visit(25.0), 0)
    case.note(stay, visit(24.0), 0)
    other = Stay(job=case.next_job(), opened=Outcome(job_id="a-1", status="ok"))
    assert case.visit(other, 4).rates == (25.0,)


def test_loads_have_their_share_of_each_visit_and_of_what_it_takes() -> None:
    case = CaseState(job=job("a", sampling=SAMPLING))
    case.see(0.02)
    assert case.schedule is not None
    length = case.schedule.length
    assert (length.loads, length.load_s) == (("0.5",), 2.0)
    assert case.schedule.visit_s == length.timed_s + length.cold_s + 2.0
