"""How fast whole networks run and compile here and what memory they take, measured for a moment as ordinary jobs and corrected by what
runs take: for estimates only."""
# pyright: basic
# (NumPy is not fully typed)

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import launch, plan
from ..core import caches, registry
from ..core.record import Outcome
from ..core.row_flags import NOT_STEADY
from ..core.spec import Case, Device, Job, Machine, ModelFacts, Plan, Rates, Sampling, Wish
from ..plan import estimates
from ..turns import has_clocks
from .ledger import outcomes_of
from .rounds import RunSetup, follow

NETWORKS = ("resnet50_cccc", "tf_efficientnet_b0")
"""One that multiplies much for what it writes, one that writes much for what it multiplies: others lie between them."""
IMAGE_PX = 224
IMAGES = {False: 1, True: 32}
"""In a step, by whether it is an accelerator's: one image leaves that idle, and says nothing of what a batch takes."""
SAMPLING = Sampling(case_budget_s=12.0, min_samples=6, warmup_calls=1, warmup_share=0.8, processes=1, rounds=1)
"""Long enough that a step of a second is seen to be steady; a shorter one is done sooner."""
LIMIT_S = 180.0
WORTH_S = 300.0
"""A run that may take so long is worth the half minute."""
COST_S, SHARE = 25.0, 0.25
"""What a calibration mostly takes, and the share of a budget that all of them may."""
LEAST_FLOP = 1e8
"""A step of a smaller network takes what calling its operations takes, and says nothing of a rate."""
EXPIRES_S = 7 * 86400.0
"""Older rates are measured anew where that is worth it: drivers, clocks and neighbours change."""
FORM = 5
"""Of what is remembered; another form is measured anew."""
FROM_ELSEWHERE = {"torch_compile": "torch_eager"}
"""A backend that compiles too slowly to be tried for an estimate -> the one whose rates it gets."""

