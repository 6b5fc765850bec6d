"""Nodes of scripted times, as `LAMBDABENCH_FAKE_NODES` names them: "a,a,b,b:1.5" are two of kind a and two of kind b, the last of which
takes 1.5 times as long as it should."""

from collections.abc import Mapping

from .errors import RequestError
from .fleet import Node

NODES, KIND, SLOWNESS = "LAMBDABENCH_FAKE_NODES", "LAMBDABENCH_FAKE_KIND", "LAMBDABENCH_FAKE_SLOWNESS"
DEFAULT = "fake"
"""The kind of which no row says anything, as without a fleet."""


def scripted_nodes(environment: Mapping[str, str]) -> tuple[Node, ...]:
    """One node where nothing names any. Raises RequestError."""
    nodes: list[Node] = []
    for place, word in enumerate(environment.get(NODES, DEFAULT).split(",")):
        kind, _, slowness = (part.strip() for part in word.partition(":"))
        if not kind.isidentifier() or not (slowness or "1").replace(".", "", 1).isdigit():
            raise RequestError(
                f"{NODES}: found {word!r}, expected kinds with commas, each perhaps with how slow it is, as a,a,b:1.5"
            )
        named = () if kind == DEFAULT else ((KIND, kind),)
        variables = (*named, (SLOWNESS, slowness or "1"))
        nodes.append(Node(name=f"{kind}{place}", kind=kind, devices=("fake",), variables=variables))
    return tuple(nodes)
