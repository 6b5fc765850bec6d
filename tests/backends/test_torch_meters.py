"""Memory of a device by its own allocator, where it has one; what CUDA graphs hold is memory that a step takes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lambdabench.backends._torch_meters import CudaMeter, MpsMeter, meter_of


class Allocator:
    """A device's allocator by script: `work` takes so much and gives it back."""

    def __init__(self) -> None:
        self.allocated = self.peak = 100
        self.segments: list[dict[str, Any]] = []

    def take(self, size: int) -> Callable[[], str]:
        def work() -> str:
            self.peak = max(self.peak, self.allocated + size)
            return "output"

        return work

    def hold(self, pool: tuple[int, int], size: int, device: int = 1) -> None:
        self.segments.append({"segment_pool_id": pool, "total_size": size, "device": device})

    def installed(self, module: Any, monkeypatch: pytest.MonkeyPatch) -> "Allocator":
        functions = {
            "synchronize": lambda *_: None,
            "reset_peak_memory_stats": lambda *_: setattr(self, "peak", self.allocated),
            "memory_allocated": lambda *_: self.allocated,
            "max_memory_allocated": lambda *_: self.peak,
            "memory_snapshot": lambda: self.segments,
        }
        for name, function in functions.items():
            monkeypatch.setattr(module, name, function, raising=False)
        return self


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_a_step_takes_the_allocators_peak_beyond_what_was_there(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    allocator = Allocator().installed(getattr(torch, kind), monkeypatch)
    meter = meter_of(torch.device(kind, 1))
    assert meter.measure(allocator.take(30)) == (30.0, "output")
    assert meter.name == f"{kind} allocator"


def test_a_replayed_graph_takes_what_its_pool_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay allocates its output alone; pools of other cases that are open, and of another device, are not the case's."""
    allocator = Allocator().installed(torch.cuda, monkeypatch)
    allocator.hold((0, 0), 2**30)
    allocator.hold((0, 1), 2**29)
    meter = CudaMeter(torch.device("cuda:1"))
    assert meter.measure(allocator.take(2))[0] == 2.0
    allocator.hold((0, 2), 600)
    allocator.hold((0, 2), 400)
    allocator.hold((0, 3), 5000, device=0)
    assert meter.measure(allocator.take(2))[0] == 1000.0
    assert meter.name == "cuda graph pools"
    assert meter.measure(allocator.take(3000))[0] == 3000.0
    assert meter.name == "cuda allocator"


def test_apples_gpu_is_read_by_what_its_driver_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter([1000, 1600])
    monkeypatch.setattr(torch.mps, "synchronize", lambda: None)
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: next(given))
    meter = meter_of(torch.device("mps"))
    assert isinstance(meter, MpsMeter)
    assert meter.measure(lambda: "output") == (600.0, "output")


def test_a_processors_memory_is_the_hosts() -> None:
    assert meter_of(torch.device("cpu")) is None
    assert meter_of(SimpleNamespace(type="hpu")) is None
