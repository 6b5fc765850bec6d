"""Asks the worker what this machine has and what the suite's models are, and remembers the answer for the same versions."""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core import codec
from ..core.errors import ProbeError
from ..core.registry import ROOT
from ..core.spec import Machine, ModelFacts, Wish, facts_key
from ..kernels._cpu import compiler
from ..machine import host
from .errand import ask

LIMIT_S = 300.0
PACKAGE = Path(__file__).parents[1]
FILES = ("machine.json", "names.json", "catalogue.json")
DRIVER = Path("/proc/driver/nvidia/version")
VERSIONS = (
    *("torch", "torchvision", "timm", "triton", "jax", "jaxlib", "flax", "numpy"),
    *host.CUDA_RUNTIMES,
    *host.CUDNNS,
)
SETTINGS = ("CUDA_VISIBLE", "XLA_", "JAX_", "TPU_", "LAMBDABENCH_", "SLURM_STEP_NUM_TASKS")
"""Prefixes of variables that change what the probe finds, beside the settings that it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A probe's answer. `facts` holds a model's native size under its name, other sizes under `name@px`."""

    machine: Machine
    names: tuple[str, ...]
    facts: Mapping[str, ModelFacts]


def probe(wishes: Sequence[Wish], *, cache: Path | None = None) -> Found:
    """What the worker finds, remembered by library versions and source. Raises ProbeError with the worker's last words."""
    wishes = tuple(sorted(set(wishes), key=str))
    home = (cache or _cache_home()) / _key(wishes)
    if not all((home / name).exists() for name in FILES):
        with tempfile.TemporaryDirectory(prefix="lambdabench-probe-") as name:
            _ask(Path(name), wishes)
            home.mkdir(parents=True, exist_ok=True)
            for file in FILES:
                aside = home / f".{file}.{os.getpid()}"
                shutil.copy(Path(name) / file, aside)
                aside.replace(home / file)
    catalogue = codec.read(tuple[ModelFacts, ...], home / "catalogue.json")
    facts = {label: one for one, wish in zip(catalogue, wishes, strict=True) for label in _labels(one, wish)}
    return Found(
        machine=codec.read(Machine, home / "machine.json"),
        names=codec.read(tuple[str, ...], home / "names.json"),
        facts=facts,
    )


def _labels(facts: ModelFacts, wish: Wish) -> list[str]:
    """With its options, and by its name alone, where the last wish is as good as any."""
    px = None if wish.image_px in (None, facts.native_px) else wish.image_px
    return [facts_key(facts.name, px, options) for options in dict.fromkeys((wish.options, ()))]


def _ask(folder: Path, wishes: tuple[Wish, ...]) -> None:
    codec.write(folder / "wishes.json", wishes)
    failed = ask("probe", folder, limit_s=LIMIT_S)
    if not failed and not all((folder / name).exists() for name in FILES):
        failed = "ended before it had written its answer"
    if failed:
        raise ProbeError(f"the probe of this machine {failed}; run lambdabench doctor")


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ROOT / "probe"


def _key(wishes: tuple[Wish, ...]) -> str:
    """Versions, source, compiler, settings, interpreter, processor and cores: whatever else changes a machine, its name or its facts."""
    digest = hashlib.sha256()
    for name in VERSIONS:
        digest.update(f"{name}={host.package_version(name)};".encode())
    digest.update(host.source_hash(PACKAGE).encode())
    for wish in wishes:
        own = Path(wish.model.partition(":")[0])
        digest.update(str(wish).encode() + (own.read_bytes() if own.is_file() else b""))
    digest.update(DRIVER.read_bytes() if DRIVER.exists() else b"no driver")
    affinity = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    settings = sorted((key, value) for key, value in os.environ.items() if key.startswith(SETTINGS))
    digest.update(
        f"{sys.executable}{sys.version}{affinity}{settings}{host.settings()}{compiler()}{host.cpu_facts()}".encode()
    )
    return digest.hexdigest()[:16]
