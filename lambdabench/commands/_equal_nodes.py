"""Rows of a fleet's nodes as commands take them: nodes of a kind that are equal are one machine, others are named and in no number."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import store
from ..analysis import node_tables
from ..analysis.equal_nodes import KindFinding, finding_lines, judge_kind, nodes_phrase
from ..analysis.node_tables import NODE
from ..analysis.table import OF_ENVIRONMENT
from ..conduct import fleet as looking_after
from ..conduct.fleet_folder import DESCRIPTION, PREFIX
from ..core import caches
from ..core.fleet import Fleet

METRICS = ("latency", "throughput")
"""By the first of them that was measured nodes are compared."""
DEVICES = f"{OF_ENVIRONMENT}gpus"
OWN = frozenset({DEVICES, f"{OF_ENVIRONMENT}memory_gib"})
"""Of an environment what equal nodes may differ in: the identity of a device, and a rounded size."""
BY_ITSELF = "a run by itself"
"""What stands for the node of a run that no fleet made, where its machine is of a fleet's kind."""
OPEN = "noisy"
"""The status of what was measured on nodes alone that are not pooled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Newest rows that count. `rows` have `NODE` where fleets measured some, and those of equal nodes one fingerprint; what no equal node
    has measured is in them without a number, with the reason. `findings`: of each machine that several nodes stand for."""

    rows: pd.DataFrame
    findings: tuple[KindFinding, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """What must be said of nodes beside numbers."""
        return tuple(line for finding in self.findings for line in lines_of(finding))


def lines_of(finding: KindFinding) -> list[str]:
    """ "On an L4 times are those of an average node, over 3 nodes, which differ by 1.2 % (standard deviation) ...", and who differs."""
    lines = [f"Nodes of {finding.kind}: {line}." for line in finding_lines(finding)]
    if finding.problem:
        return lines
    holds = ", and intervals hold that" if finding.spread is not None else ""
    return [f"On {finding.kind} times are those of an average node, {nodes_phrase(finding)}{holds}.", *lines]


def nodes_in(results: Path) -> dict[str, str]:
    """The node of each run that a fleet made, of the fleets in a folder, or of the one that a folder or file is in."""
    top = results if results.is_dir() else results.parent
    homes = {path.parent for path in top.glob(f"**/{PREFIX}*/{DESCRIPTION}")}
    homes |= {parent for parent in (top, *top.parents[:2]) if (parent / DESCRIPTION).is_file()}
    nodes: dict[str, str] = {}
    for home in sorted(homes):
        if (fleet := caches.read(Fleet, home / DESCRIPTION)) is None:
            continue
        for state in looking_after.states_of(home, fleet):
            nodes |= {attempt.began.run_id: attempt.began.node for attempt in state.attempts if attempt.began}
    return nodes


def measured(rows: pd.DataFrame, node_of: Mapping[str, str]) -> Measured:
    """The newest of some rows, by node where several nodes of one kind have measured: the same machine, on which the same code ran with the
    same libraries. `node_of`: by run. A node that differs from the others of its kind is left out."""
    if not node_of or rows.empty:
        return Measured(rows=store.newest(rows))
    rows = rows.assign(**{NODE: rows["run_id"].astype(str).map(lambda run: node_of.get(str(run), "")).astype("str")})
    kinds = _kinds(rows)
    apart = [kind for kind in kinds if len(set(rows.loc[kind, NODE]) - {""}) > 1]
    if not apart:
        return Measured(rows=store.newest(rows.drop(columns=NODE)))
    joined = [_of_kind(rows.loc[kind]) for kind in apart]
    others = rows.drop(pd.Index([label for kind in apart for label in kind])).assign(**{NODE: ""})
    parts = [*(part for part, _ in joined), *([store.newest(others)] if len(others) else [])]
    return Measured(rows=pd.concat(parts, ignore_index=True), findings=tuple(each for _, each in joined if each))


def _kinds(rows: pd.DataFrame) -> list[pd.Index]:
    """The labels of the rows of each machine, whichever of its kind it is."""
    keys = ["device_name", *(str(name) for name in rows if str(name).startswith(OF_ENVIRONMENT) and name not in OWN)]
    machine = rows.groupby(["fingerprint", "device_name"], observed=True).ngroup()
    first = rows[keys].assign(machine=machine).drop_duplicates("machine").set_index("machine").astype("str")
    kind = machine.map(first.groupby(keys, sort=True, dropna=False).ngroup())
    return [same.index for _, same in kind.groupby(kind)]


def _of_kind(rows: pd.DataFrame) -> tuple[pd.DataFrame, KindFinding | None]:
    """(The newest rows of equal nodes of a kind under one fingerprint, what was found); nothing where none has a number."""
    rows = rows.assign(**{NODE: _named(rows)})
    parts = [store.newest(same.reset_index(drop=True)) for _, same in rows.groupby(NODE, sort=True)]
    newest = pd.concat(parts, ignore_index=True)
    newest = newest.assign(fingerprint=min(map(str, newest["fingerprint"].unique())))
    kind = str(newest["device_name"].iloc[0])
    for name in METRICS:
        if readings := list(node_tables.readings(newest, kind, name)):
            finding = judge_kind(readings)
            return _without(newest, finding), finding
    return newest, None


def _named(rows: pd.DataFrame) -> pd.Series:
    """The node of each row; of a run that no fleet made that of its device, where the environment tells devices apart."""
    known = rows[rows[NODE] != ""].drop_duplicates(["fingerprint", NODE])
    nodes: dict[str, list[str]] = {}
    for print_, node in zip(known["fingerprint"], known[NODE], strict=True):
        nodes.setdefault(str(print_), []).append(str(node))
    own = [
        nodes[str(print_)][0]
        if isinstance(device, str) and device and len(nodes.get(str(print_), ())) == 1
        else BY_ITSELF
        for print_, device in zip(rows["fingerprint"], rows[DEVICES], strict=True)
    ]
    return rows[NODE].where(rows[NODE] != "", pd.Series(own, rows.index, dtype="str"))


def _without(rows: pd.DataFrame, finding: KindFinding) -> pd.DataFrame:
    """The rows of equal nodes; of the others those alone that tell of what no equal node has measured, and these without their numbers."""
    differ = {node.node: node.ratio for node in finding.nodes if node.finding == "differs"}
    first = rows.drop_duplicates("case_id")
    label = dict(zip(first["case_id"], node_tables.labels(first), strict=True))
    is_open = rows["case_id"].map(label).isin(finding.left_out).to_numpy()
    is_other = rows[NODE].isin(list(differ)).to_numpy()
    lost = is_open & (is_other | bool(finding.problem)) & (rows["status"] == "ok").to_numpy()
    reasons = rows[NODE].map(lambda node: _reason(str(node), finding))
    marked = rows.assign(
        status=rows["status"].astype("str").mask(lost, OPEN), reason=rows["reason"].astype("str").mask(lost, reasons)
    )
    return marked[~is_other | is_open].reset_index(drop=True)


def _reason(node: str, finding: KindFinding) -> str:
    if finding.problem:
        return finding.problem
    ratio = next((item.ratio for item in finding.nodes if item.node == node), None)
    by = "" if ratio is None else f", {ratio:.2f} of its value"
    return f"measured on {node} alone, which differs from the middle node of its kind{by}; measure it on another node"
