"""Waiting for a free machine: how long, how often, and when it is given up."""

import dataclasses
from collections.abc import Iterator

import pytest
from scripted_workers import job

from lambdabench.conduct.idle_wait import Settling, allowance
from lambdabench.core.spec import Job

REAL = job("a", case=dataclasses.replace(job("a").case, device="cpu", threads=2))


class Machine:
    """Of two processors so many are free at each look, which takes a second; the last number stays."""

    def __init__(self, *free: float | None) -> None:
        self._free: Iterator[float | None] = iter(free)
        self._last: float | None = None
        self.now_s = 0.0

    def free(self, cores: int) -> float | None:
        self.now_s += 1.0
        self._last = next(self._free, self._last)
        return self._last

    def settling(self, allowance_s: float = 100.0) -> Settling:
        return Settling(allowance_s=allowance_s, cores=2, free=self.free, clock=lambda: self.now_s)


def never() -> bool:
    return False


def test_it_waits_until_the_processors_that_a_case_wants_are_free() -> None:
    machine = Machine(1.0, 1.1, 1.9)
    assert machine.settling()(REAL, never)
    assert machine.now_s == 3.0
    one_thread = dataclasses.replace(REAL, case=dataclasses.replace(REAL.case, threads=1))
    assert Machine(1.0).settling()(one_thread, never), "the other processor is another's"


def test_each_wait_in_vain_halves_the_next_and_then_none_is_left() -> None:
    machine = Machine(0.5)
    settling = machine.settling()
    waited: list[float] = []
    for _ in range(6):
        before_s = machine.now_s
        assert not settling(REAL, never)
        waited.append(machine.now_s - before_s)
    assert waited == [10.0, 5.0, 3.0, 2.0, 1.0, 1.0], "of which the last two are a look each"
    assert settling.allowance_s == 80.0


def test_a_free_machine_gives_hope_again() -> None:
    machine = Machine(*[0.5] * 20, 2.0, 0.5)
    settling = machine.settling()
    while not settling(REAL, never):
        pass
    before_s = machine.now_s
    assert not settling(REAL, never)
    assert machine.now_s == before_s + 10.0


def test_an_allowance_is_spent_by_waiting_and_by_visits() -> None:
    machine = Machine(0.5, 0.5, 0.5, 2.0)
    settling = machine.settling(allowance_s=10.0)
    assert settling(REAL, never)
    assert settling.allowance_s == 6.0
    settling.spend(4.5)
    assert settling(REAL, never)
    settling.spend(0.6)
    assert not settling(REAL, never)


def test_it_ends_where_the_run_does() -> None:
    machine = Machine(0.5)
    assert not machine.settling()(REAL, lambda: True)
    assert machine.now_s == 1.0


@pytest.mark.parametrize("item", [job("a"), REAL])
def test_scripted_devices_and_machines_without_counters_wait_for_nothing(item: Job) -> None:
    machine = Machine(None)
    assert not machine.settling()(item, never)
    assert machine.now_s <= 1.0


def test_an_allowance_is_a_share_of_the_run_and_some_seconds_at_least() -> None:
    assert allowance(10.0) == 30.0
    assert allowance(1000.0) == 500.0
