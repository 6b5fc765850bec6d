"""What to run, in which order, for how long, what to leave out and why: pure, from suite, machine and rows there."""

import dataclasses
import fnmatch
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .analysis.budget import Setting, is_reference, setting, total_s, within, worker_key
from .core.errors import DeviceError
from .core.identity import case_id
from .core.record import SETTLED
from .core.spec import (
    ALL,
    Case,
    Cell,
    Device,
    Job,
    Machine,
    ModelFacts,
    Plan,
    Rates,
    Sampling,
    Skip,
    Suite,
    Value,
    default_param_dtype,
    facts_key,
    halves,
)

CASE_OVERHEAD_S = 1.0
"""Placing the network, memory, counting."""
CALLS = 3
"""Beside those that are timed: the first, that of memory, that of the check."""
COMPILE_S_PER_OPERATION = {"inference": 0.45, "features": 0.45, "train": 1.6}
"""Compiling a convolution or matrix product where no calibration tells: ResNet-50, which has 54, by torch.compile took 24 s
(inference) and 84 s (training) on two Xeon cores."""
UNKNOWN_OPERATIONS = 60
COMPILE_PATIENCE = 5.0
"""A case that compiles has so many times the estimate beyond its suite's time limit: networks differ, and max-autotune is slow."""
EFFICIENCY = 0.4
"""Share of the matrix-product rate that whole networks reach in eager mode; an assumption, for estimates only."""
UNKNOWN_STEP_S = 0.1
TRAIN_FACTOR = 3.0
"""Forward, and twice its operations backward."""
LIVE_SHARE = 0.3
"""Share of the activations alive at the peak of inference; an assumption, for estimates only."""
MEMORY_SHARE = 0.8
BYTES = {"float32": 4, "tf32": 4, "bfloat16": 2, "float16": 2}
FALLBACK_PX = 224
HOSTS_OWN = ("cpu", "fake")
"""Kinds of devices that stand in for no accelerator that is here and busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The newest answer for a case: its status, and the half width of its interval as a share of the median."""

    status: str
    half_width: float | None = None
    capped: bool = False
    halved: bool = False
    """It did not fit, and its answer is that of half the batch."""
    crowded: bool = False
    """It did not fit in what other programs had left."""
    metrics: frozenset[str] | None = None
    """Those that were asked for; None where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the caller wants beside the suite. `defaults` are the identity defaults of options by the model, or the backend,
    that they belong to; `compiling` the backends that compile."""

    budget_s: float | None = None
    spent_s: float = 0.0
    """Of the budget, before the plan."""
    device_asked: bool = False
    fresh: bool = False
    available_bytes: int = 0
    defaults: Mapping[str, Mapping[str, Value]] = dataclasses.field(default_factory=dict[str, Mapping[str, Value]])
    compiling: Collection[str] = ()
    rates: Sequence[Rates] = ()
    """What a calibration found; a moment's matrix product is the guide without."""


