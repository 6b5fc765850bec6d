"""Work of known size on a device, through torch and JAX: products and copies that are waited for, and what NVML tells meanwhile."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..backends import _torch_clocks
from ..core.errors import UnsupportedError
from ..machine import nvidia
from ..machine.nvidia import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What keeps a kind of device busy, and what it holds: `dtype` is what its products are fastest in, of matrices of `side`; its last
    cache holds `cached_bytes` twice; `rest_s` is until its clock has fallen."""

    dtype: str
    side: int
    cached_bytes: int
    rest_s: float


CPU = Sizes(dtype="float32", side=1024, cached_bytes=2**22, rest_s=2.0)
ACCELERATOR = Sizes(dtype="bfloat16", side=8192, cached_bytes=2**23, rest_s=6.0)


class DeviceWork(Protocol):
    """A device at work. Seconds are by its own clock, which is a script's where times are scripted."""

    sizes: Sizes

    def product(self, side: int, dtype: str) -> Callable[[], object]:
        """One product of two square matrices, with its end."""
        ...

    def time_copies(self, length_bytes: int, count: int, *, cold: bool) -> Sequence[float]:
        """Seconds of copies of so many bytes; `cold`: caches are emptied before each. Raises UnsupportedError."""
        ...

    def now(self) -> float: ...

    def rest(self, seconds: float) -> None: ...

    def read(self) -> Reading | None:
        """By NVML; None where there is nobody to ask."""
        ...


class _Here:
    """A device of this machine: real seconds, and the card that it is."""

    def __init__(self, device: str) -> None:
        self.sizes = CPU if device.partition(":")[0] == "cpu" else ACCELERATOR
        self._board = nvidia.board_of(device)

    def now(self) -> float:
        return time.perf_counter()

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def read(self) -> Reading | None:
        return None if self._board is None else self._board.read()


class TorchWork(_Here):
    """A `DeviceWork`."""

    def __init__(self, device: str) -> None:
        import torch

        super().__init__(device)
        self._torch, self.device = torch, torch.device(device)
        kind = self.device.type
        self.wait: Callable[[], Any] = getattr(torch, kind).synchronize if kind != "cpu" else lambda: None

    def product(self, side: int, dtype: str) -> Callable[[], object]:
        torch = self._torch
        left, right = (torch.randn(side, side, device=self.device, dtype=getattr(torch, dtype)) for _ in range(2))
        return lambda: (left @ right, self.wait())

    def copy(self, length_bytes: int) -> Callable[[], Any]:
        """A copy of so many bytes that nobody waits for."""
        source = self._torch.ones(length_bytes // 4, device=self.device)
        target = self._torch.empty_like(source)
        return lambda: target.copy_(source)

    def time_copies(self, length_bytes: int, count: int, *, cold: bool) -> Sequence[float]:
        call = self.copy(length_bytes)
        call()
        flush = _torch_clocks.flush_of(self._torch, self.device) if cold else None
        if self.device.type == "cuda":
            return _torch_clocks.by_events(count, call, self._torch.cuda, flush)[0]
        return _torch_clocks.by_host(count, call, self.wait, flush)


class JaxWork(_Here):
    """A `DeviceWork`, within the default device."""

    def __init__(self, device: str) -> None:
        import jax

        super().__init__(device)
        kind, _, index = device.partition(":")
        self._jax, self.device = jax, jax.devices("cpu" if kind == "cpu" else None)[int(index or 0)]

    def product(self, side: int, dtype: str) -> Callable[[], object]:
        jax = self._jax
        left, right = (jax.device_put(jax.numpy.ones((side, side), dtype), self.device) for _ in range(2))
        program = jax.jit(jax.numpy.matmul)
        return lambda: program(left, right).block_until_ready()

    def time_copies(self, length_bytes: int, count: int, *, cold: bool) -> Sequence[float]:
        raise UnsupportedError("nothing in JAX empties a device's caches; use torch")
