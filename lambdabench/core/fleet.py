"""A suite over many machines: nodes, shares of the suite, attempts at them. Kept as JSON files, each written once by one process.

The unit that travels is a machine's share of a suite, since turns are taken within one machine.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

ENGINES = ("local", "ray", "slurm")
NODE = "LAMBDABENCH_NODE"
"""Names the node to the program that works on it."""
FINISHED = (0, 1, 3)
"""Exit codes of a share whose cases all have an answer, be it a failure or no usable number."""
Phase = Literal["waiting", "running", "gone"]
"""Of an attempt, as an engine sees it: in a queue, on a node, or no longer known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What one share at a time runs on: a machine, or a device of this one. `kind`: what makes nodes equal, as the engine tells it."""

    name: str
    kind: str
    devices: tuple[str, ...] = ()
    """Kinds of devices that it has ("cuda"); empty where nobody tells."""
    variables: tuple[tuple[str, str], ...] = ()
    """By which a process on it sees its own device alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Part `number` of `count` of a suite, for nodes of one kind."""

    kind: str
    number: int
    count: int

    @property
    def name(self) -> str:
        """A name for a folder, another one for each kind: what no name may hold is left out, and a digest stands for it."""
        plain = re.sub(r"[^A-Za-z0-9._]+", "-", self.kind).strip("-.")
        digest = hashlib.sha256(self.kind.encode()).hexdigest()[:4]
        named = plain if plain == self.kind else "-".join(filter(None, (plain, digest)))
        return f"{named}-{self.number}of{self.count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What is to be measured on what."""

    fleet_id: str
    suite: str
    text: str
    """The suite's file, as it was when the fleet began."""
    on: str
    nodes: tuple[Node, ...]
    shares: tuple[Share, ...]
    flags: tuple[tuple[str, str], ...] = ()
    """Of `run`, by the names of its parameters."""
    started_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An attempt at a share: all that a node needs to know. Its rows and events go to the folder that holds it."""

    share: Share
    attempt: int
    suite: str
    place: str = ""
    """That folder as nodes know it: a path, or an address of object storage."""
    flags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """Written by whoever hands an attempt to an engine; seconds since 1970 by that one's clock."""

    ticket: str
    """By which the engine knows it again."""
    node: str = ""
    """Empty where the engine chooses later."""
    at_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """Written by the node; seconds since 1970 by its own clock, which is compared with itself alone."""

    node: str
    host: str
    process: int
    run_id: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Written by the node. `code`: the exit code of `run`; `words`: what it said where that is not 0."""

    code: int
    words: str
    at_s: float
    free_bytes: int = 0
    """On the node's disk of results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Written by whoever looked after an attempt: it is gone and has not said how it ended, or was ended on purpose."""

    reason: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is known of one attempt."""

    number: int
    submitted: Submitted
    began: Began | None = None
    ended: Ended | None = None
    lost: Lost | None = None

    @property
    def node(self) -> str:
        """Where it ran, or is to run; empty where that is open."""
        return self.began.node if self.began else self.submitted.node

    @property
    def is_open(self) -> bool:
        """Whether it may still be at work."""
        return self.ended is None and self.lost is None

    @property
    def is_finished(self) -> bool:
        """Whether every case of the share has its answer."""
        return self.ended is not None and self.ended.code in FINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What an engine knows of an attempt. `reason`: why it is gone, or what it waits for."""

    phase: Phase
    node: str = ""
    reason: str = ""


class Engine(Protocol):
    """What starts attempts on nodes and says what became of them. It schedules nothing that its system does not."""

    def nodes(self) -> tuple[Node, ...]:
        """The nodes there are. Raises LambdabenchError where the system does not answer."""
        ...

    def start(self, task: Task, folder: Path, avoid: Collection[str]) -> Submitted | None:
        """Hands an attempt over; None where no node of the kind is free now and the system has no queue of its own. Nodes to `avoid` are
        taken where there are no others."""
        ...

    def look(self, submitted: Submitted, folder: Path) -> Look:
        """What it knows of an attempt now; brings what the node has written into the folder, where the two share no file system."""
        ...

    def cancel(self, submitted: Submitted, folder: Path) -> None:
        """Ends an attempt after the visit in flight."""
        ...

    def close(self) -> None:
        """Lets go of the system; attempts go on."""
        ...


def by_kind(nodes: Collection[Node]) -> Mapping[str, tuple[Node, ...]]:
    """Nodes by kind, kinds in the order of their names."""
    kinds = sorted({node.kind for node in nodes})
    return {kind: tuple(node for node in nodes if node.kind == kind) for kind in kinds}
