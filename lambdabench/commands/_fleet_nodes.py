"""The nodes of a fleet, and which of its runs were made on which of them."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .. import store
from ..analysis import table
from ..analysis.equal_nodes import KindFinding, Reading, judge_kinds
from ..analysis.node_tables import NODE, readings
from ..conduct.fleet import ShareState
from ..core import registry, scripted_nodes
from ..core.errors import RequestError
from ..core.fleet import Engine, Node, by_kind
from ..core.metric import metric
from ..core.spec import Suite
from ..launch.engines.local import LocalEngine
from ..machine import accelerators
from ..machine.host import cpu_facts
from ._equal_nodes import METRICS


def engine_of(on: str, wanted: Suite, nodes: Sequence[Node] = ()) -> Engine:
    """What starts shares there. `nodes`: those that a fleet began with, which are of this machine. Raises MissingExtraError,
    RequestError where the system does not answer."""
    if on == "local":
        return LocalEngine(nodes or local_nodes({cell.case.backend for cell in wanted.cells}))
    return registry.load("launch.engines", on).open_engine()


def local_nodes(backends: Collection[str]) -> tuple[Node, ...]:
    """The accelerators of this machine, those of one title are of one kind; its processor where there are none, or scripted nodes for
    scripted times."""
    if {*backends} == {"fake"}:
        return scripted_nodes.scripted_nodes(os.environ)
    seen = [item for item in accelerators.look() if item.kind == "cuda"]
    if not seen:
        return (Node(name="cpu", kind=cpu_facts()[0], devices=("cpu",)),)
    return tuple(
        Node(
            name=f"cuda:{place}",
            kind=item.title or "cuda",
            devices=("cuda", "cpu"),
            variables=((accelerators.VISIBLE, item.uuid or str(place)),),
        )
        for place, item in enumerate(seen)
    )


def chosen(nodes: Sequence[Node], kinds: Sequence[str], most: int | None, devices: Collection[str]) -> tuple[Node, ...]:
    """The nodes of the kinds asked for, at most so many of each, that have a device asked for. Raises RequestError that names what there
    is."""
    there = by_kind(nodes)
    listed = ", ".join(f"{len(group)} {kind}" for kind, group in there.items()) or "none"
    if not nodes:
        raise RequestError("there is no node to measure on; see that the system has some, and that they are up")
    if unknown := [kind for kind in kinds if kind not in there and kind != "auto"]:
        raise RequestError(f"--kinds: no node is of kind {', '.join(unknown)}; there are {listed}")
    asked = {device.partition(":")[0] for device in devices} - {"auto", "fake"}
    fits = [node for node in nodes if not asked or not node.devices or asked & {*node.devices}]
    if not fits:
        raise RequestError(f"no node has a device {' or '.join(sorted(asked))}; there are {listed}")
    groups = by_kind(fits)
    wanted = [*groups] if not kinds or "auto" in kinds else [kind for kind in groups if kind in kinds]
    if not wanted:
        raise RequestError(
            f"--kinds: no node of kind {', '.join(kinds)} has a device {' or '.join(sorted(asked))}; there are {listed}"
        )
    return tuple(node for kind in wanted for node in groups[kind][: most or len(groups[kind])])


def findings_of(home: Path, states: Sequence[ShareState]) -> tuple[str, list[KindFinding]]:
    """(The metric, what is found of each kind) from what is stored; no finding where nothing usable is."""
    places = {
        attempt.began.run_id: (state.share.kind, attempt.began.node)
        for state in states
        for attempt in state.attempts
        if attempt.began
    }
    rows = store.read(home, table.NEEDED, coded=True) if any(home.glob("**/*.parquet")) else store.read([])
    rows = rows[rows["run_id"].isin(list(places))]
    name = next((item for item in METRICS if ((rows["metric"] == item) & (rows["status"] == "ok")).any()), "")
    if not name:
        return "", []
    return name, judge_kinds(list(_readings(rows, places, name)))


def _readings(rows: pd.DataFrame, places: Mapping[str, tuple[str, str]], name: str) -> Iterator[Reading]:
    """Each node's own numbers, kind by kind."""
    kinds = np.array([places[str(run)][0] for run in rows["run_id"]], dtype=object)
    for kind in sorted({kind for kind, _ in places.values()}):
        mine = rows[kinds == kind].reset_index(drop=True)
        if mine.empty:
            continue
        mine = mine.assign(**{NODE: mine["run_id"].astype(str).map(lambda run: places[str(run)][1])})
        newest = [store.newest(same.reset_index(drop=True)) for _, same in mine.groupby(NODE, sort=True)]
        yield from readings(pd.concat(newest, ignore_index=True), kind, name)


def unit_of(name: str) -> str:
    """The unit of a metric."""
    return metric(name).unit
