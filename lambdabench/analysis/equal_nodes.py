"""Whether nodes of one kind are equal, and what is known of the kind: the reference and the control pair run on every node, and by these
shares that were measured on different nodes are joined."""

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from .estimate import Estimate

TOLERANCE = 1.10
"""Nodes of one kind may differ by so much, as GPUs of one model do: by 8 % on the average of five clusters (Sinha et al., "Not All GPUs
Are Created Equal", SC 2022)."""
ERRORS = 4.0
"""And by so many standard errors of what is known of the node."""
Z = 1.96
MANY = 1000.0
"""Degrees of freedom of what is as good as known."""
Finding = Literal["equal", "differs", "alone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One metric of one case on one node, with its 95 % interval where it has one."""

    kind: str
    node: str
    case: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def log(self) -> float:
        return math.log(self.value)

    @property
    def error(self) -> float:
        """Standard error of the logarithm; 0 where it is not known."""
        if not self.low or not self.high or self.low <= 0:
            return 0.0
        return math.log(self.high / self.low) / 2 / Z


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFinding:
    """A node beside the middle one of its kind. `ratio`: its values over the middle node's, over the cases that all have in common; None
    where it shares none with another node."""

    node: str
    ratio: float | None
    error: float
    """Standard error of the ratio's logarithm."""
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFinding:
    """The nodes of a kind, and what can be said of it: `estimates` by case, over the nodes that are equal."""

    kind: str
    nodes: tuple[NodeFinding, ...]
    spread: float | None
    """Standard deviation between equal nodes, on the log scale, what is not known of each taken off; None under two."""
    estimates: Mapping[str, tuple[Estimate, int]]
    """(The estimate, the nodes that measured the case) by case. Its `samples` and `processes` count nodes."""
    left_out: tuple[str, ...] = ()
    """Cases that were measured on nodes alone that are not pooled."""
    problem: str = ""
    """Why nothing is pooled; empty where all is well."""

    @property
    def pooled(self) -> tuple[str, ...]:
        """The nodes that the estimates are of."""
        return () if self.problem else tuple(node.node for node in self.nodes if node.finding != "differs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Equal nodes as one. `spread` and `estimates`: as `KindFinding` has them; `log_sds`: by case the standard deviation of the
    logarithm beside the other cases, without what the kind's mean has of its own."""

    spread: float | None
    estimates: Mapping[str, tuple[Estimate, int]]
    log_sds: Mapping[str, float]


def judge_kinds(readings: Sequence[Reading]) -> list[KindFinding]:
    """What is found of each kind, in the order of their names. All readings are of one metric."""
    return [
        judge_kind([reading for reading in readings if reading.kind == kind])
        for kind in sorted({r.kind for r in readings})
    ]


def judge_kind(readings: Sequence[Reading]) -> KindFinding:
    """Compares the nodes of one kind and joins their cases. A node that differs from the middle of three or more is named and left out;
    of two that differ nobody knows which of them is right: neither is pooled."""
    names = sorted({reading.node for reading in readings})
    effects = _effects(readings, names)
    centre = statistics.median([effect for effect, _ in effects.values()]) if effects else 0.0
    nodes = tuple(_finding(name, effects.get(name), centre) for name in names)
    differ = [node for node in nodes if node.finding == "differs"]
    problem = ""
    if differ and len(nodes) - len(differ) <= len(differ):
        problem = (
            f"{len(differ)} of {len(nodes)} nodes differ from the middle one: nobody can tell which of them are right"
        )
    equal = {node.node for node in nodes if node.finding != "differs"}
    joined = _pooled([item for item in readings if item.node in equal], effects)
    estimates = {} if problem else joined.estimates
    left_out = tuple(sorted({reading.case for reading in readings} - {*estimates}))
    return KindFinding(
        kind=readings[0].kind,
        nodes=nodes,
        spread=joined.spread,
        estimates=estimates,
        left_out=left_out,
        problem=problem,
    )


def pool(readings: Sequence[Reading]) -> Pooled:
    """All nodes of some readings of one metric as one: those of a kind that were found equal."""
    return _pooled(readings, _effects(readings, sorted({reading.node for reading in readings})))


def _pooled(readings: Sequence[Reading], effects: Mapping[str, tuple[float, float]]) -> Pooled:
    names = dict.fromkeys(reading.node for reading in readings)
    spread = _spread([effects[name] for name in names if name in effects])
    joined = {
        case: (estimate, nodes, own)
        for case, estimate, nodes, own in _joined(
            readings, {name: effects.get(name, (0.0, 0.0)) for name in names}, spread
        )
    }
    return Pooled(
        spread=spread,
        estimates={case: (estimate, nodes) for case, (estimate, nodes, _) in joined.items()},
        log_sds={case: own for case, (_, _, own) in joined.items()},
    )


def _effects(readings: Sequence[Reading], names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """(How much larger a node's logarithms are than the middle node's, its standard error), of the cases that most nodes have."""
    by_case: dict[str, list[Reading]] = {}
    for reading in readings:
        by_case.setdefault(reading.case, []).append(reading)
    most = max((len(group) for group in by_case.values()), default=0)
    if most < 2:
        return {}
    away: dict[str, list[tuple[float, float]]] = {}
    for group in by_case.values():
        if len(group) < most:
            continue
        middle = statistics.median(reading.log for reading in group)
        for reading in group:
            away.setdefault(reading.node, []).append((reading.log - middle, reading.error))
    return {
        name: (statistics.fmean(item for item, _ in away[name]), _mean_error([error for _, error in away[name]]))
        for name in names
        if name in away
    }


def _mean_error(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors)) / len(errors)


def _finding(name: str, effect: tuple[float, float] | None, centre: float) -> NodeFinding:
    if effect is None:
        return NodeFinding(node=name, ratio=None, error=0.0, finding="alone")
    away, error = effect[0] - centre, effect[1]
    differs = abs(away) > max(math.log(TOLERANCE), ERRORS * error)
    return NodeFinding(node=name, ratio=math.exp(away), error=error, finding="differs" if differs else "equal")


def _spread(effects: Sequence[tuple[float, float]]) -> float | None:
    if len(effects) < 2:
        return None
    own = statistics.fmean(error**2 for _, error in effects)
    return math.sqrt(max(0.0, statistics.variance([effect for effect, _ in effects]) - own))


def _joined(
    readings: Sequence[Reading], good: Mapping[str, tuple[float, float]], spread: float | None
) -> Iterator[tuple[str, Estimate, int, float]]:
    """(The case, its number as an average node has it, how many nodes measured it, its own error): freed of what is its own node's, and put
    onto the mean of all. The interval holds the error of the case, of its nodes' effects, and of the mean over nodes (Satterthwaite,
    Biometrics Bulletin 2, 1946)."""
    count, mean = len(good), statistics.fmean([effect for effect, _ in good.values()] or [0.0])
    by_case: dict[str, list[Reading]] = {}
    for reading in readings:
        by_case.setdefault(reading.case, []).append(reading)
    for case, group in by_case.items():
        value = statistics.fmean(reading.log - good[reading.node][0] for reading in group) + mean
        own = sum(reading.error**2 + good[reading.node][1] ** 2 for reading in group) / len(group) ** 2
        between = 0.0 if spread is None else spread**2 / count
        variance = own + between
        dof = variance**2 / (own**2 / MANY + between**2 / max(1, count - 1)) if variance else MANY
        margin = math.exp(min(float(stats.t.ppf(0.975, dof)) * math.sqrt(variance), 50.0))
        middle = math.exp(value)
        estimate = Estimate(
            value=middle,
            low=middle / margin,
            high=middle * margin,
            confidence=0.95,
            samples=count,
            processes=count,
            covers="between nodes",
        )
        yield case, estimate, len(group), math.sqrt(own)


def kind_line(finding: KindFinding) -> str:
    """ "on L4: over 3 nodes, which differ by 1.2 % (standard deviation)"."""
    return f"on {finding.kind}: {nodes_phrase(finding)}"


def nodes_phrase(finding: KindFinding) -> str:
    """ "over 3 nodes, which differ by 1.2 % (standard deviation)"."""
    if finding.problem:
        return f"of {len(finding.nodes)} nodes, which are not equal"
    pooled = len(finding.pooled)
    over = f"over {pooled} node{'' if pooled == 1 else 's'}"
    if pooled < 2 or finding.spread is None:
        return f"{over}; how much nodes of this kind differ is not known"
    return f"{over}, which differ by {100 * finding.spread:.1f} % (standard deviation)"


def finding_lines(finding: KindFinding) -> list[str]:
    """Nodes that are not equal to the others of their kind, and why nothing is pooled."""
    beyond = f"beyond {100 * (TOLERANCE - 1):.0f} % and four standard errors"
    lines = [
        f"{node.node} differs from the middle node of {finding.kind}: {node.ratio:.2f} of its value, {beyond}; not pooled"
        for node in finding.nodes
        if node.finding == "differs" and node.ratio is not None
    ]
    if finding.left_out and not finding.problem:
        models = ", ".join(dict.fromkeys(json.loads(case)["model"] for case in finding.left_out))
        lines.append(f"measured on such nodes alone, and left out: {models}; measure them on others of {finding.kind}")
    return [*lines, *([f"{finding.problem}; nothing is said of {finding.kind}"] if finding.problem else [])]