WISHES = tuple(Wish(model=name, image_px=IMAGE_PX) for name in NETWORKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one network took: seconds an image on one device, seconds of compiling and bytes at the peak where they are known."""

    facts: ModelFacts
    step_s: float
    compile_s: float | None = None
    peak_bytes: float | None = None


def stored(jobs: Iterable[Job], machine: Machine, print_: str) -> tuple[Rates, ...]:
    """Rates of the kinds of run that the jobs are, as far as they are remembered for the environment's fingerprint."""
    paths = [_path(kind, print_) for kind in _kinds([job.case for job in jobs], machine)]
    return tuple(path for path in map(_kept, paths) if path is not None)


def calibrate(
    jobs: Iterable[Job],
    machine: Machine,
    facts: Mapping[str, ModelFacts],
    print_: str,
    *,
    on_wait: Callable[[str], None],
    most_s: float = float("inf"),
    anew: bool = False,
    clock: Callable[[], float] = time.time,
) -> tuple[Rates, ...]:
    """Measures and remembers the rates that are not, or too long (`anew`: all). `on_wait` hears what takes time.

    None begins that would probably take the whole beyond `most_s`, compiling included, and none goes on beyond it. Where the machine is
    too busy, or time is out, what was remembered stays; what was measured all the same is returned, for this run alone.
    """
    begun_s, rough = clock(), list[Rates]()
    for kind in _kinds([job.case for job in jobs], machine):
        path = _path(kind, print_)
        if not anew and _is_young(path, begun_s):
            continue
        left_s = most_s - (clock() - begun_s)
        if COST_S + _compiling_s(kind, facts) > left_s:
            continue
        on_wait(f"for estimates, once here: {' and '.join(NETWORKS)} by {kind.backend}, {kind.mode}, {kind.dtype}")
        taken, steady = _measured(kind, facts, left_s, clock)
        rates = rates_of(taken, kind) if steady else None
        if rates is not None:
            caches.write(path, rates)
            continue
        rough += _rates(taken, kind) if taken else []
        on_wait(
            "not kept: the machine is too busy to time them, or they failed"
            + ("; this run goes by what they took all the same" if taken else "")
        )
    return tuple(rough)


def correct(
    outcomes: Iterable[tuple[Job, Outcome]], machine: Machine, facts: Mapping[str, ModelFacts], print_: str
) -> None:
    """Corrects the remembered rates by what the networks of a run took, and their compilers."""
    steady = [(job.case, outcome) for job, outcome in outcomes if is_steady(outcome) and _is_plain(job.case)]
    for kind in _kinds([case for case, _ in steady], machine):
        path = _path(kind, print_)
        known = _kept(path)
        if known is None:
            continue
        same = [(case, outcome) for case, outcome in steady if _kind(case) == kind]
        taken = {
            backend: _largest([pair for pair in same if pair[0].backend == backend], facts)
            for backend in sorted({case.backend for case, _ in same})
        }
        rates = _with_compiling(corrected(known, taken.get(kind.backend, [])), taken)
        age = path.stat()
        if rates != known and caches.write(path, rates):
            os.utime(path, (age.st_atime, age.st_mtime))  # what no network of the run is near to is as old as before


def corrected(rates: Rates, taken: Sequence[Taken]) -> Rates:
    """The rates, each times the median of (measured / estimated) over the networks that are nearer to it than to the other."""
    known = sorted(rates.flop_s)
    ends, speeds = zip(*known, strict=True)
    ratios: dict[int, list[float]] = {}
    for item in taken:
        written, flop_s = _written(item), item.step_s / (item.facts.flops_per_image or 1.0)
        nearest = int(np.argmin([abs(written - end) for end in ends]))
        ratios.setdefault(nearest, []).append(flop_s / float(np.interp(written, ends, speeds)))
    factors = [float(np.median(ratios.get(place, [1.0]))) for place in range(len(known))]
    return dataclasses.replace(
        rates, flop_s=tuple((end, speed * factor) for (end, speed), factor in zip(known, factors, strict=True))
    )


def _with_compiling(rates: Rates, taken: Mapping[str, Sequence[Taken]]) -> Rates:
    """The rates with what each backend's compiler took in a run for an operation; what it took before where it compiled nothing now."""
    seconds = dict(rates.compiling)
    for backend, networks in taken.items():
        pairs = [
            (item.compile_s, item.facts.operations) for item in networks if item.compile_s and item.facts.operations
        ]
        if pairs:
            seconds[backend] = sum(compile_s for compile_s, _ in pairs) / sum(operations for _, operations in pairs)
    return dataclasses.replace(rates, compiling=tuple(sorted(seconds.items())))


def is_steady(outcome: Outcome) -> bool:
    """Whether the times of an outcome can be built on."""
    return outcome.status == "ok" and NOT_STEADY not in outcome.flags


def is_worth(rough: Plan) -> bool:
    """Whether a plan's time matters: it has a budget, or is long."""
    return bool(rough.jobs) and (rough.budget_s is not None or rough.estimate_s > WORTH_S)


def rates_of(measured: Sequence[Taken], case: Case) -> Rates | None:
    """Rates from what the two networks took; None where one is missing."""
    rates = _rates(measured, case) if len(measured) == len(NETWORKS) else []
    return next(iter(rates), None)


def _rates(measured: Sequence[Taken], case: Case) -> list[Rates]:
    """What some networks tell, one at least; none where their operations are not known."""
    if any(not taken.facts.flops_per_image for taken in measured):
        return []
    operations = sum(taken.facts.operations or 0 for taken in measured)
    compiling = [taken.compile_s for taken in measured if taken.compile_s is not None]
    sized = [taken for taken in measured if taken.peak_bytes is not None]
    rates = Rates(
        backend=case.backend,
        device=case.device,
        mode=case.mode,
        dtype=case.dtype,
        flop_s=tuple((_written(taken), taken.step_s / (taken.facts.flops_per_image or 1.0)) for taken in measured),
        compile_s_per_operation=sum(compiling) / operations if compiling and operations else None,
        element_bytes=tuple(_element_bytes(taken, case) for taken in sized) if len(sized) == len(measured) else (),
    )
    return [rates]


def _written(taken: Taken) -> float:
    """Elements a FLOP."""
    return (taken.facts.activations_per_image or 1.0) / (taken.facts.flops_per_image or 1.0)


def _element_bytes(taken: Taken, case: Case) -> tuple[float, float]:
    """(Elements written a FLOP, bytes at the peak an element written) of a network in a step of the case."""
    variable = (taken.peak_bytes or 0.0) - plan.kept_bytes(case, taken.facts)
    return _written(taken), max(variable, 0.0) / (case.batch_size * (taken.facts.activations_per_image or 1.0))


def _kinds(cases: Iterable[Case], machine: Machine) -> dict[Case, Device]:
    """The kinds of run that the cases are, each with its device, where they can be calibrated."""
    here = {device.name: device for device in machine.devices}
    kinds = sorted({_kind(case) for case in cases}, key=str)
    return {
        kind: here[kind.device]
        for kind in kinds
        if kind.device in here and kind.backend in here[kind.device].backends and kind.backend != "fake"
    }


def _is_plain(case: Case) -> bool:
    """Whether a case is a network as it is: what the rates are of."""
    return (case.kind, case.layout, case.options) == ("model", "contiguous", ())


def _largest(measured: Iterable[tuple[Case, Outcome]], facts: Mapping[str, ModelFacts]) -> list[Taken]:
    """What each network took at its largest batch, which is where estimates matter."""
    result: dict[str, tuple[int, Taken]] = {}
    for case, outcome in measured:
        known = plan.facts_of(case, facts)
        step_s = next(
            (measurement.value for measurement in outcome.measurements if measurement.metric == "latency"), None
        )
        if known is None or not known.flops_per_image or not step_s:
            continue
        if known.flops_per_image * case.batch_size < LEAST_FLOP:
            continue
        if case.batch_size >= result.get(case.model, (0, None))[0]:
            image_s = float(step_s) * case.devices / case.batch_size
            compile_s = next((item.value for item in outcome.measurements if item.metric == "compile"), None)
            result[case.model] = case.batch_size, Taken(facts=known, step_s=image_s, compile_s=compile_s)
    return [taken for _, taken in result.values()]


def _kept(path: Path) -> Rates | None:
    """What a file holds; None where there is none, or it is damaged."""
    rates = caches.read(Rates, path)
    sound = (
        rates is not None and rates.flop_s and all(0 < value < float("inf") for pair in rates.flop_s for value in pair)
    )
    return rates if sound else None


def _is_young(path: Path, now_s: float) -> bool:
    """Whether a file holds rates that are not too old."""
    return _kept(path) is not None and now_s - path.stat().st_mtime < EXPIRES_S


def _path(kind: Case, print_: str) -> Path:
    name = f"{FORM}-{print_}-{kind.backend}-{kind.device}-{kind.mode}-{kind.dtype}-{kind.threads}.json"
    return _home() / name.replace(":", "_")


def _kind(case: Case) -> Case:
    """What a calibration of a case has in common with it."""
    mode = "inference" if case.mode == "features" else case.mode
    return Case(
        model="",
        backend=FROM_ELSEWHERE.get(case.backend, case.backend),
        device=case.device,
        mode=mode,
        batch_size=IMAGES[has_clocks(case.device)],
        image_px=IMAGE_PX,
        dtype=case.dtype,
        param_dtype=case.param_dtype,
        threads=case.threads,
    )


def _measured(
    case: Case, facts: Mapping[str, ModelFacts], most_s: float, clock: Callable[[], float]
) -> tuple[list[Taken], bool]:
    """(What the networks took, whether all of them were steady); one that was not is the last, since the other would not do alone."""
    taken: list[Taken] = []
    end_s = clock() + most_s
    for name in NETWORKS:
        job = Job(
            job_id=name,
            case_id=name,
            case=dataclasses.replace(case, model=name),
            metrics=("latency", "compile", "peak_memory"),
            sampling=SAMPLING,
            timeout_s=min(LIMIT_S, max(1.0, end_s - clock())),
        )
        outcome = _outcome(job)
        taken += _taken(job.case, outcome, facts)
        if not is_steady(outcome):
            return taken, False
    return taken, True


def _taken(case: Case, outcome: Outcome, facts: Mapping[str, ModelFacts]) -> list[Taken]:
    """What an outcome tells of its network; nothing where it has no time."""
    values = {measurement.metric: measurement.value for measurement in outcome.measurements}
    known, step_s = plan.facts_of(case, facts), values.get("latency")
    if known is None or not step_s:
        return []
    image_s = step_s / case.batch_size
    return [Taken(facts=known, step_s=image_s, compile_s=values.get("compile"), peak_bytes=values.get("peak_memory"))]


def _compiling_s(kind: Case, facts: Mapping[str, ModelFacts]) -> float:
    """What compiling the networks takes by itself, where the backend does."""
    if not registry.load("backends", kind.backend).COMPILES:
        return 0.0
    known = [plan.facts_of(dataclasses.replace(kind, model=name), facts) for name in NETWORKS]
    operations = sum(
        (model_facts.operations if model_facts else None) or estimates.UNKNOWN_OPERATIONS for model_facts in known
    )
    return operations * estimates.COMPILE_S_PER_OPERATION[kind.mode]


def _outcome(job: Job) -> Outcome:
    """What one visit of a case in one process comes to."""
    with launch.WorkerPool() as pool:
        *_, last = follow([job], RunSetup(pool=pool, half_of=lambda job: job))
    return outcomes_of(last.standing)[-1][1]


def _home() -> Path:
    return caches.folder() / "rates"
