"""Asks the worker what this machine has and what the suite's models are, and remembers the answer for the same versions."""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core import caches, codec, sources
from ..core.errors import ProbeError, SuiteError
from ..core.fleet import NODE
from ..core.scripted_nodes import NODES, SLOWNESS
from ..core.spec import Machine, ModelFacts, Wish, facts_key
from ..kernels._cpu import compiler
from ..machine import accelerators, host, libraries
from ..machine.accelerators import Accelerator
from ..models.classification.spec import is_users
from . import unlisted_devices, user_networks
from .one_shot_worker import ask

LIMIT_S = 300.0
PACKAGE = Path(__file__).parents[1]
FILES = ("machine.json", "names.json", "catalogue.json")
DRIVER = Path("/proc/driver/nvidia/version")
SETTINGS = (
    *("CUDA_VISIBLE", "CUDA_DEVICE_ORDER", "HIP_VISIBLE", "ROCR_VISIBLE", "ZE_AFFINITY", "NVIDIA_VISIBLE"),
    *("XLA_", "JAX_", "TPU_", "LAMBDABENCH_", "SLURM_STEP_NUM_TASKS"),
)
"""Prefixes of variables that change what the probe finds, beside the settings that it tells."""
SAME = (NODE, NODES, SLOWNESS)
"""Of these the ones that do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A probe's answer. `facts` holds a model's native size under its name, other sizes under `name@px`."""

    machine: Machine
    names: tuple[str, ...]
    facts: Mapping[str, ModelFacts]


def probe(
    wishes: Sequence[Wish],
    *,
    cache: Path | None = None,
    limit_s: float = LIMIT_S,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Found:
    """What the worker finds, remembered by library versions, source and the accelerators that are here: these are looked at for every
    run, and no answer without one of them is remembered. Raises ProbeError with the worker's last words.

    Users' own networks are described by a process of their own, for at most `limit_s` seconds; `on_wait` hears of that.
    """
    every, seen = tuple(sorted(set(wishes), key=str)), accelerators.look()
    home = cache or caches.folder() / "probe"
    theirs = tuple(wish for wish in every if is_users(wish.model))
    machine = _machine(tuple(wish for wish in every if wish not in theirs), home, seen)
    own = user_networks.describe(theirs, home / _key(theirs, seen), limit_s=limit_s, on_wait=on_wait)
    return replace(machine, facts={**machine.facts, **_labelled(own, theirs)})


def _machine(wishes: tuple[Wish, ...], cache: Path, seen: tuple[Accelerator, ...]) -> Found:
    """The machine, and networks by name."""
    home = cache / _key(wishes, seen)
    known = _read(home, wishes)
    if known is None:
        with tempfile.TemporaryDirectory(prefix="lambdabench-probe-") as name:
            _ask(Path(name), wishes)
            known = _read(Path(name), wishes)
            if known is None:
                raise ProbeError("the probe of this machine wrote what cannot be read; run lambdabench doctor")
            if unlisted_devices.is_lasting(known.machine, seen):
                _keep(Path(name), home)
    busy = (*unlisted_devices.with_holders(known.machine, seen), *unlisted_devices.unlisted(known.machine, seen))
    return replace(known, machine=replace(known.machine, busy=busy))


def _read(folder: Path, wishes: tuple[Wish, ...]) -> Found | None:
    """The answer in a folder; None where it has none, or it is damaged."""
    machine = caches.read(Machine, folder / "machine.json")
    names = caches.read(tuple[str, ...], folder / "names.json")
    catalogue = caches.read(tuple[ModelFacts, ...], folder / "catalogue.json")
    if machine is None or names is None or catalogue is None or len(catalogue) != len(wishes):
        return None
    return Found(machine=machine, names=names, facts=_labelled(catalogue, wishes))


def _keep(path: Path, home: Path) -> None:
    """Copies an answer to where the next run looks for it; one that cannot be kept is asked for again."""
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            aside = home / f".{file}.{os.getpid()}"
            try:
                shutil.copy(path / file, aside)
                aside.replace(home / file)
            finally:
                aside.unlink(missing_ok=True)


def _labelled(catalogue: Sequence[ModelFacts], wishes: Sequence[Wish]) -> dict[str, ModelFacts]:
    return {
        label: model_facts
        for model_facts, wish in zip(catalogue, wishes, strict=True)
        for label in _labels(model_facts, wish)
    }


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


def _source(model: str) -> str:
    """The hash of a user's own network and of the file that it is in; empty for a name, and for what is none of his."""
    try:
        return sources.source_hash(model)
    except SuiteError:
        return ""


def _key(wishes: tuple[Wish, ...], seen: tuple[Accelerator, ...] = ()) -> str:
    """Versions, source, compiler, settings, interpreter, processor, cores and accelerators: whatever else changes a machine, its name
    or its facts."""
    digest = hashlib.sha256()
    digest.update(str(libraries.versions()).encode())
    digest.update(host.source_hash(PACKAGE).encode())
    for wish in wishes:
        digest.update(f"{wish}{_source(wish.model)}".encode())
    digest.update(accelerators.told(seen).encode())
    digest.update(DRIVER.read_bytes() if DRIVER.exists() else b"no driver")
    affinity = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    settings = sorted((key, value) for key, value in os.environ.items() if key.startswith(SETTINGS) and key not in SAME)
    digest.update(
        f"{sys.executable}{sys.version}{affinity}{settings}{host.settings()}{compiler()}{host.cpu_facts()}".encode()
    )
    return digest.hexdigest()[:16]
