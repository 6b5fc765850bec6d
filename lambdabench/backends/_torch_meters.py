"""How much memory torch takes, as its allocators tell."""

from collections.abc import Callable
from typing import Any


def meter_of(device: Any) -> Any:
    """A `core.ports.MemoryMeter` of a device's own memory; None where the host's is the device's, or nobody tells."""
    meters = {"cuda": CudaMeter, "xpu": AllocatorMeter, "mps": MpsMeter}
    return meters[device.type](device) if device.type in meters else None


class AllocatorMeter:
    """The allocator's peak minus what was allocated before."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self.name = f"{device.type} allocator"

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        import torch

        memory = getattr(torch, self._device.type)
        memory.synchronize(self._device)
        memory.reset_peak_memory_stats(self._device)
        before = memory.memory_allocated(self._device)
        result = work()
        memory.synchronize(self._device)
        return float(memory.max_memory_allocated(self._device) - before), result


class CudaMeter:
    """The same, and at least the pools of CUDA graphs that were made since this was: a graph's replay allocates nothing, since what it
    needs was allocated when it was recorded and is held for it. `name` says which of the two the last figure is."""

    def __init__(self, device: Any) -> None:
        self._device, self._allocator = device, AllocatorMeter(device)
        self._others = set(self._pools())
        self.name = self._allocator.name

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        seen, result = self._allocator.measure(work)
        held = float(sum(size for pool, size in self._pools().items() if pool not in self._others))
        self.name = "cuda graph pools" if held > seen else self._allocator.name
        return max(seen, held), result

    def _pools(self) -> dict[tuple[int, int], int]:
        """Bytes that each private pool of the allocator holds on the device (torch.cuda.memory_snapshot)."""
        import torch

        pools: dict[tuple[int, int], int] = {}
        for segment in torch.cuda.memory_snapshot():
            pool = tuple(segment.get("segment_pool_id", (0, 0)))
            if any(pool) and segment["device"] == (self._device.index or 0):
                pools[pool] = pools.get(pool, 0) + segment["total_size"]
        return pools


class MpsMeter:
    """What Metal's driver gave beyond what it had given before, once it was given back what nobody used: there is no peak."""

    name = "mps driver"

    def __init__(self, device: Any) -> None:
        self._device = device

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        import torch

        torch.mps.synchronize()
        torch.mps.empty_cache()
        before = torch.mps.driver_allocated_memory()
        result = work()
        torch.mps.synchronize()
        return float(max(0, torch.mps.driver_allocated_memory() - before)), result
