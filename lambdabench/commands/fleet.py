"""A suite over a fleet: planned, handed over, looked after, and what is known of its kinds of nodes."""

import dataclasses
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import conduct, store, suite
from ..analysis.equal_nodes import KindFinding
from ..conduct import fleet as looking_after
from ..conduct import fleet_folder
from ..conduct.fleet import Clock, ShareState
from ..core import fields, flags
from ..core.errors import LambdabenchError, RequestError, UnknownNameError
from ..core.fleet import ENGINES, NODE, Began, Ended, Engine, Fleet, Share, Task, by_kind
from ..core.folders import RESULTS
from ..core.hosts import ALONE, find_hosts
from ..core.registry import ROOT
from ..core.spec import Suite
from ..core.worker_protocol import PARENT_PIPE
from ..plan.shares import cut, own_models
from ..suite.parse_overrides import overrides_of
from ..worker import parent_watch
from . import _fleet_nodes
from .run import RunRequest, RunResult, execute, new_run_id, prepare

OF_RUN = ("models", "budget", *(field.name for field in fields.RUNNING if field.flag))
"""Flags that each node's run gets."""
INTERRUPTED = 130
REMOTE_POLL_S = 10.0
"""Between two listings of object storage."""
CANCELLED = "interrupted: shares that ran were told to end after the visit in flight, {} of them; lambdabench fleet resume goes on"
LEFT = (
    "interrupted: shares that run go on without this command, {} of them; lambdabench fleet resume looks after them again, "
    "lambdabench fleet cancel ends them"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRequest:
    """What `fleet run` is asked for. `run_flags`: text by the name of a flag of `run`."""

    suite: str
    on: str = "local"
    kinds: tuple[str, ...] = ()
    nodes: int | None = None
    """Most of each kind; None: all."""
    shares: int | None = None
    """Of each kind; None: as many as nodes."""
    run_flags: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    results: Path = RESULTS


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatus:
    """A fleet as it stands. `metric`: by which nodes are compared, "" where nothing is measured."""

    home: Path
    fleet: Fleet
    states: tuple[ShareState, ...]
    metric: str = ""
    unit: str = ""
    findings: tuple[KindFinding, ...] = ()
    interrupted: bool = False

    def exit_code(self) -> int:
        """0 all shares are done, whatever their cases; 1 one has failed or a kind's nodes differ; 130 interrupted; 3 nothing usable."""
        if self.interrupted:
            return INTERRUPTED
        if any(state.standing == "failed" for state in self.states) or any(item.problem for item in self.findings):
            return 1
        return 0 if self.metric or any(state.standing != "done" for state in self.states) else 3


def plan_fleet(request: FleetRequest, engine: Engine | None = None) -> tuple[Fleet, Engine]:
    """What is to be measured on what, of the nodes there are. Raises LambdabenchError at once for what no node has."""
    if request.on not in ENGINES:
        raise UnknownNameError(f"--on: found {request.on!r}, expected one of {', '.join(ENGINES)}")
    wanted = suite.load(request.suite, overrides_of(request.run_flags, flags.dashed))
    flags.duration(request.run_flags.get("budget"), "--budget")
    engine = engine or _fleet_nodes.engine_of(request.on, wanted)
    asked = _devices(wanted, "device" in request.run_flags)
    nodes = _fleet_nodes.chosen(engine.nodes(), request.kinds, request.nodes, asked)
    shares = tuple(
        Share(kind=kind, number=number, count=count)
        for kind, group in by_kind(nodes).items()
        for count in [request.shares or _count(wanted, len(group))]
        for number in range(1, count + 1)
    )
    started = datetime.now(UTC)
    fleet = Fleet(
        fleet_id=new_run_id(started),
        suite=wanted.name,
        text=suite.source_of(request.suite),
        on=request.on,
        nodes=nodes,
        shares=shares,
        flags=tuple(sorted(request.run_flags.items())),
        started_at=started.isoformat(timespec="seconds"),
    )
    return fleet, engine


def _count(wanted: Suite, nodes: int) -> int:
    """A share for every node: where the suite has fewer models, some measure the reference and the control pair alone."""
    return nodes if wanted.reference or wanted.control else max(1, min(nodes, own_models(wanted)))


def _devices(wanted: Suite, is_asked: bool) -> set[str]:
    """Devices without which nothing is measured: those of a flag, or those that every case names."""
    named = {cell.case.device for cell in wanted.cells}
    return named if is_asked or ("auto" not in named and not any(cell.prefer for cell in wanted.cells)) else set()


def plan_texts(request: FleetRequest, fleet: Fleet, engine: Engine) -> dict[str, str]:
    """By the name of each share what it holds and, where the system takes a file, one that runs it by hand."""
    wanted = suite.load(request.suite, overrides_of(request.run_flags))
    texts: dict[str, str] = {}
    for share in fleet.shares:
        part = cut(wanted, share.number, share.count)
        models = dict.fromkeys(cell.case.model for cell in part.cells)
        lines = [f"{len(part.cells)} cases: {', '.join(models)}"]
        if script := getattr(engine, "script", None):
            lines.append(script(Task(share=share, attempt=1, suite=fleet.suite), _by_hand(request, fleet, share)))
        texts[share.name] = "\n".join(lines)
    return texts


def _by_hand(request: FleetRequest, fleet: Fleet, share: Share) -> list[str]:
    """The command that measures a share by itself, into a folder of its own beside fleets'."""
    folder = store.told((request.results / fleet.suite / share.name).absolute())
    reference = request.suite if request.suite in suite.names() else str(Path(request.suite).absolute())
    given = [word for name, text in fleet.flags for word in (flags.dashed(name), text)]
    share_words = ["--share", f"{share.number}/{share.count}"]
    return [sys.executable, "-m", ROOT, "run", "--suite", reference, *share_words, *given, "--results", folder]


def start_fleet(request: FleetRequest, fleet: Fleet) -> Path:
    """Writes what the fleet is to do; its folder."""
    return fleet_folder.begin(request.results, fleet)


def look_after(
    home: Path,
    fleet: Fleet,
    engine: Engine,
    on_event: Callable[[str], None],
    *,
    cancel: bool = False,
    clock: Clock | None = None,
) -> FleetStatus:
    """Hands over what is not done, until all is. Ctrl-C leaves what runs, or ends it with `cancel`: `on_event` hears which."""
    clock, stop = clock or Clock(now=time.time, sleep=time.sleep), conduct.Stop()
    states = [state.more() if state.standing == "failed" else state for state in looking_after.states_of(home, fleet)]

    def refreshed(seconds: float) -> None:
        clock.sleep(seconds)
        store.refresh(home)

    try:
        with fleet_folder.held(home), stop.listening():
            poll_s = REMOTE_POLL_S if store.is_address(store.told(home)) else clock.poll_s
            around = dataclasses.replace(clock, sleep=refreshed, poll_s=poll_s)
            states = looking_after.conduct(home, fleet, states, engine, around, is_stopped=stop, on_event=on_event)
        if stop():
            states = looking_after.states_of(home, fleet)
            count = sum(state.open is not None for state in states)
            if cancel:
                looking_after.cancel(home, states, engine, clock)
            on_event(CANCELLED.format(count) if cancel else LEFT.format(count))
    finally:
        engine.close()
    return dataclasses.replace(status(home, fleet, states), interrupted=bool(stop()))


def find_fleet(results: Path, fleet_id: str = "") -> tuple[Path, Fleet]:
    """(Its folder, the fleet) of an id, or the newest. Raises LambdabenchError."""
    return fleet_folder.find(results, fleet_id)


def resume_fleet(home: Path, fleet: Fleet, on_event: Callable[[str], None], *, cancel: bool = False) -> FleetStatus:
    """Looks after a fleet again: attempts that are at work are known again, what is lost or has failed is tried anew."""
    return look_after(home, fleet, _engine(home, fleet), on_event, cancel=cancel)


def cancel_fleet(home: Path, fleet: Fleet) -> int:
    """Ends all attempts that are open; how many there were."""
    engine = _engine(home, fleet)
    try:
        states = looking_after.states_of(home, fleet)
        return looking_after.cancel(home, states, engine, Clock(now=time.time, sleep=time.sleep))
    finally:
        engine.close()


def _engine(home: Path, fleet: Fleet) -> Engine:
    wanted = suite.load(str(home / fleet.shares[0].name / f"{fleet.suite}.toml"), overrides_of(dict(fleet.flags)))
    return _fleet_nodes.engine_of(fleet.on, wanted, fleet.nodes)


def status(home: Path, fleet: Fleet, states: Sequence[ShareState] | None = None) -> FleetStatus:
    """How far the shares are and what is known of the kinds, as files tell."""
    states = looking_after.states_of(home, fleet) if states is None else states
    metric, findings = _fleet_nodes.findings_of(home, states)
    unit = _fleet_nodes.unit_of(metric) if metric else ""
    return FleetStatus(home=home, fleet=fleet, states=tuple(states), metric=metric, unit=unit, findings=tuple(findings))


def work(folder: Path, attempt: int) -> int:
    """What a node does: runs its share into the share's folder, and writes how it began and ended. The exit code of `run`."""
    if os.environ.pop(PARENT_PIPE, ""):
        parent_watch.follow_parent()
    task = fleet_folder.read_task(folder, attempt)
    signal.signal(
        signal.SIGUSR2, lambda *_: signal.raise_signal(signal.SIGTERM)
    )  # what SLURM sends before a time limit
    if find_hosts().count > 1:
        os.environ[ALONE] = "1"  # a share is one machine's, whatever the cluster says of others
    host, run_id = socket.gethostname(), new_run_id(datetime.now(UTC))
    node = os.environ.get(NODE) or os.environ.get("SLURMD_NODENAME") or host
    began = Began(node=node, host=host, process=os.getpid(), run_id=run_id, at_s=time.time())
    fleet_folder.write_event(folder, attempt, began)
    given = dict(task.flags)
    request = RunRequest(
        suite=str(folder / f"{task.suite}.toml"),
        overrides=overrides_of(given, flags.dashed),
        results=folder,
        reports=folder / "reports",
        budget_s=flags.duration(given.get("budget"), "--budget"),
        share=(task.share.number, task.share.count),
        run_id=run_id,
    )
    code, words = _measured(request)
    free = shutil.disk_usage(folder).free
    fleet_folder.write_event(folder, attempt, Ended(code=code, words=words, at_s=time.time(), free_bytes=free))
    store.send_rest(folder)
    return code


def _measured(request: RunRequest) -> tuple[int, str]:
    """(Exit code, what to say of it)."""
    try:
        result = execute(prepare(request), request, lambda _: None)
    except LambdabenchError as error:
        return error.exit_code, str(error)
    except KeyboardInterrupt:
        return INTERRUPTED, "interrupted"
    code = result.exit_code()
    return code, _words(result) if code else ""


def _words(result: RunResult) -> str:
    if result.interrupted:
        return "interrupted"
    counts = ", ".join(f"{count} {status}" for status, count in result.counts.items())
    return "; ".join(filter(None, (counts, result.resolution.problem)))


def text_flags(given: Mapping[str, object]) -> dict[str, str]:
    """Of given flags those that each node's run gets, as texts."""
    return {name: str(given[name]) for name in OF_RUN if given.get(name) is not None}


def count_nodes(given: str | None, flag: str) -> int | None:
    """Most nodes of a kind; None for all. Raises RequestError."""
    if given is None or given == "all":
        return None
    try:
        return flags.number(given, flag)
    except RequestError as error:
        raise RequestError(f"{flag}: found {given!r}, expected how many of each kind, or all") from error
