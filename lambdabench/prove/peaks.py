"""What makers publish of their devices, for predictions: dense products and memory, per device."""

import re
from dataclasses import dataclass

import psutil

from ..core.spec import Device, Machine
from ..core.targets import TARGETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """FLOP/s of products by dtype, bytes/s of memory, and where it is published."""

    flop_per_s: dict[str, float]
    bytes_per_s: float | None
    source: str


CUDA = (
    # data sheets of NVIDIA's, dense: (what the name holds, bfloat16, float32 without tensor cores, memory)
    ("H200", 989e12, 67e12, 4.8e12),
    ("H100 PCIe", 756e12, 51e12, 2.0e12),
    ("H100", 989e12, 67e12, 3.35e12),
    ("A100-SXM4-80GB", 312e12, 19.5e12, 2.039e12),
    ("A100", 312e12, 19.5e12, 1.555e12),
    ("L40S", 362e12, 91.6e12, 0.864e12),
    ("L4", 121e12, 30.3e12, 0.3e12),
)
PER_CYCLE = (("avx512f", 32), ("avx2", 32), ("avx", 16), ("neon", 16))
"""Float32 operations a cycle and core: one vector unit of 16 lanes that multiplies and adds, or two of 8 (Intel, "Optimization Reference
Manual"; processors with two units of 16 lanes reach twice as much); Arm: two of 4 lanes."""


def peak_of(device: Device, machine: Machine) -> Peak | None:
    """None where nothing is known of such a device."""
    if device.kind == "cuda":
        for name, half, single, memory in CUDA:
            if re.search(rf"\b{re.escape(name)}\b", device.title.replace("NVIDIA ", "")):
                rates = {"bfloat16": half, "float32": single}
                return Peak(flop_per_s=rates, bytes_per_s=memory, source=f"NVIDIA's data sheet of the {name}")
    for target in TARGETS:
        if device.kind == "tpu" and device.title == target.title:
            rates = {"bfloat16": target.flop_per_s}
            return Peak(flop_per_s=rates, bytes_per_s=target.bytes_per_s, source=f"Google's page of the {target.title}")
    return _of_cpu(machine) if device.kind == "cpu" else None


def _of_cpu(machine: Machine) -> Peak | None:
    flags, frequency = machine.environment.cpu_flags.split(), psutil.cpu_freq()
    operations = next((count for name, count in PER_CYCLE if name in flags), 0)
    if not operations or frequency is None or not (frequency.max or frequency.current):
        return None
    hertz = 1e6 * (frequency.max or frequency.current)
    rate = machine.environment.cores * operations * hertz
    return Peak(
        flop_per_s={"float32": rate},
        bytes_per_s=None,
        source=f"{machine.environment.cores} cores, {operations} operations a cycle, {hertz / 1e9:.2f} GHz",
    )
