"""Shares on a Ray cluster: each in an actor that has the node's one exclusive resource, `measure`, and hands over what its share writes.

Nodes are started with that resource: `ray start --address ... --resources '{"measure": 1}'`. Their kind is Ray's accelerator type, else a
resource called kind_NAME, else the processor's name. Node and command share no file system.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import MissingExtraError, RequestError
from ...core.fleet import NODE, Look, Node, Submitted, Task
from ...core.registry import ROOT
from ...core.worker_protocol import PARENT_PIPE
from ...machine.host import cpu_facts
from . import bring, exit_words, folder_files, free_node, full_disk, work_command

ray: Any
try:
    import ray
except ImportError:
    ray = None

MEASURE = "measure"
ACCELERATOR, KIND = "accelerator_type:", "kind_"
ANSWER_S = 5.0
"""Within which an actor answers that runs; one that does not has no node yet."""


class ShareRunner:
    """On the node: a share's process, in a folder of its own. It ends with this one."""

    def __init__(self, files: Mapping[str, bytes], attempt: int, node: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"{ROOT}-share-"))
        bring(self._folder, files)
        self._sent = dict(files)
        with (self._folder / "attempts" / f"{attempt}.log").open("ab") as log:
            self._child = subprocess.Popen(
                work_command(str(self._folder), attempt), stdin=subprocess.PIPE, stdout=log, stderr=log,
                env={**os.environ, NODE: node, PARENT_PIPE: "1"},
            )  # fmt: skip

    def poll(self) -> tuple[int | None, dict[str, bytes], str]:
        """(Its exit code, None while it runs; files that are new or changed since the last time; what ails its disk)."""
        code = self._child.poll()
        now = folder_files(self._folder)
        changed = {name: content for name, content in now.items() if self._sent.get(name) != content}
        self._sent |= changed
        return code, changed, full_disk(self._folder)

    def end(self) -> None:
        """Ends it after the visit in flight."""
        self._child.terminate()

    def clear(self) -> None:
        """Takes its folder away."""
        shutil.rmtree(self._folder, ignore_errors=True)


class RayEngine:
    """A cluster that this process has joined. Actors are detached: they go on without it, and are known again by their names."""

    def __init__(self) -> None:
        self._busy: dict[str, str] = {}

    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(name=_name(item), kind=kind, devices=_devices(item)) for item, kind in _alive_kinds())

    def start(self, task: Task, folder: Path, avoid: Collection[str]) -> Submitted | None:
        alive = {_name(item): item for item in _alive()}
        nodes = [Node(name=_name(item), kind=kind) for item, kind in _alive_kinds()]
        node = free_node(nodes, task.share.kind, self._busy, avoid)
        if node is None:
            return None
        ticket = f"{folder.parent.name}/{task.share.name}/{task.attempt}"
        made = ray.remote(ShareRunner).options(name=ticket, lifetime="detached", **_place(alive[node.name]))
        made.remote(folder_files(folder), task.attempt, node.name)
        self._busy[node.name] = ticket
        return Submitted(ticket=ticket, node=node.name)

    def look(self, submitted: Submitted, folder: Path) -> Look:
        self._busy.setdefault(submitted.node, submitted.ticket)
        try:
            actor = ray.get_actor(submitted.ticket)
            code, files, ailing = ray.get(actor.poll.remote(), timeout=ANSWER_S)
        except ray.exceptions.GetTimeoutError:
            return Look(phase="waiting", node=submitted.node, reason="its node does not answer yet")
        except (ray.exceptions.RayError, ValueError) as error:
            self._free(submitted)
            return Look(phase="gone", node=submitted.node, reason=_reason(error))
        bring(folder, files)
        if code is None:
            return Look(phase="running", node=submitted.node)
        with contextlib.suppress(ray.exceptions.RayError):
            ray.get(actor.clear.remote(), timeout=ANSWER_S)
        ray.kill(actor)
        self._free(submitted)
        return Look(phase="gone", node=submitted.node, reason=exit_words(code, ailing))

    def cancel(self, submitted: Submitted, folder: Path) -> None:
        with contextlib.suppress(ray.exceptions.RayError, ValueError):
            ray.get(ray.get_actor(submitted.ticket).end.remote(), timeout=ANSWER_S)

    def close(self) -> None:
        ray.shutdown()

    def _free(self, submitted: Submitted) -> None:
        if self._busy.get(submitted.node) == submitted.ticket:
            del self._busy[submitted.node]


