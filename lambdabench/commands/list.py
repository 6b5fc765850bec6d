"""What there is: suites, models, backends, metrics, runs, statuses and all else of `registry.LISTS`."""

import re
from pathlib import Path
from typing import Any

from .. import launch, models, store, suite
from ..core import registry, row_flags, statuses


def list_names(kind: str, results: Path) -> list[dict[str, Any]]:
    """What there is of a kind of `registry.LISTS`, a mapping each. Raises UnknownNameError for another kind."""
    if kind == "suites":
        return [
            {"suite": name, "title": suite.load(name).title, "cases": len(suite.load(name).cells)}
            for name in suite.names()
        ]
    if kind == "models":
        ours = models.ours()
        return [{"model": name, "family": ours.get(name, "timm")} for name in launch.probe(()).names]
    if kind == "runs":
        return [{str(key): item for key, item in row.items()} for row in store.runs(results).to_dict("records")]
    if kind == "devices":
        machine = launch.probe(()).machine
        here = [
            {
                "device": device.name,
                "name": device.title,
                "GiB": round(device.memory_bytes / 2**30),
                "backends": ", ".join(device.backends),
            }
            for device in machine.devices
        ]
        return here + [{"device": "–", "name": why, "GiB": 0, "backends": name} for name, why in machine.missing]
    if kind in ("layers", "backends", "metrics", "plots"):
        return [{kind[:-1]: name, "what": _purpose(kind, name)} for name in registry.names(kind)]
    if kind in ("statuses", "flags"):
        return [*(statuses.listed() if kind == "statuses" else row_flags.listed())]
    raise registry.unknown("kind of thing", kind, registry.LISTS)


def _purpose(kind: str, name: str) -> str:
    """The first sentence of what a module says of itself."""
    text = " ".join((registry.load(kind, name).__doc__ or "").split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]
