"""`python -m lambdabench.worker.pair FOLDER`: two versions of the package in one process, single calls in random turn.

Each side is imported under a name of its own, so that each runs its own code; which side's call comes first is drawn every round.
"""

import gc
import importlib
import importlib.util
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis import paired
from ..core import codec
from ..core.pairing import Clock, PairOutcome, PairRequest, Status
from ..core.spec import Case

WARM_UP_CALLS, WARM_UP_S = 20, 0.2
SHORTEST_S = 1e-3
"""A timed block lasts at least so long: a call, or several."""
TOLERANCE = 1e-3
"""Largest difference of outputs over the largest output up to which two sides answer the same question."""
CPU_PER_WALL = 0.9, 1.1
"""Outside of it CPU time is not the time of the case: waiting, or work of other threads."""
FAULT_S = 2.3e-6
"""Measured cost of a page fault."""
FAULT_SHARE, FAULTS = 0.01, 20


@dataclass(slots=True)
class Side:
    """One side of a case: what a round calls, and what it took."""

    step: Callable[[], Any]
    kernel: str = ""
    close: Callable[[], None] = lambda: None
    walls: list[float] = field(default_factory=list[float])
    cpus: list[float] = field(default_factory=list[float])
    faults: int = 0


def main(folder: Path) -> None:
    """Reads request.json, writes <index>.json for each case as it is decided."""
    request = codec.read(PairRequest, folder / "request.json")
    sides = {"base": request.base, "head": request.head}
    order = ("head", "base") if request.head_first else ("base", "head")
    packages = {one: load(f"lambdabench_{one}", Path(sides[one])) for one in order}
    gc.freeze()
    for index, (name, case) in enumerate(request.cases):
        codec.write(folder / f"{index}.json", answer(name, case, request, packages))


def load(name: str, folder: Path) -> Any:
    """The package in `folder` under another name; its own imports are relative, so it finds its own modules."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def answer(name: str, case: Case, request: PairRequest, packages: dict[str, Any]) -> PairOutcome:
    """The outcome of one case, whatever happens in it."""
    made: dict[str, Side] = {}
    outputs: list[np.ndarray] = []
    try:
        for key in packages:
            try:
                made[key], numbers = open_side(packages["head" if request.role != "pair" else key], case)
            except Exception as error:
                return PairOutcome(name=name, status=_status(key, error), reason=f"{type(error).__name__}: {error}")
            outputs.append(numbers)
        if problem := _differs(*outputs):
            return PairOutcome(name=name, status="different", reason=problem)
        if request.role == "canary":
            add_work(made["head"], request.extra_share)
        return measure((name, case), made["base"], made["head"], request)
    finally:
        for one in made.values():
            one.close()


def _status(key: str, error: Exception) -> Status:
    if key == "head":
        return "failed"
    return "new" if type(error).__name__ in ("UnknownNameError", "UnsupportedError") else "base_failed"


def open_side(package: Any, case: Case) -> tuple[Side, Any]:
    """A side's own session of a case, and the numbers that its first call gives."""
    name = package.__name__
    registry = importlib.import_module(f"{name}.core.registry")
    theirs = importlib.import_module(f"{name}.core.spec").Case
    known = {one.name for one in fields(theirs)}
    own = theirs(**{one.name: getattr(case, one.name) for one in fields(case) if one.name in known})
    backend = registry.load("backends", case.backend)
    backend.prepare(own)
    workload = importlib.import_module(f"{name}.models").create_workload(own, backend.FRAMEWORK)
    session = backend.open_session(workload, own, 0)
    output = session.call()
    session.synchronize()
    if problem := session.check(output):
        raise RuntimeError(problem)

    def step() -> None:
        session.call()
        session.synchronize()

    return Side(step=step, kernel=session.effective(output).kernel, close=session.close), numbers_of(output)


def numbers_of(output: Any) -> np.ndarray:
    """An output as float64, whichever framework made it."""
    first = output[0] if isinstance(output, (list, tuple)) else output
    if hasattr(first, "detach"):
        first = first.detach().float().cpu().numpy()
    return np.asarray(first, np.float64).ravel()


def add_work(side: Side, share: float) -> None:
    """Real extra work, `share` of a call, in every call: products of small matrices."""
    matrix = np.random.default_rng(0).standard_normal((48, 48), np.float32)

    def work(times: int) -> float:
        start_s = time.perf_counter()
        for _ in range(times):
            matrix.dot(matrix)
        return time.perf_counter() - start_s

    work(200)
    one_s = min(work(100) for _ in range(10)) / 100
    call_s = statistics.median(_timed(side.step)[0] for _ in range(WARM_UP_CALLS))
    times = max(1, round(share * call_s / one_s))
    plain = side.step

    def step() -> None:
        plain()
        work(times)

    side.step = step