def open_engine() -> RayEngine:
    """Joins the cluster that RAY_ADDRESS names, or that runs here. Raises MissingExtraError, RequestError."""
    if ray is None:
        raise MissingExtraError(f"Ray is not installed; pip install '{ROOT}[ray]'")
    if not ray.is_initialized():
        try:
            address = os.environ.get("RAY_ADDRESS", "auto")
            ray.init(address=address, namespace=ROOT, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise RequestError(
                f"no Ray cluster answers ({first}); start it with ray start --head --resources '{{\"{MEASURE}\": 1}}', or set RAY_ADDRESS"
            ) from error
    return RayEngine()


def _alive() -> list[dict[str, Any]]:
    """The nodes that are up and have the resource. Raises RequestError where none has."""
    alive = [item for item in ray.nodes() if item["Alive"]]
    fit = [item for item in alive if item["Resources"].get(MEASURE)]
    if not fit:
        raise RequestError(
            f"none of Ray's {len(alive)} nodes has the resource {MEASURE}, by which one share at a time runs on a node; "
            f"start them with ray start --resources '{{\"{MEASURE}\": 1}}'"
        )
    return fit


def _alive_kinds() -> list[tuple[dict[str, Any], str]]:
    alive = _alive()
    kinds = [_told_kind(item["Resources"]) for item in alive]
    titles = _titles([item for item, kind in zip(alive, kinds, strict=True) if not kind])
    return [(item, kind or titles.get(item["NodeID"], "cpu")) for item, kind in zip(alive, kinds, strict=True)]


def _told_kind(resources: Mapping[str, float]) -> str:
    for prefix in (ACCELERATOR, KIND):
        names = sorted(name.removeprefix(prefix) for name in resources if name.startswith(prefix))
        if names:
            return names[0]
    return ""


_known_titles: dict[str, str] = {}


def _titles(nodes: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The processors' names by node, each asked once."""
    new = [item for item in nodes if item["NodeID"] not in _known_titles]
    asked = [ray.remote(cpu_facts).options(num_cpus=0, **_affinity(item)).remote() for item in new]
    for item, answer in zip(new, asked, strict=True):
        with contextlib.suppress(ray.exceptions.RayError):
            _known_titles[item["NodeID"]] = ray.get(answer, timeout=60)[0]
    return _known_titles


def _name(item: Mapping[str, Any]) -> str:
    return f"{item['NodeName']}-{item['NodeID'][:8]}"


def _devices(item: Mapping[str, Any]) -> tuple[str, ...]:
    has = item["Resources"]
    return (*(["cuda"] if has.get("GPU") else []), *(["tpu"] if has.get("TPU") else []), "cpu")


def _place(item: Mapping[str, Any]) -> dict[str, Any]:
    """Alone on that node, with one of its GPUs or all of its TPU cores: Ray hides from a process what it did not ask for."""
    has = item["Resources"]
    tpu = {"TPU": has["TPU"]} if has.get("TPU") else {}
    return {"num_cpus": 0, "num_gpus": 1 if has.get("GPU") else 0, "resources": {MEASURE: 1, **tpu}, **_affinity(item)}


def _affinity(item: Mapping[str, Any]) -> dict[str, Any]:
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id=item["NodeID"], soft=False)
    return {"scheduling_strategy": strategy}


def _reason(error: Exception) -> str:
    if isinstance(error, ValueError):
        return "Ray no longer knows it"
    return "its node or process died" if isinstance(error, ray.exceptions.RayActorError) else str(error).splitlines()[0]
