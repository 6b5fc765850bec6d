"""What a number depends on besides its case, as the process that measures sees it: no framework, and no device is touched."""

import dataclasses
import functools
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from ..core import registry
from ..core.spec import Device, Environment
from ..kernels._cpu import compiler
from ..machine import accelerators, host, libraries

PACKAGE = Path(__file__).parents[1]
UNKNOWN = "0"
"""Version where the package runs without being installed."""
HOSTS_OWN = ("cpu", "fake")


def here() -> Environment:
    """All that this process sees, but for what frameworks call its accelerators."""
    return _now(_of_process())


def witnessed() -> Environment:
    """The same of a process that measures, as it `began`; accelerators are looked at anew."""
    return _now(began())


def settled(environment: Environment, devices: Sequence[Device]) -> Environment:
    """What a process saw, as rows hold it where frameworks find these devices, the best first: accelerators that none of them drives are
    left out, with the driver and the libraries that are theirs alone."""
    gpu = next((device for device in devices if device.kind not in HOSTS_OWN), None)
    left_out = ("gpus", "driver") if gpu is None else ("driver",) if gpu.kind != "cuda" else ()
    versions = libraries.on_device(environment.versions, gpu.kind if gpu else "")
    return dataclasses.replace(
        environment, gpu=gpu.title if gpu else "", versions=versions, **dict.fromkeys(left_out, "")
    )


def _now(known: Environment) -> Environment:
    seen = accelerators.look()
    driver = nvidia_driver() or next((accelerator.driver for accelerator in seen if accelerator.driver), "")
    return dataclasses.replace(known, gpus=accelerators.told(seen), driver=driver)


@functools.cache
def began() -> Environment:
    """What stays as it was when this was first asked, which a process does before it loads a framework: source that is edited later is
    not what it runs, and variables that frameworks set (torch: CUDA_MODULE_LOADING) nobody asked for. Accelerators are not looked at,
    so that a process that asks may still be forked."""
    return _of_process()


def _of_process() -> Environment:
    """What does not change in a process's life."""
    cpu, flags = host.cpu_facts()
    return Environment(
        lambdabench=f"{host.package_version(registry.ROOT) or UNKNOWN}+src.{host.source_hash(PACKAGE)}",
        cpu=cpu,
        cpu_flags=flags,
        cores=host.usable_cores(),
        memory_gib=host.memory_gib(),
        os=f"{platform.system()} {platform.machine()}",
        libc=host.libc(),
        python=platform.python_version(),
        compiler=compiler(),
        allocator=host.settings(),
        versions=libraries.versions(),  # the last: it imports others' backends, whatever these do
    )


def nvidia_driver(version: Path = Path("/proc/driver/nvidia/version")) -> str:
    """The NVIDIA driver's version, of the open and the closed kernel module; "" where there is none."""
    match = re.search(r"Kernel Module.*?\b(\d+\.\d+(\.\d+)?)\b", version.read_text()) if version.exists() else None
    return match[1] if match else ""
