"""A fleet on paper: nodes that fail, straggle, have clocks of their own and lie, in virtual time, with real files. Run as a program it
writes reports/fleet/index.md: python tests/conduct/simulated_fleet.py [--nodes 1000] [--kinds 20]."""

import argparse
import dataclasses
import json
import math
import random
import resource
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lambdabench import commands, store
from lambdabench.conduct import fleet as looking_after
from lambdabench.conduct import fleet_folder
from lambdabench.conduct.fleet import Clock, ShareState
from lambdabench.core.fleet import Began, Ended, Fleet, Look, Node, Share, Submitted, Task
from lambdabench.core.record import Effective, Measurement, Noise, Record
from lambdabench.core.spec import Case, Environment

COMMON = ("resnet50", "vit_small_patch16_224", "deit_small_patch16_224")
LIE = 1.5
ENVIRONMENT = Environment(lambdabench="0.1.0", cpu="a cpu", cpu_flags="", cores=2, memory_gib=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What goes wrong, and how often."""

    nodes: int = 1000
    kinds: int = 20
    failing: float = 0.05
    """Of attempts: the node is gone within them."""
    straggling: float = 0.02
    lying: float = 0.01
    """Of nodes: they take 1.5 times as long and say nothing of it."""
    skew_s: float = 3600.0
    spread: float = 0.015
    """Standard deviation between honest nodes of a kind."""
    error: float = 0.01
    share_s: float = 600.0
    models: int = 4
    """Of each share, beside the reference and the control pair."""
    seed: int = 0


@dataclass(slots=True, kw_only=True)
class Attempted:
    share: Share
    run_id: str
    ends_s: float
    fails: bool
    node: str


@dataclass
class SimulatedEngine:
    """`core.fleet.Engine` in virtual time."""

    world: World
    now_s: float = 1_800_000_000.0
    busy: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, Attempted] = field(default_factory=dict)
    straggled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        drawn = random.Random(self.world.seed)
        self.drawn = random.Random(self.world.seed + 1)
        names = [f"node{number:04d}" for number in range(self.world.nodes)]
        self.kinds = {name: f"kind{number % self.world.kinds:02d}" for number, name in enumerate(names)}
        self.liars = set(drawn.sample(names, round(self.world.lying * len(names))))
        self.skews = {name: drawn.uniform(-1, 1) * self.world.skew_s for name in names}
        self.effects = {
            name: drawn.gauss(0, self.world.spread) + (math.log(LIE) if name in self.liars else 0) for name in names
        }

    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(name=name, kind=kind) for name, kind in self.kinds.items())

    def start(self, task: Task, folder: Path, avoid: Collection[str]) -> Submitted | None:
        free = [name for name, kind in self.kinds.items() if kind == task.share.kind and name not in self.busy]
        if not free:
            return None
        node = min(free, key=lambda name: name in avoid)
        ticket = f"{task.share.name}/{task.attempt}"
        fails, straggles = self.drawn.random() < self.world.failing, self.drawn.random() < self.world.straggling
        took_s = (
            self.world.share_s
            * self.drawn.uniform(0.9, 1.1)
            * (5 if straggles else 1)
            * (self.drawn.random() if fails else 1)
        )
        if straggles and not fails:
            self.straggled.add(task.share.name)
        run_id = f"{task.share.kind}-{node}-{task.share.number}-{task.attempt}"
        began = Began(node=node, host=node, process=1, run_id=run_id, at_s=self.now_s + self.skews[node])
        fleet_folder.write_event(folder, task.attempt, began)
        self.busy[node] = ticket
        self.attempts[ticket] = Attempted(
            share=task.share, run_id=run_id, ends_s=self.now_s + took_s, fails=fails, node=node
        )
        return Submitted(ticket=ticket, node=node)

    def look(self, submitted: Submitted, folder: Path) -> Look:
        attempt = self.attempts[submitted.ticket]
        if self.now_s < attempt.ends_s:
            return Look(phase="running", node=attempt.node)
        if self.busy.pop(attempt.node, None) == submitted.ticket:
            self._write(attempt, folder)
            number = int(submitted.ticket.rpartition("/")[2])
            if not attempt.fails:
                ended = Ended(code=0, words="", at_s=attempt.ends_s + self.skews[attempt.node])
                fleet_folder.write_event(folder, number, ended)
        return Look(phase="gone", node=attempt.node, reason="its node is gone")

    def cancel(self, submitted: Submitted, folder: Path) -> None:
        raise AssertionError("nobody cancels")

    def close(self) -> None:
        pass

    def _write(self, attempt: Attempted, folder: Path) -> None:
        models = models_of(attempt.share, self.world)
        done = models[: self.drawn.randrange(len(models))] if attempt.fails else models
        records = [record for model in done for record in self._records(attempt, model)]
        if records:
            store.write(records, folder / "simulated" / f"{attempt.run_id}.parquet")

    def _records(self, attempt: Attempted, model: str) -> Iterator[Record]:
        latency_s = base_s(model, attempt.share.kind) * math.exp(
            self.effects[attempt.node] + self.drawn.gauss(0, self.world.error)
        )
        margin = math.exp(1.96 * self.world.error)
        started_s = attempt.ends_s + self.skews[attempt.node]
        case = Case(model=model, device="cpu", image_px=224, threads=2, param_dtype="float32")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime(started_s))
        measurement = Measurement(
            metric="latency", unit="s/step", value=latency_s, low=latency_s / margin, high=latency_s * margin
        )
        yield Record(
            run_id=attempt.run_id, started_at=stamp, run_order=int(1000 * started_s), suite="simulated", case_id=f"{model}-1",
            fingerprint=attempt.share.kind, replicate=0, case=case, weights="random", requested_batch_size=1,
            device_name=attempt.share.kind, status="ok", flags="", reason="", effective=Effective(), environment=ENVIRONMENT,
            noise=Noise(), measurement=measurement,
        )  # fmt: skip


def models_of(share: Share, world: World) -> list[str]:
    return [*COMMON, *(f"model{(share.number - 1) * world.models + place}" for place in range(world.models))]


def base_s(model: str, kind: str) -> float:
    """What an average node of a kind takes."""
    return 0.01 * random.Random(f"{model}/{kind}").uniform(0.5, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    world: World
    engine: SimulatedEngine
    states: list[ShareState]
    status: commands.FleetStatus
    told: list[str]
    plan_s: float
    parent_cpu_s: float
    read_s: float
    peak_bytes: int

    @property
    def named(self) -> set[str]:
        return {node.node for finding in self.status.findings for node in finding.nodes if node.finding == "differs"}

    @property
    def used(self) -> set[str]:
        return {attempt.node for state in self.states for attempt in state.attempts}


def simulate(world: World, home_of: Path) -> Outcome:
    """One fleet from plan to what is known of its kinds."""
    engine = SimulatedEngine(world)
    begun_s = time.perf_counter()
    nodes = engine.nodes()
    kinds = {node.kind: sum(other.kind == node.kind for other in nodes) for node in nodes}
    shares = tuple(
        Share(kind=kind, number=number, count=count) for kind, count in kinds.items() for number in range(1, count + 1)
    )
    fleet = Fleet(fleet_id="simulated", suite="simulated", text="", on="local", nodes=nodes, shares=shares)
    home = fleet_folder.begin(home_of, fleet)
    plan_s = time.perf_counter() - begun_s

    def sleep(seconds: float) -> None:
        engine.now_s += seconds

    told: list[str] = []
    clock, cpu_s = Clock(now=lambda: engine.now_s, sleep=sleep, poll_s=30.0), time.process_time()
    states = looking_after.states_of(home, fleet)
    states = looking_after.conduct(home, fleet, states, engine, clock, on_event=told.append)
    parent_cpu_s, begun_s = time.process_time() - cpu_s, time.perf_counter()
    status = commands.status(home, fleet, states)
    return Outcome(
        world=world, engine=engine, states=states, status=status, told=told, plan_s=plan_s, parent_cpu_s=parent_cpu_s,
        read_s=time.perf_counter() - begun_s, peak_bytes=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )  # fmt: skip


def problems(outcome: Outcome) -> list[str]:
    """What was lost or counted twice, share by share; empty where nothing was."""
    wrong: list[str] = []
    for state in outcome.states:
        rows = store.newest(
            store.read(
                outcome.status.home / state.share.name, ("case_id", "replicate", "fingerprint", "metric", "status")
            )
        )
        there = sorted(rows["case_id"])
        if there != sorted(f"{model}-1" for model in models_of(state.share, outcome.world)):
            wrong.append(f"{state.share.name}: {there}")
    return wrong


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--nodes", type=int, default=1000)
    asked.add_argument("--kinds", type=int, default=20)
    asked.add_argument("--out", type=Path, default=Path("reports/fleet/index.md"))
    given = asked.parse_args()
    lines: list[str] = []
    for seed in range(3):
        with tempfile.TemporaryDirectory() as name:
            world = World(nodes=given.nodes, kinds=given.kinds, seed=seed)
            lines.append(row(simulate(world, Path(name))))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page(World(nodes=given.nodes, kinds=given.kinds), lines))


HEAD = (
    "seed", "shares done", "attempts", "lost", "shares with rows lost or counted twice", "nodes that lie", "named of these",
    "honest nodes named", "shares that straggle", "told", "estimates whose interval holds the kind's mean", "plan, s",
    "parent's CPU a share, ms", "read and judge, s", "peak memory, MiB",
)  # fmt: skip


def row(outcome: Outcome) -> str:
    states, engine = outcome.states, outcome.engine
    liars = engine.liars & outcome.used
    told = {text.partition(":")[0] for text in outcome.told if "others of its kind took" in text}
    held, count = covered(outcome)
    cells = (
        outcome.world.seed,
        f"{sum(state.standing == 'done' for state in states)} of {len(states)}",
        sum(len(state.attempts) for state in states),
        sum(attempt.lost is not None for state in states for attempt in state.attempts),
        len(problems(outcome)),
        len(liars),
        len(outcome.named & liars),
        len(outcome.named - liars),
        len(engine.straggled),
        f"{len(told & engine.straggled)}, and {len(told - engine.straggled)} others",
        f"{held} of {count} ({100 * held / count:.1f} %)",
        f"{outcome.plan_s:.1f}",
        f"{1000 * outcome.parent_cpu_s / len(states):.1f}",
        f"{outcome.read_s:.1f}",
        f"{outcome.peak_bytes / 2**20:.0f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def covered(outcome: Outcome) -> tuple[int, int]:
    """(Estimates of kinds whose interval holds what an average node takes, all of them)."""
    ends = [
        (estimate.low <= base_s(json.loads(case)["model"], finding.kind) <= estimate.high)
        for finding in outcome.status.findings
        for case, (estimate, _) in finding.estimates.items()
    ]
    return sum(ends), len(ends)


def page(world: World, lines: list[str]) -> str:
    """The report."""
    settings = dataclasses.asdict(world)
    return f"""# A fleet of {world.nodes:,} nodes of {world.kinds} kinds, simulated

Times are scripted and pass in virtual time; plan, events, rows, merging and judging are the product's own, on real files.
Of attempts {settings["failing"]:.0%} lose their node within a share, {settings["straggling"]:.0%} take five times as long;
{settings["lying"]:.0%} of the nodes take 1.5 times as long and say nothing of it; clocks of nodes are up to an hour off;
honest nodes of a kind differ by {settings["spread"]:.1%} (standard deviation), a number is known to {settings["error"]:.0%}
within a node. Each share holds {world.models} models beside the reference and the control pair.
Times of the last four columns were taken on two cores that other programs used as well.
Written by `python tests/conduct/simulated_fleet.py`.

| {" | ".join(HEAD)} |
|{"---|" * len(HEAD)}
{chr(10).join(lines)}

"Lost" are attempts; what they had stored is kept, and the share goes on elsewhere. A kind's mean is that of all nodes that could be of it.
"""


if __name__ == "__main__":
    main()
