"""What the parent must know and cannot import: devices, versions, model names, sizes and counts."""

import dataclasses
from pathlib import Path

from .. import models
from ..core import codec, foreign, registry, sources
from ..core.errors import MissingExtraError
from ..core.hosts import find_hosts
from ..core.spec import Device, Environment, Machine, ModelFacts, Wish
from . import environment


def probe(folder: Path) -> None:
    """Reads wishes.json; writes machine.json, names.json and catalogue.json."""
    wishes = codec.read(tuple[Wish, ...], folder / "wishes.json")
    codec.write(folder / "machine.json", find_machine())
    codec.write(folder / "names.json", models.names())
    codec.write(folder / "catalogue.json", tuple(_described(wish, wishes) for wish in wishes))


def describe(folder: Path) -> None:
    """Reads wishes.json; writes 0.json, 1.json, ..., the facts of each. A file called started is there once their own code is called."""
    wishes = codec.read(tuple[Wish, ...], folder / "wishes.json")
    models.warm()
    (folder / "started").touch()
    for index, wish in enumerate(wishes):
        codec.write(folder / f"{index}.json", _described(wish, wishes))


def _described(wish: Wish, wishes: tuple[Wish, ...]) -> ModelFacts:
    """A model's facts; of a user's own with the files that it was made of."""
    facts = models.describe(wish)
    beside = {wish.model for wish in wishes} - {wish.model}
    seen = tuple(sources.imported(wish.model, beside).items())
    return dataclasses.replace(facts, problem=foreign.bounded(facts.problem), sources=seen)


def find_machine() -> Machine:
    """Devices of every backend that can run here, the best first, and the environment."""
    seen = environment.here()  # before frameworks are loaded, which set variables
    result: dict[str, Device] = {}
    busy: list[Device] = []
    missing: list[tuple[str, str]] = []
    for name in registry.names("backends"):
        try:
            devices: tuple[Device, ...] = registry.load("backends", name).find_devices()
        except MissingExtraError as error:
            missing.append((name, str(error)))
            continue
        busy += [item for item in devices if item.problem]
        for device in (item for item in devices if not item.problem):
            result[device.name] = _joined(result.get(device.name, device), device)
    alike = find_hosts().count > 1  # several hosts must plan alike, and each would measure another rate
    known = (dataclasses.replace(item, gemm_flop_per_s=None) if alike else item for item in result.values())
    devices = tuple(sorted(known, key=_rank))
    return Machine(
        devices=devices, environment=environment.settled(seen, devices), missing=tuple(missing), busy=tuple(busy)
    )


def _joined(known: Device, other: Device) -> Device:
    """One device as two backends see it: with the larger memory (JAX names the share that it may take) and the faster rate."""
    return dataclasses.replace(
        known,
        memory_bytes=max(known.memory_bytes, other.memory_bytes),
        backends=tuple(dict.fromkeys((*known.backends, *other.backends))),
        gemm_flop_per_s=max(known.gemm_flop_per_s or 0.0, other.gemm_flop_per_s or 0.0) or None,
        sharding=tuple(dict.fromkeys((*known.sharding, *other.sharding))),
    )


def find_environment(devices: tuple[Device, ...]) -> Environment:
    """Hardware and versions that a number depends on, of a machine on which frameworks find these devices."""
    return environment.settled(environment.here(), devices)


def _rank(device: Device) -> tuple[int, int]:
    order = ("tpu", "cuda", "rocm", "xpu", "mps", "cpu", "fake")
    return order.index(device.kind) if device.kind in order else len(order), int(device.name.partition(":")[2] or 0)