def measure(named: tuple[str, Case], base: Side, head: Side, request: PairRequest) -> PairOutcome:
    """Rounds until a look decides, or the budget is out."""
    name, case = named
    start_s = time.perf_counter()
    coin = random.Random(request.seed)
    block = _warm_up(base, head)
    clock: Clock = "wall" if case.device != "cpu" or (case.threads or 0) != 1 else "thread"
    if clock == "thread" and case.backend.startswith("jax"):
        clock = "process"
    looks = list(paired.looks())
    decided = False
    while not decided and len(base.walls) < paired.MOST:
        for one in (base, head) if coin.random() < 0.5 else (head, base):
            _round(one, block, clock)
        if time.perf_counter() - start_s > request.budget_s and len(base.walls) >= paired.FIRST_LOOK:
            break
        if not request.fixed and len(base.walls) in looks:
            judged, walls = _logs(base, head, _trusted(base, head, clock))
            decided = paired.judge(judged, walls, looks.index(len(base.walls)) + 1).finding != "unclear"
    clock = _trusted(base, head, clock)
    judged, walls = _logs(base, head, clock)
    return PairOutcome(
        name=name,
        status="ok",
        reason=_guard(base, head),
        logs=tuple(judged),
        walls=tuple(walls),
        clock=clock,
        base_s=statistics.median(base.walls) / block,
        head_s=statistics.median(head.walls) / block,
        base_faults=base.faults / len(base.walls) / block,
        head_faults=head.faults / len(head.walls) / block,
        base_kernel=base.kernel,
        head_kernel=head.kernel,
        cpu_per_wall=sum(base.cpus) / sum(base.walls),
        seconds=time.perf_counter() - start_s,
    )


def _warm_up(base: Side, head: Side) -> int:
    """Calls a block, after both sides ran warm."""
    start_s = time.perf_counter()
    calls, times = 0, [0.0]
    while calls < WARM_UP_CALLS or time.perf_counter() - start_s < WARM_UP_S:
        times = [_timed(one.step)[0] for one in (base, head)]
        calls += 1
        if calls >= 3 and time.perf_counter() - start_s > 2.0:
            break
    return max(1, round(SHORTEST_S / max(min(times), 1e-7)))


def _round(side: Side, block: int, clock: Clock) -> None:
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    read = time.process_time if clock == "process" else time.thread_time
    cpu_s, wall_s = read(), time.perf_counter()
    for _ in range(block):
        side.step()
    side.walls.append(time.perf_counter() - wall_s)
    side.cpus.append(read() - cpu_s)
    side.faults += resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults


def _timed(step: Callable[[], Any]) -> tuple[float, float]:
    wall_s, cpu_s = time.perf_counter(), time.thread_time()
    step()
    return time.perf_counter() - wall_s, time.thread_time() - cpu_s


def _trusted(base: Side, head: Side, clock: Clock) -> Clock:
    """CPU time where it is the time of the case in an undisturbed call, else wall time.

    The quickest calls tell: a call that waits for a processor has more wall than CPU time, whatever it is.
    """
    if clock == "wall":
        return clock
    for side in (base, head):
        quick = sorted(zip(side.walls, side.cpus, strict=True))[: max(1, len(side.walls) // 4)]
        share = statistics.median(cpu / wall for wall, cpu in quick)
        if not CPU_PER_WALL[0] <= share <= CPU_PER_WALL[1]:
            return "wall"
    return clock


def _logs(base: Side, head: Side, clock: Clock) -> tuple[list[float], list[float]]:
    walls = _ratios(head.walls, base.walls)
    return (walls if clock == "wall" else _ratios(head.cpus, base.cpus)), walls


def _ratios(top: Sequence[float], bottom: Sequence[float]) -> list[float]:
    return np.log(np.maximum(top, 1e-9) / np.maximum(bottom, 1e-9)).tolist()


def _guard(base: Side, head: Side) -> str:
    """Why the rounds may say nothing of the code: one side's allocations find their pages and the other's do not."""
    more = abs(head.faults - base.faults) / len(base.walls)
    call_s = statistics.median(base.walls)
    if more > FAULTS and more * FAULT_S > FAULT_SHARE * call_s:
        return (
            f"page faults a round: base {base.faults / len(base.walls):.0f}, head {head.faults / len(head.walls):.0f}"
        )
    return ""


def _differs(first: np.ndarray, second: np.ndarray) -> str:
    """How one side's outputs differ from the other's; empty where they do not."""
    if first.shape != second.shape:
        return f"outputs have {first.size} and {second.size} numbers"
    error = float(np.abs(first - second).max()) / (float(np.abs(first).max()) or 1.0)
    return "" if error <= TOLERANCE else f"outputs differ by {error:.2g} of the largest; it is not a question of speed"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
