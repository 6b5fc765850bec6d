"""The table of answers over equal nodes: what was measured on several nodes of one kind is told of the kind, and what is one node's own is
in no number of it (`equal_nodes`)."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import fields
from ..core.identity import canonical
from ..core.metric import NORMALIZED
from ..facts import DEFAULT_WEIGHTS
from . import table
from .answers import COVERS, INTERVAL, LOG_SD
from .equal_nodes import Pooled, Reading, pool

NODE = "node"
"""The column of rows that says on which node of a kind they were measured; empty where nobody says it."""
NODES, MEASURED_ON = "nodes", "nodes_measured_on"
"""Columns of the table: the equal nodes that a line is of, and how many of them measured it. Missing or null where it is of one machine."""
LABEL = tuple(field.name for field in fields.OF_CASE if field.name != "device")


def labels(cases: pd.DataFrame) -> list[str]:
    """What a case is as canonical JSON, without its device, which has another number on each node."""
    rows: Any = cases[list(LABEL)].astype(object).to_dict("records")
    return [canonical(row) for row in rows]


def over_nodes(cases: pd.DataFrame) -> str:
    """ "over 3 nodes" of some lines; of those of several kinds "over 2 or 3 nodes"; empty where they are of one machine each."""
    counts = sorted({int(count) for count in cases[NODES].dropna()}) if NODES in cases else []
    return f"over {' or '.join(map(str, counts))} nodes" if counts else ""


def readings(rows: pd.DataFrame, kind: str, name: str) -> Iterator[Reading]:
    """Each node's own numbers of a metric, of newest rows of one kind with `NODE`: rows of two nodes are never one case."""
    nodes = sorted({str(node) for node in rows[NODE].unique()})
    codes = {node: str(number) for number, node in enumerate(nodes)}
    cases = table.wide(rows.assign(fingerprint=rows[NODE].astype(str).map(codes)).reset_index(drop=True))
    yield from _readings(cases, nodes, kind, name)


def _readings(cases: pd.DataFrame, nodes: Sequence[str], kind: str, name: str) -> Iterator[Reading]:
    """Of a table whose fingerprints are places among `nodes`."""
    if name not in cases:
        return
    usable = cases[(cases["status"] == "ok") & cases[name].notna()]
    ends = (usable.get(f"{name}{end}", pd.Series(np.nan, usable.index)) for end in INTERVAL)
    columns = (usable["fingerprint"], labels(usable), usable[name], *ends)
    for code, label, value, low, high in zip(*columns, strict=True):
        bounds = (None, None) if pd.isna(low) or pd.isna(high) else (float(low), float(high))
        yield Reading(kind=kind, node=nodes[int(code)], case=label, value=float(value), low=bounds[0], high=bounds[1])


def wide(newest: pd.DataFrame, weights: Sequence[str] = DEFAULT_WEIGHTS) -> pd.DataFrame:
    """`table.wide` of newest rows. Where they have `NODE`, timed metrics of what several nodes measured are an average node's, with the
    spread between nodes in their intervals, and the table has `NODES` and `MEASURED_ON`; rows of one kind have one fingerprint then, and
    its nodes were found equal."""
    cases = table.wide(newest, weights)
    if NODE not in newest or cases.empty:
        return cases
    is_timed = newest["metric"].isin(list(table.timed())) & (newest["status"] == "ok").to_numpy()
    usable = newest[is_timed & (newest[NODE].astype(str) != "")]
    for (fingerprint, device), rows in usable.groupby(["fingerprint", "device_name"], observed=True):
        mine = (cases["fingerprint"] == fingerprint) & (cases["device_name"] == device)
        if rows[NODE].nunique() > 1:
            cases = _joined(cases, mine.to_numpy(), rows)
    return cases


def _joined(cases: pd.DataFrame, mine: np.ndarray[Any, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """The table with its lines `mine` as an average node has them, of rows of theirs that have a time."""
    nodes = sorted({str(node) for node in rows[NODE].unique()})
    codes = {node: str(number) for number, node in enumerate(nodes)}
    by_node = table.wide(rows.assign(fingerprint=rows[NODE].astype(str).map(codes)).reset_index(drop=True))
    cases, lines, names = cases.copy(), np.flatnonzero(mine).tolist(), labels(cases[mine])
    counts = by_node.assign(label=labels(by_node)).groupby("label")["fingerprint"].nunique()
    _put(cases, NODES, lines, [len(nodes)] * len(lines))
    _put(cases, MEASURED_ON, lines, [int(counts.get(name, 0)) for name in names])
    for metric in sorted(table.timed()):
        if metric in cases and (known := list(_readings(by_node, nodes, "", metric))):
            _tell(cases, metric, dict(zip(lines, names, strict=True)), pool(known))
    for name in (f"latency{end}" for end in ("", *INTERVAL)):
        if f"{NORMALIZED}{name}" in cases:  # of a batch that was halved
            steps = cases["requested_batch_size"].astype(float) / cases["batch_size"].astype(float)
            cases.loc[mine, f"{NORMALIZED}{name}"] = (steps * cases[name])[mine]
    return cases


def _tell(cases: pd.DataFrame, metric: str, names: dict[Any, str], pooled: Pooled) -> None:
    """Puts what is known of a metric over all nodes in the place of what rows of all of them, taken as one machine's, would say."""
    usable = [line for line in names if cases["status"].iloc[line] == "ok" and names[line] in pooled.estimates]
    estimates = [pooled.estimates[names[line]][0] for line in usable]
    has_width = [item.low < item.high for item in estimates]
    _put(cases, metric, usable, [item.value for item in estimates])
    for end, name in zip(INTERVAL, ("low", "high"), strict=True):
        bounds = [getattr(item, name) if is_wide else None for item, is_wide in zip(estimates, has_width, strict=True)]
        _put(cases, f"{metric}{end}", usable, bounds)
    _put(cases, f"{metric}{LOG_SD}", usable, [pooled.log_sds[names[line]] or None for line in usable])
    _put(cases, f"{metric}{COVERS}", usable, [item.covers for item in estimates])


def _put(cases: pd.DataFrame, column: str, places: Sequence[Any], values: Sequence[Any]) -> None:
    """Writes values of some lines of a column, which is made where there is none."""
    if not places:
        return
    is_text = isinstance(values[0], str)
    there = cases[column] if column in cases else pd.Series([None if is_text else np.nan] * len(cases), cases.index)
    cells = there.astype(object if is_text else float).to_numpy(copy=True)
    cells[list(places)] = [np.nan if value is None else value for value in values]
    cases[column] = pd.Series(cells, cases.index, dtype="str" if is_text else float)
