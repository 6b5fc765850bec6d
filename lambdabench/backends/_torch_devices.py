"""Devices that torch finds here: accelerators, then the CPU."""

import dataclasses
import functools
import os
import time
from importlib.util import find_spec
from typing import Any

from ..core import cpuinfo
from ..core.errors import MissingExtraError
from ..core.spec import Device, Library
from . import _nvidia

LIBRARIES = (*(Library(name=name) for name in ("torch", "torchvision", "timm", "triton", "numpy")), *_nvidia.LIBRARIES)
INSTALL = 'pip install "lambdabench[torch]"'


def find_devices(backend: str) -> tuple[Device, ...]:
    """Accelerators, then the CPU, for a backend that runs torch. Raises MissingExtraError without torch."""
    if find_spec("torch") is None:
        raise MissingExtraError(f"torch is not installed: {INSTALL}")
    return tuple(dataclasses.replace(device, backends=(backend,)) for device in _found())


@functools.cache
def _found() -> tuple[Device, ...]:
    """Found once for all backends: each device multiplies matrices for a moment."""
    import torch

    devices: list[Device] = []
    for kind in ("cuda", "xpu"):
        module = getattr(torch, kind)
        if module.is_available():
            devices += [_numbered(module, kind, index) for index in range(module.device_count())]
    if torch.backends.mps.is_available():
        devices.append(_device("mps", "Apple GPU", torch.mps.recommended_max_memory()))
    devices.append(_device("cpu", *_cpu_facts()))
    return tuple(devices)


def _numbered(module: Any, kind: str, index: int) -> Device:
    """One of several; of a card that answers nothing, that it is here."""
    try:
        facts = module.get_device_properties(index)
    except (RuntimeError, AssertionError) as error:
        return Device(name=f"{kind}:{index}", title=kind, memory_bytes=0, backends=(), problem=_first_line(error))
    return _device(f"{kind}:{index}", facts.name, facts.total_memory)


def _device(name: str, title: str, memory_bytes: int) -> Device:
    """Tried with a product: one that others hold for themselves, or whose memory is full, is here and busy."""
    known = {"name": name, "title": title, "memory_bytes": memory_bytes, "backends": ()}
    try:
        return Device(**known, gemm_flop_per_s=_gemm_rate(name))
    except RuntimeError as error:
        return Device(**known, problem=_first_line(error))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@functools.cache
def start_libraries(device: str) -> None:
    """What a device's libraries do once a process, as cuBLAS and cuDNN make their handles, so that the first case's first call takes no
    longer than it would as the second. Nothing on a processor."""
    if device.partition(":")[0] == "cpu":
        return
    import torch

    images = torch.ones(1, 8, 8, 8, device=device)
    torch.nn.functional.conv2d(images, images[:, :, :3, :3].contiguous())
    (images[0, 0] @ images[0, 0]).sum().item()


def _cpu_facts() -> tuple[str, int]:
    """(Processor name, bytes of memory)."""
    return cpuinfo.name(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _gemm_rate(device: str) -> float:
    """FLOP/s of a float32 matrix product, the best of a fifth of a second; only for time estimates."""
    import torch

    size = 1024
    a = torch.randn(size, size, device=device)
    best, start_s = 0.0, time.perf_counter()
    while time.perf_counter() - start_s < 0.2:
        before_s = time.perf_counter()
        (a @ a)[0, 0].item()
        best = max(best, 2 * size**3 / (time.perf_counter() - before_s))
    return best