def make(
    suite: Suite,
    machine: Machine,
    facts: Mapping[str, ModelFacts],
    done: Mapping[tuple[str, int], Done],
    request: Request,
) -> Plan:
    """The plan. Raises DeviceError where a device that was asked for is not here."""
    skips: list[Skip] = []
    jobs: list[Job] = []
    kept: list[str] = []
    measured: set[Setting] = set()
    seen: set[tuple[str, int]] = set()
    fallback = _fallback(suite, machine)
    repeated = _repeated(suite)
    for place, cell in enumerate(suite.cells):
        device, named, why = _choose_device(cell, machine)
        case = resolve(cell.case, named, machine, facts)
        if _is_excluded(case, cell):
            continue
        first = case_id(case, defaults_of(case, request.defaults))
        if device is None:
            if request.device_asked:
                raise DeviceError(why)
            skips.append(Skip(case_id=first, case=case, status="skipped", reason=why))
            continue
        processes = max(suite.sampling.processes, suite.sampling.spread_processes if place in repeated else 1)
        for replicate in range(processes):
            for fitting, identity in _fitting(cell, (case, first), replicate, {} if request.fresh else done, request):
                if (identity, replicate) in seen:  # "native" and the same size in numbers
                    continue
                seen.add((identity, replicate))
                if not request.fresh and _is_settled(done.get((identity, replicate)), suite):
                    kept.append(identity)
                    measured |= {setting(fitting)} if is_reference(fitting, suite.reference) else set()
                    continue
                job = _job(suite, fitting, identity, replicate, (device, facts, request))
                jobs.append(dataclasses.replace(job, fit=cell.fit, requested_batch_size=case.batch_size))
    budget_s = request.budget_s
    if budget_s is None and fallback:
        budget_s = suite.fallback_budget_s
    chosen, left_out = _order(jobs, suite.sampling.seed), list[Job]()
    estimate_s = total_s(chosen)
    if budget_s is not None:
        left_s = budget_s - request.spent_s
        chosen, left_out, estimate_s = within(chosen, left_s, reference=suite.reference, measured=measured)
        skips += [_left_out(job, budget_s) for job in left_out]
    return Plan(
        jobs=tuple(chosen),
        kept=tuple(kept),
        skips=tuple(skips),
        spare=tuple(left_out),
        reference=suite.reference,
        measured=tuple(measured),
        estimate_s=estimate_s,
        budget_s=budget_s,
        calibrated=bool(request.rates),
        left_out_s=total_s(left_out),
        device_title=_title(chosen, machine),
        fallback=fallback,
    )


def _left_out(job: Job, budget_s: float) -> Skip:
    return Skip(
        case_id=job.case_id,
        case=job.case,
        replicate=job.replicate,
        status="skipped",
        reason=f"left out by the budget of {budget_s:g} s; a larger --budget takes it in",
    )


