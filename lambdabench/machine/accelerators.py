"""Which accelerators are here now and who is on them, by NVML and sysfs: without a framework or a context on a device, so that every
run may ask."""

import contextlib
import dataclasses
import importlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

VISIBLE = "CUDA_VISIBLE_DEVICES"
HIDING = {
    "rocm": ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
    "xpu": ("ZE_AFFINITY_MASK",),
    "tpu": ("TPU_VISIBLE_CHIPS",),
}
"""The same of other makers."""
DRIVER = Path("/proc/driver/nvidia")
PCI = Path("/sys/bus/pci/devices")
DISPLAY_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")
"""Beginnings of the PCI classes of what computes or draws (PCI code and ID assignment: 03 display, 12 processing accelerator)."""
VENDORS = {"0x1002": "rocm", "0x8086": "xpu", "0x1ae0": "tpu"}
"""PCI vendors AMD, Intel and Google -> the kind of device; NVIDIA's are asked by NVML."""
CROWDED_SHARE = 0.2
"""Of a device's memory in other hands: what does not fit beside that says nothing for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One that a process started here would see. `title`, `uuid`, `mig` are empty where nobody tells."""

    kind: str
    title: str = ""
    uuid: str = ""
    memory_bytes: int = 0
    mig: str = ""
    """What of the device it is, where it is partitioned."""
    driver: str = ""
    power_limit_w: float = 0.0
    """What its owner lets it take; 0 where nobody tells."""
    ecc: str = ""
    """ "ECC off" where its memory could correct errors and does not, which makes it faster."""
    used_bytes: int = 0
    holders: tuple[tuple[int, int], ...] = ()
    """(Process, its bytes on the device), of all that compute there."""

    def told(self) -> str:
        """What makes it the same device: nothing that changes from one moment to the next."""
        size = f"{self.memory_bytes / 2**30:.0f} GiB" if self.memory_bytes else ""
        power = f"{self.power_limit_w:.0f} W" if self.power_limit_w else ""
        driver = f"driver {self.driver}" if self.driver else ""
        parts = (self.title or self.kind, self.uuid, size, self.mig, power, self.ecc, driver)
        return " ".join(filter(None, parts))

    def held(self) -> str:
        """Who is on it, in words; empty where nobody is seen."""
        return ", ".join(f"process {pid}{_name(pid)} holds {used / 2**30:.1f} GiB" for pid, used in self.holders)


def look(
    environment: Mapping[str, str] = os.environ, driver: Path = DRIVER, pci: Path = PCI
) -> tuple[Accelerator, ...]:
    """Those that are here now and that no variable hides, in its order; empty where there are none."""
    result = list(_visible(_by_nvml() or _by_driver(driver), environment.get(VISIBLE)))
    others = _others(pci)
    for kind in dict.fromkeys(accelerator.kind for accelerator in others):
        same = tuple(accelerator for accelerator in others if accelerator.kind == kind)
        for name in HIDING[kind]:
            same = _visible(same, environment.get(name))
        result += same
    return tuple(result)


def told(accelerators: tuple[Accelerator, ...]) -> str:
    """What makes them the same, "; " between two."""
    return "; ".join(accelerator.told() for accelerator in accelerators)


def crowd(device: str) -> str:
    """Who has so much of an NVIDIA device's memory, by its name here ("cuda:0"), that little is left; empty elsewhere."""
    kind, _, index = device.partition(":")
    accelerators = [item for item in look() if item.kind == kind] if kind == "cuda" else []
    if len(accelerators) <= int(index or 0):
        return ""
    accelerator = accelerators[int(index or 0)]
    if not accelerator.memory_bytes or accelerator.used_bytes < CROWDED_SHARE * accelerator.memory_bytes:
        return ""
    return accelerator.held() or f"others hold {accelerator.used_bytes / 2**30:.1f} GiB"


def _name(pid: int) -> str:
    try:
        return f" ({psutil.Process(pid).name()})"
    except psutil.Error:  # another user's, another container's, or gone
        return ""


def _by_nvml() -> tuple[Accelerator, ...]:
    """All that NVML names; empty without it or a driver."""
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # pynvml raises its own errors, one per missing piece: each means there is nobody to ask
        return ()
    try:
        driver = _text(nvml.nvmlSystemGetDriverVersion())
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return tuple(
            dataclasses.replace(_described(nvml, part), mig=mig, driver=driver, **_settings(nvml, handle))
            for handle in handles
            for part, mig in _parts(nvml, handle)
        )
    except nvml.NVMLError:  # a device that fell off the bus; the driver's own files still tell the others
        return ()
    finally:
        with contextlib.suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _parts(nvml: Any, handle: Any) -> Iterator[tuple[Any, str]]:
    """(Handle, "") of a whole device, or (handle, "MIG") of each part that it is split into."""
    parts: list[Any] = []
    with contextlib.suppress(nvml.NVMLError):  # no MIG on this device
        if nvml.nvmlDeviceGetMigMode(handle)[0]:
            for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
                with contextlib.suppress(nvml.NVMLError):  # places that hold no part
                    parts.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
    yield from ((part, "MIG") for part in parts)
    if not parts:
        yield handle, ""


