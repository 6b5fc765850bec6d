"""Noise from two snapshots of counters, and None where the machine has no counter."""

import dataclasses
import os
from pathlib import Path

import pytest

from lambdabench.core.record import Noise, Visit
from lambdabench.machine.quiet import (
    Snapshot,
    free_cores,
    governor,
    is_disturbed,
    load1,
    lost_of,
    noise_between,
    pressure_now,
    starved,
    take_snapshot,
)

BEFORE = Snapshot(wall_s=10.0, cpu_s=1.0, faults=100, switches=5, pressure_us=1_000_000, steal_ticks=10, all_ticks=1000)
AFTER = Snapshot(wall_s=14.0, cpu_s=3.0, faults=300, switches=9, pressure_us=2_000_000, steal_ticks=30, all_ticks=1400)


def write_proc(folder: Path) -> Path:
    (folder / "pressure").mkdir()
    (folder / "pressure" / "cpu").write_text(
        "some avg10=12.50 avg60=3.00 avg300=1.00 total=987654\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )
    (folder / "stat").write_text("cpu  10 20 30 40 50 60 70 80 1000 1000\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
    for thread, waited_ns in (("7", 2_000_000), ("8", 3_000_000)):
        (folder / "self" / "task" / thread).mkdir(parents=True, exist_ok=True)
        (folder / "self" / "task" / thread / "schedstat").write_text(f"999 {waited_ns} 4\n")
    return folder


def test_noise_is_shares_of_time_and_counts_a_call() -> None:
    noise = noise_between(BEFORE, AFTER, calls=40)
    assert noise.cpu_pressure == pytest.approx(0.25)
    assert noise.steal == pytest.approx(0.05)
    assert noise.cpu_per_wall == pytest.approx(0.5)
    assert noise.faults_per_call == pytest.approx(5.0)
    assert noise.switches_per_call == pytest.approx(0.1)


def test_missing_counters_stay_unknown() -> None:
    blank = {"pressure_us": None, "steal_ticks": None, "all_ticks": None}
    noise = noise_between(dataclasses.replace(BEFORE, **blank), dataclasses.replace(AFTER, **blank), calls=1)
    assert (noise.cpu_pressure, noise.steal) == (None, None)
    assert noise.cpu_per_wall is not None


def test_what_threads_waited_for_is_a_share_of_what_they_wanted() -> None:
    before, after = (dataclasses.replace(snapshot, waited_s=s) for snapshot, s in ((BEFORE, 1.0), (AFTER, 7.0)))
    assert noise_between(before, after, calls=1).cpu_waited == pytest.approx(6 / (6 + 2))
    fewer = dataclasses.replace(AFTER, waited_s=0.5)
    assert noise_between(before, fewer, calls=1).cpu_waited == 0.0, "a thread that ended took its count along"
    assert noise_between(BEFORE, AFTER, calls=1).cpu_waited is None


def test_counters_say_nothing_of_a_phase_that_is_shorter_than_their_ticks() -> None:
    after = dataclasses.replace(AFTER, wall_s=BEFORE.wall_s + 0.04)
    noise = noise_between(BEFORE, after, calls=1)
    assert (noise.cpu_pressure, noise.steal, noise.cpu_waited) == (None, None, None)
    assert noise.faults_per_call == 200


def test_free_processors_are_those_that_nobody_used() -> None:
    before = dataclasses.replace(BEFORE, idle_ticks=100)
    after = dataclasses.replace(AFTER, idle_ticks=300)  # half of 400 ticks
    cores = os.cpu_count() or 1
    assert free_cores(before, after, cores) == pytest.approx(cores / 2)
    assert free_cores(before, after, 1) == min(1.0, cores / 2), "of a larger machine only so many may be used"
    assert free_cores(BEFORE, AFTER, 2) is None
    assert free_cores(before, before, 2) is None


@pytest.mark.parametrize(
    ("waited", "steal", "disturbed"), [(0.05, 0.03, False), (0.07, 0.0, True), (0.0, 0.1, True), (None, None, False)]
)
def test_a_visit_is_disturbed_where_others_had_the_cpu(
    waited: float | None, steal: float | None, disturbed: bool
) -> None:
    noise = Noise(cpu_waited=waited, steal=steal)
    assert is_disturbed(Visit(round=1, started_s=0.0, cold=(), seconds=(0.1,), noise=noise)) == disturbed


@pytest.mark.parametrize(
    ("pressure", "per_wall", "waited", "steal", "usable"),
    [
        (0.999, 0.499, None, None, False),  # 63.9 ms for a network of 0.14 ms
        (0.999, 0.59, None, None, False),
        (0.999, 0.61, None, None, True),
        (0.999, 1.9, None, None, True),  # others wait on other cores
        (0.49, 0.1, None, None, True),  # it slept: nobody waited
        (0.999, 0.3, 0.05, None, True),  # it slept: it did not wait, others did
        (0.1, 1.0, 0.41, None, False),
        (0.9, 1.3, 0.33, None, True),  # two threads and one other program on two cores
        (0.0, 1.0, 0.0, 0.45, False),
        (0.0, 1.0, 0.0, 0.1, True),
        (None, 0.2, None, None, True),  # nothing tells
        (None, None, None, None, True),
    ],
)
def test_times_of_a_process_without_a_cpu_are_not_usable(
    pressure: float | None, per_wall: float | None, waited: float | None, steal: float | None, usable: bool
) -> None:
    noise = Noise(cpu_pressure=pressure, cpu_per_wall=per_wall, cpu_waited=waited, steal=steal)
    assert (starved(noise) == "") == usable


def test_a_starved_process_is_told_with_its_figures_and_the_mend() -> None:
    assert starved(Noise(cpu_pressure=0.999, cpu_per_wall=0.499)) == (
        "other programs had the CPU in 50 % of the time that this one wanted it (CPU pressure 1.00, CPU seconds a second 0.50); "
        "stop them or wait (lambdabench doctor), then run again"
    )
    assert lost_of(Noise()) is None


def test_a_phase_of_no_length_and_no_calls_divides_by_nothing() -> None:
    noise = noise_between(BEFORE, BEFORE, calls=0)
    assert (noise.cpu_per_wall, noise.faults_per_call, noise.steal) == (0.0, 0.0, None)


def test_counters_are_read_from_proc(tmp_path: Path) -> None:
    snapshot = take_snapshot(write_proc(tmp_path))
    assert snapshot.pressure_us == 987654
    assert snapshot.steal_ticks == 80
    assert snapshot.idle_ticks == 90, "waiting for a disk is idle"
    assert snapshot.all_ticks == 360, "guest time is in user time already"
    assert snapshot.waited_s == pytest.approx(0.005), "of both threads"


def test_no_proc_no_counters(tmp_path: Path) -> None:
    snapshot = take_snapshot(tmp_path)
    assert (snapshot.pressure_us, snapshot.steal_ticks, snapshot.all_ticks, snapshot.waited_s) == (None,) * 4
    assert snapshot.cpu_s > 0


def test_pressure_of_the_last_ten_seconds(tmp_path: Path) -> None:
    assert pressure_now(tmp_path) is None
    assert pressure_now(write_proc(tmp_path)) == pytest.approx(0.125)


def test_governor(tmp_path: Path) -> None:
    assert governor(tmp_path) == ""
    (tmp_path / "cpu0" / "cpufreq").mkdir(parents=True)
    (tmp_path / "cpu0" / "cpufreq" / "scaling_governor").write_text("powersave\n")
    assert governor(tmp_path) == "powersave"


def test_load_is_a_number_where_there_is_one() -> None:
    load = load1()
    assert load is None or load >= 0