def halved(job: Job, defaults: Mapping[str, Value]) -> Job:
    """The job with half the batch: a case of its own that knows what was asked for. `defaults` are the options' identity defaults."""
    case = dataclasses.replace(job.case, batch_size=job.case.batch_size // 2)
    identity = case_id(case, defaults)
    return dataclasses.replace(job, job_id=f"{identity}-{job.replicate}", case_id=identity, case=case)


def resolve(case: Case, device: str, machine: Machine, facts: Mapping[str, ModelFacts]) -> Case:
    """The case with device, number of devices, image size, threads and parameter dtype filled in."""
    known = facts.get(facts_key(case.model, None, case.options)) or facts.get(case.model)
    return dataclasses.replace(
        case,
        device=device if device != "auto" else machine.devices[0].name,
        devices=_count(case, device, machine) if case.devices == ALL else case.devices,
        image_px=case.image_px or (known.native_px if known else FALLBACK_PX),
        threads=case.threads or machine.environment.cores,
        param_dtype=case.param_dtype or default_param_dtype(case.dtype, case.mode),
    )


def defaults_of(case: Case, defaults: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """Identity defaults of a case's options: its model's and its backend's."""
    return {**defaults.get(case.model, {}), **defaults.get(case.backend, {})}


def _count(case: Case, device: str, machine: Machine) -> int:
    """Devices of one kind from the first one on that the backend spreads a case over; 1 where it runs on one."""
    kind = device.partition(":")[0]
    together = [one.name for one in machine.devices if one.kind == kind and case.backend in one.sharding]
    return len(together) - together.index(device) if device in together else 1


def _fitting(
    cell: Cell, known: tuple[Case, str], replicate: int, done: Mapping[tuple[str, int], Done], request: Request
) -> Iterator[tuple[Case, str]]:
    """The case with its id, and where it is known not to fit also that of half its batch, and so on."""
    yield known
    case, identity = known
    answer = done.get((identity, replicate))
    if cell.fit == "halve" and answer is not None and answer.halved and halves(case):
        smaller = dataclasses.replace(case, batch_size=case.batch_size // 2)
        yield from _fitting(
            cell, (smaller, case_id(smaller, defaults_of(case, request.defaults))), replicate, done, request
        )


def _choose_device(cell: Cell, machine: Machine) -> tuple[Device | None, str, str]:
    """(The device, its name, "") or (None, the name of what the cell is for, why there is none). One that is busy has no stand-in."""
    case = cell.case
    able = [one for one in machine.devices if case.backend in one.backends]
    busy = [one for one in machine.busy if case.backend in one.backends]
    wanted = cell.prefer or ((case.device,) if case.device != "auto" else ())
    for word in wanted:
        if chosen := _named(word, able):
            return chosen, chosen.name, ""
    held = next((one for word in wanted if (one := _named(word, busy))), None)
    if held is None and case.device == "auto":
        held = next((one for one in busy if not able or able[0].kind in HOSTS_OWN), None)
        if held is None and able:
            return able[0], able[0].name, ""
    if held is not None:
        why = f"device {held.name} ({held.title}) is here and busy: {held.problem}; run again when it is free, or use another --device"
        return None, held.name, why
    if not able:
        why = dict(machine.missing).get(case.backend, "it finds no device")
        return None, case.device, f"backend {case.backend} cannot run here: {why}"
    here = ", ".join(f"{one.name} ({one.title})" for one in able)
    return None, case.device, f"device {case.device} is not here for backend {case.backend}; here: {here}"


def _named(word: str, devices: Sequence[Device]) -> Device | None:
    """The first device of a name or kind."""
    return next((one for one in devices if word in (one.name, one.kind)), None)


def _fallback(suite: Suite, machine: Machine) -> str:
    """What to say when none of the preferred devices is here; empty otherwise."""
    wanted = sorted({kind for cell in suite.cells for kind in cell.prefer})
    here = {one.kind for one in (*machine.devices, *machine.busy)}
    if not wanted or here & set(wanted):
        return ""
    best = machine.devices[0]
    return f"no {' or '.join(wanted)} here: measuring on {best.name} ({best.title}) instead; every row says so"


def _is_excluded(case: Case, cell: Cell) -> bool:
    if not cell.exclude:
        return False
    options = {f"options.{key}": str(value) for key, value in case.options}
    texts = {name: str(getattr(case, name)) for name in Case.__slots__} | options
    return any(all(fnmatch.fnmatchcase(texts.get(key, ""), glob) for key, glob in entry) for entry in cell.exclude)


def _is_settled(done: Done | None, suite: Suite) -> bool:
    """Whether an answer needs no other try: settled, of every metric, and as precise as asked or as the budget could make it."""
    if done is None or done.status not in SETTLED or done.crowded:
        return False
    if done.status != "oom" and done.metrics is not None and not done.metrics.issuperset(suite.metrics):
        return False
    return done.half_width is None or done.half_width <= suite.sampling.target_precision or done.capped


def _repeated(suite: Suite) -> frozenset[int]:
    """The places of the cells that run in more processes, to learn the spread between them: the reference, else the first."""
    wanted = [(key, str(value)) for key, value in suite.reference]
    cells = enumerate(suite.cells) if wanted else ()
    found = (place for place, cell in cells if all(str(getattr(cell.case, key, None)) == one for key, one in wanted))
    return frozenset(found) or frozenset({0})


def _job(
    suite: Suite, case: Case, identity: str, replicate: int, place: tuple[Device, Mapping[str, ModelFacts], Request]
) -> Job:
    device, facts, request = place
    known = facts_of(case, facts)
    rates = _rates_of(case, request.rates)
    compile_s = _compile_s(case, known, rates) if case.backend in request.compiling else 0.0
    available_bytes = request.available_bytes
    return Job(
        job_id=f"{identity}-{replicate}",
        case_id=identity,
        case=case,
        metrics=suite.metrics,
        sampling=suite.sampling,
        replicate=replicate,
        timeout_s=suite.job_timeout_s + COMPILE_PATIENCE * compile_s,
        memory_limit_bytes=int(MEMORY_SHARE * available_bytes) if device.kind == "cpu" and available_bytes else None,
        estimate_s=_estimate_s(suite.sampling, _step_s(case, device, known, rates)) + compile_s,
        estimate_bytes=_estimate_bytes(case, known, rates),
    )


def facts_of(case: Case, facts: Mapping[str, ModelFacts]) -> ModelFacts | None:
    """The closest there are: of its options and size, else of another's."""
    keys = [facts_key(case.model, px, options) for options in (case.options, ()) for px in (case.image_px, None)]
    return next((facts[key] for key in keys if key in facts), None)


def _rates_of(case: Case, rates: Sequence[Rates]) -> Rates | None:
    """Those of the case's kind of run, else of another backend's on the same device."""
    mode = "inference" if case.mode == "features" else case.mode
    same = [one for one in rates if (one.device, one.mode, one.dtype) == (case.device, mode, case.dtype)]
    return next((one for one in same if one.backend == case.backend), same[0] if same else None)


def _step_s(case: Case, device: Device, facts: ModelFacts | None, rates: Rates | None) -> float:
    """Seconds of a step."""
    if facts is None or not facts.flops_per_image:
        return UNKNOWN_STEP_S * case.batch_size
    if rates is not None:
        return case.batch_size * facts.flops_per_image * _between(rates.flop_s, facts)
    times = TRAIN_FACTOR if case.mode == "train" else 1.0
    if not device.gemm_flop_per_s:
        return times * UNKNOWN_STEP_S * case.batch_size
    return times * facts.flops_per_image * case.batch_size / (device.gemm_flop_per_s * EFFICIENCY)


def _compile_s(case: Case, facts: ModelFacts | None, rates: Rates | None) -> float:
    """Seconds of compiling; those of another backend say nothing."""
    operations = (facts.operations if facts else None) or UNKNOWN_OPERATIONS
    own = rates.compile_s_per_operation if rates is not None and rates.backend == case.backend else None
    return operations * (COMPILE_S_PER_OPERATION[case.mode] if own is None else own)


def _estimate_s(sampling: Sampling, step_s: float) -> float:
    """Seconds of a job without compiling."""
    least_s = step_s * (sampling.min_samples + sampling.warmup_calls + CALLS)
    return max(least_s, sampling.case_budget_s) + CASE_OVERHEAD_S


def _estimate_bytes(case: Case, facts: ModelFacts | None, rates: Rates | None) -> float | None:
    if facts is None or facts.parameters is None or facts.activations_per_image is None:
        return None
    return kept_bytes(case, facts) + facts.activations_per_image * case.batch_size * _element_bytes(case, facts, rates)


def kept_bytes(case: Case, facts: ModelFacts) -> float:
    """Bytes of the parameters, in training with gradients and momentum, and of the images."""
    copies = 3 if case.mode == "train" else 1
    images = 3 * (case.image_px or 0) ** 2 * case.batch_size
    return BYTES[case.dtype] * (copies * (facts.parameters or 0) + images)


def _element_bytes(case: Case, facts: ModelFacts, rates: Rates | None) -> float:
    """Bytes at the peak for an element that convolutions and matrix products write.

    What lies between those (normalisation, activation, gating) takes memory too, more where a network multiplies less for what it
    writes: it is what the calibrated networks took, between them by elements a FLOP, and beyond them as the nearest.
    """
    known = rates.element_bytes if rates is not None and rates.backend == case.backend else ()
    if not known or not facts.flops_per_image:
        return BYTES[case.dtype] * (1.0 if case.mode == "train" else LIVE_SHARE)
    return _between(known, facts)


def _between(known: Sequence[tuple[float, float]], facts: ModelFacts) -> float:
    """What a network takes between those that were measured, by elements a FLOP; beyond them as the nearest."""
    (low, few), (high, many) = min(known), max(known)
    written = (facts.activations_per_image or 0.0) / (facts.flops_per_image or 1.0)
    share = min(max((written - low) / (high - low), 0.0), 1.0) if high > low else 0.0
    return few + share * (many - few)


def _order(jobs: list[Job], seed: int) -> list[Job]:
    """Groups of one process each in seeded random order, every model before any model's second process."""
    groups: dict[tuple[object, ...], list[Job]] = {}
    for job in jobs:
        groups.setdefault(worker_key(job), []).append(job)
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)
    shuffled.sort(key=lambda group: group[0].replicate)
    return [job for group in shuffled for job in group]


def _title(jobs: list[Job], machine: Machine) -> str:
    used = {job.case.device for job in jobs}
    return ", ".join(f"{one.title} ({one.name})" for one in machine.devices if one.name in used)