def _settings(nvml: Any, card: Any) -> dict[str, Any]:
    """What its owner has set on a card: its power limit, and whether its memory corrects errors."""
    result: dict[str, Any] = {}
    with contextlib.suppress(nvml.NVMLError):  # laptops' cards have no limit to be read
        result["power_limit_w"] = nvml.nvmlDeviceGetPowerManagementLimit(card) / 1000
    with contextlib.suppress(nvml.NVMLError):  # most cards of players cannot correct errors
        result["ecc"] = "" if nvml.nvmlDeviceGetEccMode(card)[0] else "ECC off"
    return result


def _described(nvml: Any, handle: Any) -> Accelerator:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    holders: list[tuple[int, int]] = []
    with contextlib.suppress(nvml.NVMLError):  # not told to everybody
        holders = [
            (process.pid, process.usedGpuMemory or 0) for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        ]
    return Accelerator(
        kind="cuda",
        title=_text(nvml.nvmlDeviceGetName(handle)),
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        memory_bytes=int(memory.total),
        used_bytes=int(memory.used),
        holders=tuple(holders),
    )


def _text(name: str | bytes) -> str:
    """Older bindings answer in bytes."""
    return name.decode() if isinstance(name, bytes) else name


def _by_driver(driver: Path) -> tuple[Accelerator, ...]:
    """What the NVIDIA driver's own files name, where nvidia-ml-py is not installed."""
    accelerators: list[Accelerator] = []
    for path in sorted(driver.glob("gpus/*/information")):
        with contextlib.suppress(OSError):
            fields = {key.strip(): value.strip() for key, _, value in map(_split, path.read_text().splitlines())}
            accelerators.append(
                Accelerator(kind="cuda", title=fields.get("Model", ""), uuid=fields.get("GPU UUID", ""))
            )
    return tuple(accelerators)


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _visible(every: tuple[Accelerator, ...], chosen: str | None) -> tuple[Accelerator, ...]:
    """Those of a list of places or beginnings of UUIDs; CUDA reads it up to the first that names none (CUDA C++ Programming Guide,
    environment variables)."""
    if chosen is None:
        return every
    accelerators: list[Accelerator] = []
    for word in (name.strip().partition(".")[0] for name in chosen.split(",")):  # of Intel's "0.1" the tile is left out
        place = int(word) if word.isdecimal() else None
        matches = [
            accelerator
            for index, accelerator in enumerate(every)
            if index == place or (place is None and word and accelerator.uuid.startswith(word))
        ]
        if len(matches) != 1:
            break
        accelerators += matches
    return tuple(accelerators)


def _others(pci: Path) -> tuple[Accelerator, ...]:
    """Accelerators of other makers, as the PCI bus names them."""
    accelerators: list[Accelerator] = []
    for folder in sorted(pci.glob("*")):
        with contextlib.suppress(OSError):
            kind = VENDORS.get((folder / "vendor").read_text().strip())
            computes = (folder / "class").read_text().startswith(DISPLAY_CLASSES)
            if kind is not None and (computes or kind == "tpu"):
                accelerators.append(_on_bus(kind, folder))
    return tuple(accelerators)


def _on_bus(kind: str, folder: Path) -> Accelerator:
    """What the kernel's driver says of a device (amdgpu, "Misc AMDGPU driver information": unique_id, product_name, mem_info_vram_total;
    hwmon, power1_cap in microwatts), as far as it does."""
    unique, product, memory = (_line(folder / name) for name in ("unique_id", "product_name", "mem_info_vram_total"))
    cap = next((text for path in sorted(folder.glob("hwmon/*/power1_cap")) if (text := _line(path))), "0")
    return Accelerator(
        kind=kind,
        title=product or f"{kind} {_line(folder / 'device')}",
        uuid=f"GPU-{unique}" if unique else "",
        memory_bytes=int(memory or 0),
        power_limit_w=int(cap) / 1e6,
        driver=_line(folder / "driver" / "module" / "version"),
    )


def _line(path: Path) -> str:
    """A file's only line; empty where there is none."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
