"""Energy as a scripted /sys/class/powercap and a scripted NVML tell it."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.machine import energy, nvidia, powercap
from lambdabench.machine.nvidia import Board

RANGE_J = 262_143.0


class Zones:
    """A folder as the kernel has it: zones of all levels side by side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "intel-rapl").mkdir()
        (folder / "intel-rapl" / "enabled").write_text("1\n")

    def put(self, place: str, name: str, joules: float) -> None:
        zone = self.folder / place
        zone.mkdir(exist_ok=True)
        (zone / "name").write_text(f"{name}\n")
        (zone / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
        (zone / "max_energy_range_uj").write_text(f"{round(RANGE_J * 1e6)}\n")


@pytest.fixture
def zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zones:
    made = Zones(tmp_path / "powercap")
    monkeypatch.setattr(powercap, "POWERCAP", made.folder)
    return made


def read(change: Callable[[], None], calls: int = 10) -> Any:
    """What the meter of the CPU says of a stretch in which something changes."""
    meter, why = energy.meter_of("cpu")
    assert (why, meter is not None) == ("", True)
    assert meter is not None
    before = meter.read()
    change()
    return meter.between(before, meter.read(), calls)


def test_a_package_is_read_before_and_after(zones: Zones) -> None:
    zones.put("intel-rapl:0", "package-0", 100.0)
    taken = read(lambda: zones.put("intel-rapl:0", "package-0", 103.5))
    assert (taken.joules, taken.calls, taken.lacking) == (pytest.approx(3.5), 10, "")
    assert taken.meter == "RAPL: package-0, all that ran there"


def test_packages_and_their_memory_are_summed_and_nothing_twice(zones: Zones) -> None:
    def at(more_j: float) -> None:
        zones.put("intel-rapl:0", "package-0", 100 + 1 * more_j)
        zones.put("intel-rapl:0:0", "core", 50 + 1000 * more_j)
        zones.put("intel-rapl:0:1", "uncore", 50 + 1000 * more_j)
        zones.put("intel-rapl:0:2", "dram", 20 + 4 * more_j)
        zones.put("intel-rapl:1", "package-1", 100 + 16 * more_j)
        zones.put("intel-rapl:1:0", "dram", 20 + 64 * more_j)
        zones.put("intel-rapl:2", "psys", 900 + 1000 * more_j)
        zones.put("intel-rapl-mmio:0", "package-0", 100 + 1000 * more_j)

    at(0)
    taken = read(lambda: at(1))
    assert taken.joules == pytest.approx(1 + 4 + 16 + 64)
    assert taken.meter == "RAPL: package-0 + package-0 dram + package-1 + package-1 dram, all that ran there"


def test_a_counter_that_begins_anew_is_followed(zones: Zones) -> None:
    zones.put("intel-rapl:0", "package-0", RANGE_J - 2)
    assert read(lambda: zones.put("intel-rapl:0", "package-0", 5.0)).joules == pytest.approx(7.0)


def test_a_counter_that_stands_still_is_none(zones: Zones) -> None:
    zones.put("intel-rapl:0", "package-0", 100.0)
    taken = read(lambda: None)
    assert taken.joules is None
    assert "package-0 did not move" in taken.lacking


def test_memory_may_rest_and_a_package_may_not(zones: Zones) -> None:
    zones.put("intel-rapl:0", "package-0", 100.0)
    zones.put("intel-rapl:0:0", "dram", 100.0)
    assert read(lambda: zones.put("intel-rapl:0", "package-0", 101.0)).joules == pytest.approx(1.0)
    assert read(lambda: zones.put("intel-rapl:0:0", "dram", 101.0)).joules is None


def test_a_counter_that_goes_away_is_said(zones: Zones) -> None:
    zones.put("intel-rapl:0", "package-0", 100.0)
    taken = read(lambda: (zones.folder / "intel-rapl:0" / "energy_uj").unlink())
    assert taken.joules is None
    assert "package-0 could not be read any more" in taken.lacking


def test_an_absent_folder_an_empty_one_and_another_device_are_said(zones: Zones, monkeypatch: Any) -> None:
    assert energy.meter_of("cpu") == (
        None, f"this machine shows no energy counter of cpu: {zones.folder} has no package of a CPU",
    )  # fmt: skip
    monkeypatch.setattr(powercap, "POWERCAP", zones.folder / "none")
    assert (
        energy.meter_of("cpu")[1] == f"this machine shows no energy counter of cpu: {zones.folder / 'none'} is absent"
    )
    assert "only CPUs (RAPL) and NVIDIA's GPUs (NVML) are asked" in energy.meter_of("tpu:0")[1]
    assert energy.idle_power("tpu:0") is None


def test_one_that_root_alone_may_read_says_how_to_open_it(zones: Zones, monkeypatch: Any) -> None:
    zones.put("intel-rapl:0", "package-0", 100.0)
    zones.put("intel-rapl:1", "package-1", 100.0)
    if os.getuid():
        (zones.folder / "intel-rapl:1" / "energy_uj").chmod(0)
    else:  # root may read all
        monkeypatch.setattr(powercap.Zone, "read_j", _refused)
    meter, why = energy.meter_of("cpu")
    assert meter is None, "a part of the packages is not the CPU"
    assert f"may be read by root alone: sudo chmod a+r {zones.folder}/*/energy_uj" in why


def _refused(zone: Any) -> float:
    raise PermissionError(13, "Permission denied")


class NVMLError(Exception):
    """As pynvml's own."""


class Card:
    """NVML with counters in mJ."""

    NVMLError = NVMLError

    def __init__(self, *millijoules: int) -> None:
        self.millijoules = list(millijoules)

    def nvmlDeviceGetTotalEnergyConsumption(self, card: str) -> int:
        if not self.millijoules:
            raise NVMLError("not supported")
        return self.millijoules.pop(0) if len(self.millijoules) > 1 else self.millijoules[0]


def with_boards(monkeypatch: Any, **boards: Any) -> None:
    monkeypatch.setattr(nvidia, "board_of", lambda device: boards.get(device.replace(":", "")))


def board(nvml: Any, part: str = "card") -> Board:
    return Board(nvml=nvml, part=part, whole="card")


def test_the_cards_of_a_case_are_summed(monkeypatch: Any) -> None:
    first, second = board(Card(0, 1_000, 4_000)), board(Card(0, 10_000, 12_000))
    with_boards(monkeypatch, cuda1=first, cuda2=second)
    meter, _ = energy.meter_of("cuda:1", 2)
    assert meter is not None
    taken = meter.between(meter.read(), meter.read(), 4)
    assert (taken.joules, taken.meter) == (5.0, "NVML: cuda:1 + cuda:2, the card alone")


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (None, "NVML does not answer (pip install nvidia-ml-py)"),
        (board(Card(1), part="a part"), "it is a part of a card (MIG)"),
        (board(Card()), "NVML counts none of this card; those from Volta on have a counter"),
        (board(SimpleNamespace(NVMLError=NVMLError)), "NVML counts none of this card"),
    ],
)
def test_a_card_without_a_counter_says_why(known: Board | None, why: str, monkeypatch: Any) -> None:
    with_boards(monkeypatch, cuda0=known)
    assert why in energy.meter_of("cuda:0")[1]


def test_idle_power_is_joules_a_second_of_doing_nothing(zones: Zones) -> None:
    zones.put("intel-rapl:0", "package-0", 0.0)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        zones.put("intel-rapl:0", "package-0", 12.0 * sum(slept))

    watts, meter = energy.idle_power("cpu", sleep=sleep, clock=lambda: sum(slept)) or (0.0, "")
    assert (watts, meter) == (pytest.approx(12.0), "RAPL: package-0, all that ran there")
    assert slept == [energy.REST_S, energy.IDLE_S]
    assert energy.idle_power("cpu", sleep=lambda seconds: None) is None, "it stood still"
