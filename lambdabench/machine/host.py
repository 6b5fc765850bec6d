"""What this host is: processor, the cores a process may use, memory, versions, settings."""

import hashlib
import math
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from ..core import cpuinfo
from . import cgroups, variables

KERNEL_FLAGS = ("amx_tile", "avx", "avx2", "avx512_bf16", "avx512_fp16", "avx512f", "avx512_vnni", "fma", "neon", "sve")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Of pools in a worker: its case holds their number."""


def cpu_facts(path: Path = cpuinfo.PLACE) -> tuple[str, str]:
    """(Processor name, its instruction sets that select kernels, sorted)."""
    return cpuinfo.name(path), " ".join(sorted(set(cpuinfo.instruction_sets(path).split()) & set(KERNEL_FLAGS)))


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """CPUs that the control group allows, or None where it sets no limit."""
    modern, old = root / "cpu.max", root / "cpu" / "cpu.cfs_quota_us"
    try:
        if modern.exists():
            quota, period = modern.read_text().split()
            return None if quota == "max" else int(quota) / int(period)
        if old.exists():
            quota_us = int(old.read_text())
            return None if quota_us < 0 else quota_us / int(old.with_name("cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return None


def usable_cores() -> int:
    """min(affinity, control-group quota, physical cores), at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or affinity
    quota = cgroup_quota()
    return max(1, min(affinity, physical, math.floor(quota) if quota else affinity))


def available_bytes() -> int:
    """Memory that can be had without swapping, within what control groups allow."""
    free_bytes, left_bytes = int(psutil.virtual_memory().available), cgroups.available_bytes()
    return free_bytes if left_bytes is None else min(free_bytes, left_bytes)


def allowed_bytes() -> int:
    """All memory that this process could have if nobody else used any: the machine's, within what control groups allow."""
    all_bytes, limit_bytes = int(psutil.virtual_memory().total), cgroups.limit_bytes()
    return all_bytes if limit_bytes is None else min(all_bytes, limit_bytes)


def memory_gib() -> int:
    """All memory, rounded: a kernel that reserves a little more is the same machine."""
    return round(psutil.virtual_memory().total / 2**30)


def package_version(name: str) -> str:
    """The installed version, or "" where the package is absent."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def package_versions(names: Sequence[str]) -> str:
    """The versions of those that are installed, space-separated."""
    return " ".join(filter(None, map(package_version, names)))


def settings(environment: Mapping[str, str] = os.environ) -> str:
    """Variables that are set and change numbers beside the case, `NAME=value`, sorted: known ones alone, their paths and addresses
    shortened, since rows are shared."""
    known = sorted(variables.NAMES & {*environment})
    return " ".join(filter(None, (variables.told(name, environment[name]) for name in known)))


def libc() -> str:
    """ "glibc 2.36", or "" where it cannot be told."""
    return " ".join(platform.libc_ver()).strip()


def source_hash(root: Path) -> str:
    """12 hex digits over the Python and data files below `root`, so that edited kernels do not resume with old numbers."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".csv", ".toml", ".h", ".cpp", ".cu"} and path.is_file():
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
