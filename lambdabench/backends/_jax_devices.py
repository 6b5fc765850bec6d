"""Devices, threads and hosts of JAX: what there is, and what must be said to JAX before it is first used."""

import contextlib
import dataclasses
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from ..core import cpuinfo
from ..core.dtypes import HELD_IN
from ..core.errors import DeviceError, UnsupportedError
from ..core.hosts import find_hosts
from ..core.spec import Case, Device, Library
from ..core.worker_protocol import PREALLOCATE
from . import _nvidia

LIBRARIES = (
    *(Library(name=name) for name in ("jax", "jaxlib", "flax", "numpy")),
    *_nvidia.LIBRARIES,
    Library(name="jax-cuda-plugin", distributions=("jax-cuda12-plugin", "jax-cuda13-plugin"), device="cuda"),
    Library(name="jax-rocm-plugin", distributions=("jax-rocm60-plugin", "jax-rocm7-plugin"), device="cuda"),
    Library(name="libtpu", distributions=("libtpu", "libtpu-nightly"), device="tpu"),
)
THREADS = "PJRT_NPROC"
"""Size of XLA's CPU pools, read once, when JAX first looks for devices (jaxlib 0.10: found by trying; OMP_NUM_THREADS and
--xla_cpu_multi_thread_eigen change nothing)."""
POOL = "tf_XLAEigen"
"""Name of the threads of XLA's CPU pool."""
GEMM_SIZE = 1024
PLATFORMS = ("tpu", "cuda", "rocm", "cpu")
KINDS = {"gpu": "cuda", "rocm": "cuda"}
"""JAX's platform -> the kind of device as cases name it, where it is another word: AMD's are cuda as torch calls them, so that one card
has one name."""
BUSY = re.compile(r"in use|busy|resource_exhausted|out of memory|lockfile|operation not permitted", re.IGNORECASE)
"""What JAX says of a platform that is here and that it cannot have: by another process's name mostly (one process owns a TPU)."""
STATES = re.compile(r"\b(ABORTED|UNAVAILABLE)\b")
"""States of XLA that say the same where no line says why..."""
ABSENT = re.compile(r"no \w+ (device|platform)s? (found|available)|failed to open libtpu", re.IGNORECASE)
"""...and what is said of a platform that is not here at all."""
WAIT_S = 30.0
"""What a case waits for a device that is busy: a process that was killed gives a TPU back some seconds later."""
LOOK_WAIT_S = 10.0
"""The same of a probe, which every run waits for."""
EVERY_S = 1.0
"""Between two tries."""


def find_devices(backend: str) -> tuple[Device, ...]:
    """Accelerators, then CPUs: those of this host, times the hosts that measure together."""
    import jax

    hosts = find_hosts().count
    result: list[Device] = []
    with _little_memory():
        local: list[Any] = []
        for platform in PLATFORMS:
            devices, problem = _awaited(platform, LOOK_WAIT_S)
            local += devices
            if problem:
                result.append(
                    Device(
                        name=_name(KINDS.get(platform, platform), 0),
                        title=platform,
                        memory_bytes=0,
                        backends=(backend,),
                        problem=problem,
                    )
                )
        kinds: dict[str, list[Any]] = {}
        for entry in local:
            kinds.setdefault(kind_of(entry), []).append(entry)
        for kind, devices in kinds.items():
            first = _tried(jax, devices[0], Device(name=kind, title="", memory_bytes=0, backends=(backend,)))
            result += [
                dataclasses.replace(first, name=_name(kind, index), sharding=(backend,))
                for index in range(len(devices) * hosts)
            ]
    return tuple(result)


def prepare(case: Case) -> None:
    """Sets threads and platform, and meets the other hosts where the environment names some. Once a process has effect."""
    os.environ[THREADS] = str(case.threads or 1)
    import jax

    if case.device.partition(":")[0] == "cpu":
        jax.config.update("jax_platforms", "cpu")
    hosts = find_hosts()
    if hosts.count == 1 or jax.distributed.is_initialized():
        return
    text = {"coordinator_address": hosts.coordinator, "num_processes": hosts.count, "process_id": hosts.process}
    jax.distributed.initialize(**(text if hosts.coordinator else {}))


def devices_of(case: Case) -> list[Any]:
    """The devices of a case, the first one that it names; one that is busy is waited for. Raises DeviceError where it stays busy, or is
    not here now: neither is true for good. Raises UnsupportedError where a CPU was split into fewer, or hosts are left out."""
    import jax

    kind, _, index = case.device.partition(":")
    there, problem = _any_of([platform for platform in PLATFORMS if KINDS.get(platform, platform) == kind] or [kind])
    if problem:
        raise DeviceError(
            f"{case.device} is here and busy, for {WAIT_S:g} s by now: {problem}; end what has it, or run again when it is free"
        )
    first = int(index or 0)
    chosen = there[first : first + case.devices]
    if len(chosen) < max(1, case.devices):
        raise (UnsupportedError if kind == "cpu" else DeviceError)(
            f"{case.devices} devices from {case.device} on are not here, of {len(there)}; "
            f"use --devices {max(1, len(there) - first)}, or all"
            + ("; XLA_FLAGS=--xla_force_host_platform_device_count makes several of a CPU" if kind == "cpu" else "")
        )
    if jax.process_count() > 1 and len(chosen) < len(there):
        raise UnsupportedError(
            f"several hosts measure on all their devices together; use --devices {len(there)}, or all"
        )
    return chosen


