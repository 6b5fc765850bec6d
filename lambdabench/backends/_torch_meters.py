"""How much memory torch takes, as its allocators tell."""

from collections.abc import Callable
from typing import Any


class CudaMeter:
    """The allocator's peak minus what was allocated before."""

    name = "cuda allocator"

    def __init__(self, device: Any) -> None:
        self._device = device

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        import torch

        torch.cuda.synchronize(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)
        before = torch.cuda.memory_allocated(self._device)
        result = work()
        torch.cuda.synchronize(self._device)
        return float(torch.cuda.max_memory_allocated(self._device) - before), result
