"""Loads and copies of a scripted device, and small ones of this machine's CPU through both frameworks."""

import dataclasses
from typing import Any

import pytest

from lambdabench.backends import _torch_clocks
from lambdabench.core.errors import UnsupportedError
from lambdabench.tasks import device_work, sustained_load
from lambdabench.tasks.device_work import CPU, JaxWork, TorchWork
from lambdabench.tasks.scripted_work import CAPPED_AFTER_S, RISE_S, ScriptedWork

SMALL = dataclasses.replace(CPU, side=256, rest_s=0.0)


def test_a_load_begins_at_rest_and_notes_clocks_and_what_holds_them_down() -> None:
    loaded = sustained_load.load(ScriptedWork())
    assert sum(loaded.seconds) == pytest.approx(sustained_load.LOAD_S, rel=0.01)
    assert loaded.seconds[0] == pytest.approx(2 * loaded.seconds[20]), "at half its clock"
    first, last = loaded.moments[0], loaded.moments[-1]
    assert (first.after_s, first.sm_clock_mhz, first.reasons) == (0.0, 500, ())
    assert (last.sm_clock_mhz, last.reasons) == (900, ("sw_power_cap",))
    capped = next(moment for moment in loaded.moments if moment.reasons)
    assert capped.after_s == pytest.approx(CAPPED_AFTER_S, abs=0.11)
    assert sum(moment.after_s < 1 for moment in loaded.moments) > 40
    assert loaded.moments[2].after_s > RISE_S


def test_products_are_halved_until_a_call_is_short() -> None:
    class Slow(ScriptedWork):
        def product(self, side: int, dtype: str) -> Any:
            return super().product(4 * side, dtype)

    assert sustained_load.load(ScriptedWork(), load_s=0.1).side == 1024
    assert sustained_load.load(Slow(), load_s=0.1).side == 256


def test_small_copies_are_of_caches_unless_these_are_emptied() -> None:
    copied = sustained_load.copies(ScriptedWork())
    assert copied.large_s / copied.large_bytes == pytest.approx(1 / 10e9)
    assert copied.cold_s == pytest.approx(4 * copied.warm_s)


def test_torch_loads_this_cpu_and_empties_its_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    emptied = list[int]()

    def flush_of(torch: Any, device: Any) -> Any:
        return lambda: emptied.append(1)

    monkeypatch.setattr(device_work, "CPU", SMALL)
    monkeypatch.setattr(_torch_clocks, "flush_of", flush_of)
    work = TorchWork("cpu")
    loaded = sustained_load.load(work, load_s=0.02)
    assert min(loaded.seconds) > 0
    assert (loaded.dtype, loaded.moments) == ("float32", ())
    assert len(work.time_copies(2**12, 5, cold=False)) == 5
    assert not emptied
    assert min(work.time_copies(2**12, 3, cold=True)) > 0
    assert len(emptied) == 3


def test_jax_loads_this_cpu_and_has_no_way_to_empty_its_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_work, "CPU", SMALL)
    work = JaxWork("cpu")
    assert min(sustained_load.load(work, load_s=0.02).seconds) > 0
    with pytest.raises(UnsupportedError, match="use torch"):
        work.time_copies(2**12, 1, cold=True)