def refuse(case: Case) -> None:
    """Raises UnsupportedError, with what to ask instead, for what JAX cannot do."""
    if case.dtype == "tf32" and not case.device.startswith("cuda"):
        raise UnsupportedError(f"tf32 is a mode of NVIDIA's tensor cores and not of {case.device}; use --dtype float32")
    if HELD_IN[case.dtype] == "float32" and case.param_dtype != "float32":
        raise UnsupportedError(
            f"{case.dtype} compute on {case.param_dtype} parameters is not offered; "
            f'use --dtype {case.param_dtype}, or param_dtype = "float32" in the suite'
        )
    if case.mode == "features":
        raise UnsupportedError("jax_jit has no mode features; use --mode inference or train, or --backend torch_eager")
    devices_of(case)
    if case.batch_size % case.devices:
        raise UnsupportedError(
            f"a batch of {case.batch_size} is not divisible by {case.devices} devices; "
            f"use --batch-size {case.devices * -(-case.batch_size // case.devices)}, or another number of --devices"
        )
    number = pool_threads()
    if case.device.startswith("cpu") and number is not None and number != (case.threads or 1):
        raise UnsupportedError(
            f"XLA's pool has {number} threads and not {case.threads}: it is made once a process, and has one for each of several "
            f"CPU devices at least; use --threads {number}"
        )


def kind_of(device: Any) -> str:
    """ "cpu", "cuda", "tpu"."""
    platform: str = device.platform
    return KINDS.get(platform, platform)


def name_of(device: Any, among: list[Any]) -> str:
    """A device's name as suites write it: its kind and its place among those of the kind; the first CPU is "cpu"."""
    return _name(kind_of(device), among.index(device))


def pool_threads() -> int | None:
    """Threads of XLA's CPU pool, counted; None where threads have no names to be found by, or JAX has made none yet."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        return None
    names: list[str] = []
    for path in tasks.iterdir():
        with contextlib.suppress(OSError):  # ended meanwhile
            names.append((path / "comm").read_text().strip())
    return names.count(POOL) or None


def _any_of(platforms: Sequence[str]) -> tuple[list[Any], str]:
    """`_awaited` of the first platform that is here, on all hosts."""
    results = (_awaited(platform, WAIT_S, everywhere=True) for platform in platforms)
    return next((result for result in results if any(result)), ([], ""))


def _awaited(platform: str, wait_s: float, *, everywhere: bool = False) -> tuple[list[Any], str]:
    """(Devices of a platform, why they cannot be had): a busy one is asked again for `wait_s` seconds. Neither where it is not here."""
    import jax

    start_s = time.monotonic()
    while True:
        try:
            return jax.devices(platform) if everywhere else jax.local_devices(backend=platform), ""
        except RuntimeError as error:
            problem = _busy(str(error))
        if not problem or time.monotonic() - start_s >= wait_s:
            return [], problem
        time.sleep(EVERY_S)
        _forget_platforms()


def _forget_platforms() -> None:
    """JAX remembers a platform that did not start."""
    from jax.extend import backend

    backend.clear_backends()


def _busy(text: str) -> str:
    """Why a platform that is here cannot be had now, out of what JAX says; empty where it is not here."""
    lines = [line.strip() for line in text.splitlines()]
    states = () if ABSENT.search(text) else (line for line in lines if STATES.search(line))
    return next((line for line in lines if BUSY.search(line)), "") or next(iter(states), "")


def _tried(jax: Any, device: Any, known: Device) -> Device:
    """What a device is, tried with a product: one that fails it is here and cannot be used now."""
    item = dataclasses.replace(known, title=_title(device))
    try:
        return dataclasses.replace(item, memory_bytes=_memory_bytes(device), gemm_flop_per_s=_gemm_rate(jax, device))
    except RuntimeError as error:
        return dataclasses.replace(item, problem=(str(error).splitlines() or [type(error).__name__])[0])


def _name(kind: str, index: int) -> str:
    return kind if kind == "cpu" and not index else f"{kind}:{index}"


def _title(device: Any) -> str:
    if device.platform != "cpu":
        return device.device_kind
    return cpuinfo.read().get("model name") or "CPU"


def _memory_bytes(device: Any) -> int:
    known = device.memory_stats() or {}
    return int(known.get("bytes_limit") or psutil.virtual_memory().total)


def _gemm_rate(jax: Any, device: Any) -> float:
    """FLOP/s of a float32 matrix product, the best of a fifth of a second; only for time estimates."""
    a = jax.device_put(jax.numpy.ones((GEMM_SIZE, GEMM_SIZE)), device)
    product = jax.jit(lambda x: x @ x)
    product(a).block_until_ready()
    best, start_s = 0.0, time.perf_counter()
    while time.perf_counter() - start_s < 0.2:
        before_s = time.perf_counter()
        product(a).block_until_ready()
        best = max(best, 2 * GEMM_SIZE**3 / (time.perf_counter() - before_s))
    return best


@contextlib.contextmanager
def _little_memory() -> Iterator[None]:
    """JAX takes no memory ahead, for as long as this lasts: a probe only looks, whatever the user has set for the worker."""
    before = os.environ.get(PREALLOCATE)
    os.environ[PREALLOCATE] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[PREALLOCATE]
        else:
            os.environ[PREALLOCATE] = before
