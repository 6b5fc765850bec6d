"""Whether a probe's answer holds all devices that are here: what is absent or busy at one moment is looked for again at the next."""

from collections.abc import Sequence
from dataclasses import replace

from ..core import registry
from ..core.spec import Device, Machine
from ..machine import host
from ..machine.accelerators import Accelerator

TORCHS: dict[str, tuple[str, ...]] = {"cpu": (), "xpu": ("xpu",), "rocm": ("rocm",)}
"""What a build of torch can drive, by the beginning of its local version ("2.15.0+cpu"); others drive CUDA."""
PLUGINS = {
    "cuda": ("jax-cuda12-plugin", "jax-cuda13-plugin"),
    "tpu": ("libtpu", "libtpu-nightly"),
    "rocm": ("jax-rocm60-plugin", "jax-rocm7-plugin"),
}
"""Packages by which JAX drives a kind of device."""

CALLED = {"rocm": "cuda"}
"""Kinds of devices that cases call by another name: AMD's as torch does."""
LOOKED_AT = frozenset({"cuda", "rocm", "xpu", "tpu"})
"""Kinds of devices of which one that the look does not see may be another one tomorrow."""


def unlisted(machine: Machine, seen: Sequence[Accelerator]) -> tuple[Device, ...]:
    """Devices that are here by the look of it, that an installed framework could drive, and that the probe did not find; each with
    what is known of why."""
    listed = {device.kind for device in (*machine.devices, *machine.busy)}
    devices: list[Device] = []
    for kind in dict.fromkeys(accelerator.kind for accelerator in seen):
        backends = _drivers(kind)
        name = CALLED.get(kind, kind)
        if not backends or listed & {kind, name}:
            continue
        first = next(accelerator for accelerator in seen if accelerator.kind == kind)
        problem = first.held() or f"{' and '.join(backends)} found none to use"
        title = first.title or kind
        devices.append(
            Device(
                name=f"{name}:0",
                title=title,
                memory_bytes=first.memory_bytes,
                backends=tuple(backends),
                problem=problem,
            )
        )
    return tuple(devices)


def with_holders(machine: Machine, seen: Sequence[Accelerator]) -> tuple[Device, ...]:
    """The busy devices of a probe, and who is seen to hold them."""
    held = {
        CALLED.get(accelerator.kind, accelerator.kind): accelerator.held() for accelerator in seen if accelerator.held()
    }
    return tuple(
        replace(device, problem=f"{device.problem} ({held[device.kind]})") if device.kind in held else device
        for device in machine.busy
    )


def is_lasting(machine: Machine, seen: Sequence[Accelerator]) -> bool:
    """Whether an answer is true for as long as nothing changes that its key is made of."""
    kinds = {accelerator.kind for accelerator in seen}
    visible = {CALLED.get(kind, kind) for kind in kinds}
    hidden = {device.kind for device in machine.devices} & LOOKED_AT - visible - kinds
    return not machine.busy and not unlisted(machine, seen) and not hidden


def _drivers(kind: str) -> list[str]:
    """Backends that could drive a kind of device, as far as installed packages tell."""
    torch, _, build = host.package_version("torch").partition("+")
    drives = next((kinds for word, kinds in TORCHS.items() if build.startswith(word)), ("cuda",))
    able = {
        "torch": bool(torch) and kind in drives,
        "jax": any(host.package_version(name) for name in PLUGINS.get(kind, ())),
    }
    return [name for name in registry.names("backends") if able.get(registry.load("backends", name).FRAMEWORK, False)]
