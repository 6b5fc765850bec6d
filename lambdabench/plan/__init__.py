"""What to run, for how long, what to leave out and why: pure, from suite, machine and rows there. Who is visited when is `conduct`'s."""

import dataclasses
import fnmatch
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import DeviceError
from ..core.identity import case_id
from ..core.loads import metrics_of
from ..core.quantiles import fewest_calls, share_of
from ..core.record import TRAINED
from ..core.spec import (
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
    spread,
)
from ..core.statuses import SETTLED, USABLE
from ..core.training import METRIC, Recipe
from .budget import Setting, is_reference, setting, total_s, within
from .estimates import COMPILE_PATIENCE, compile_s_of, cost, estimate_bytes, facts_of, rates_of, step_s, train_s
from .estimates import kept_bytes as kept_bytes

MEMORY_SHARE = 0.8
FALLBACK_PX = 224
LONG_S = 10.0
"""A case that compiles for longer, in every process, is measured in one."""
HOSTS_OWN = ("cpu", "fake")
"""Kinds of devices that stand in for no accelerator that is here and busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The newest answer for a case in one process: its status, and how many visits it had."""

    status: str
    visits: int = 0
    unfinished: bool = False
    """The case was to be visited more often when its run ended."""
    halved: bool = False
    """It did not fit, and its answer is that of half the batch."""
    crowded: bool = False
    """It did not fit in what other programs had left."""
    metrics: frozenset[str] | None = None
    """Those that were asked for; None where that is not known."""
    at: str = ""
    """The quantile that was to have a bound."""
    ess: int = 0
    """Of the whole case: independent calls that would tell as much of the quantile that is to have one now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the caller wants beside the suite. `defaults` are the identity defaults of options by the model, or the backend,
    that they belong to; `compiling` the backends that compile, `forking` those whose processes cost little; `recipes` of the networks
    that can be trained, by model."""

    budget_s: float | None = None
    spent_s: float = 0.0
    """Of the budget, before the plan."""
    device_asked: bool = False
    fresh: bool = False
    patient: bool = False
    """Whether cases that are there already may be visited further."""
    available_bytes: int = 0
    defaults: Mapping[str, Mapping[str, Value]] = dataclasses.field(default_factory=dict[str, Mapping[str, Value]])
    compiling: Collection[str] = ()
    forking: Collection[str] = ()
    recipes: Mapping[str, Recipe] = dataclasses.field(default_factory=dict[str, Recipe])
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
    measured: dict[Setting, Job | None] = {}
    more: list[Job] = []
    seen: set[str] = set()
    fallback = _fallback(suite, machine)
    answers = _by_case({} if request.fresh else done)
    for cell in suite.cells:
        device, named, why = _choose_device(cell, machine)
        case = resolve(cell.case, named, machine, facts)
        if _is_excluded(case, cell):
            continue
        first = case_id(case, _defaults(case, request))
        if device is None:
            if request.device_asked:
                raise DeviceError(why)
            skips.append(Skip(case_id=first, case=case, status="skipped", reason=why))
            continue
        for fitting, identity in _fitting(cell, (case, first), answers, request):
            if identity in seen:  # "native" and the same size in numbers
                continue
            seen.add(identity)
            if _is_settled(answers.get(identity, {}), suite):
                kept.append(identity)
                place = (device, facts, request)
                if is_reference(fitting, suite.reference):
                    measured[setting(fitting)] = _further(suite, fitting, identity, answers[identity], place)
                if request.patient and (item := _further(suite, fitting, identity, answers[identity], place)):
                    more.append(item)
                continue
            job = _job(suite, fitting, identity, answers.get(identity, {}), (device, facts, request))
            jobs.append(dataclasses.replace(job, fit=cell.fit, requested_batch_size=cell.case.batch_size))
    wanted = {setting(job.case) for job in jobs}
    beside = [job for where, job in measured.items() if where in wanted and job is not None]
    jobs += beside
    again = {job.case_id for job in beside}
    kept = [name for name in kept if name not in again]
    budget_s = suite.fallback_budget_s if request.budget_s is None and fallback else request.budget_s
    reference = next((job.case_id for job in jobs if is_reference(job.case, suite.reference)), "")
    left_s = None if budget_s is None else budget_s - request.spent_s
    chosen, left_out = within(jobs, left_s, reference=suite.reference, measured=measured, ordered=suite.ordered)
    skips += [_left_out(job, budget_s or 0.0) for job in left_out]
    return Plan(
        jobs=tuple(chosen),
        kept=tuple(kept),
        skips=tuple(skips),
        spare=tuple(left_out),
        more=tuple(job for job in more if job.case_id not in again),
        estimate_s=total_s(chosen),
        budget_s=budget_s,
        calibrated=bool(request.rates),
        left_out_s=total_s(left_out),
        device_title=_title(chosen or more, machine),
        fallback=fallback,
        reference=reference,
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
    """The case with device, number of devices, image size, threads and parameter dtype filled in; of a batch over all devices as many
    images as these can share."""
    known = facts.get(facts_key(case.model, None, case.options)) or facts.get(case.model)
    devices = _count(case, device, machine) if case.devices == ALL else case.devices
    return dataclasses.replace(
        case,
        device=device if device != "auto" else machine.devices[0].name,
        devices=devices,
        batch_size=spread(case.batch_size, devices) if case.devices == ALL else case.batch_size,
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
    together = [device.name for device in machine.devices if device.kind == kind and case.backend in device.sharding]
    return len(together) - together.index(device) if device in together else 1


def _defaults(case: Case, request: Request) -> dict[str, Value]:
    return defaults_of(case, request.defaults)


def _by_case(done: Mapping[tuple[str, int], Done]) -> dict[str, dict[int, Done]]:
    """Answers by case, then by process."""
    dones: dict[str, dict[int, Done]] = {}
    for (identity, replicate), item in done.items():
        dones.setdefault(identity, {})[replicate] = item
    return dones


def _fitting(
    cell: Cell, known: tuple[Case, str], answers: Mapping[str, Mapping[int, Done]], request: Request
) -> Iterator[tuple[Case, str]]:
    """The case with its id, and where it is known not to fit also that of half its batch, and so on."""
    yield known
    case, identity = known
    halved = any(answer.halved for answer in answers.get(identity, {}).values())
    if cell.fit == "halve" and halved and halves(case):
        smaller = dataclasses.replace(case, batch_size=case.batch_size // 2)
        yield from _fitting(cell, (smaller, case_id(smaller, _defaults(case, request))), answers, request)


def _choose_device(cell: Cell, machine: Machine) -> tuple[Device | None, str, str]:
    """(The device, its name, "") or (None, the name of what the cell is for, why there is none). One that is busy has no stand-in."""
    case = cell.case
    able = [device for device in machine.devices if case.backend in device.backends]
    busy = [device for device in machine.busy if case.backend in device.backends]
    wanted = cell.prefer or ((case.device,) if case.device != "auto" else ())
    for word in wanted:
        if chosen := _named(word, able):
            return chosen, chosen.name, ""
    held = next((device for word in wanted if (device := _named(word, busy))), None)
    if held is None and case.device == "auto":
        held = next((device for device in busy if not able or able[0].kind in HOSTS_OWN), None)
        if held is None and able:
            return able[0], able[0].name, ""
    if held is not None:
        why = f"device {held.name} ({held.title}) is here and busy: {held.problem}; run again when it is free, or use another --device"
        return None, held.name, why
    if not able:
        why = dict(machine.missing).get(case.backend, "it finds no device; lambdabench list backends names others")
        return None, case.device, f"backend {case.backend} cannot run here: {why}"
    here = ", ".join(f"{device.name} ({device.title})" for device in able)
    why = f"device {case.device} is not here for backend {case.backend}; here: {here}; lambdabench list devices says what keeps others away"
    return None, case.device, why


def _named(word: str, devices: Sequence[Device]) -> Device | None:
    """The first device of a name or kind."""
    return next((device for device in devices if word in (device.name, device.kind)), None)


def _fallback(suite: Suite, machine: Machine) -> str:
    """What to say when none of the preferred devices is here; empty otherwise."""
    wanted = sorted({kind for cell in suite.cells for kind in cell.prefer})
    here = {device.kind for device in (*machine.devices, *machine.busy)}
    if not wanted or here & set(wanted):
        return ""
    best = machine.devices[0]
    return f"no {' or '.join(wanted)} here: measuring on {best.name} ({best.title}) instead; every row says so"


def _is_excluded(case: Case, cell: Cell) -> bool:
    if not cell.exclude:
        return False
    options = {f"options.{key}": str(value) for key, value in case.options}
    texts = {name: str(getattr(case, name)) for name in Case.__slots__} | options
    texts["batch_size"] = str(cell.case.batch_size)  # as it was asked for, whatever so many devices share
    return any(all(fnmatch.fnmatchcase(texts.get(key, ""), glob) for key, glob in entry) for entry in cell.exclude)


def _is_settled(answers: Mapping[int, Done], suite: Suite) -> bool:
    """Whether a case needs no other visit: it cannot run, or has had all its visits and every metric."""
    statuses = {answer.status for answer in answers.values()}
    if not answers or any(answer.crowded for answer in answers.values()) or not statuses <= SETTLED:
        return False
    if statuses - USABLE:
        return True
    if answers[max(answers)].unfinished or not _has_metrics(answers, suite):  # older rows keep their flags
        return False
    return not _tail_visits(answers, suite)


def _has_metrics(answers: Mapping[int, Done], suite: Suite) -> bool:
    known = [answer.metrics for answer in answers.values() if answer.metrics is not None]
    return not known or {*suite.metrics, *metrics_of(suite.sampling.loads)} <= frozenset().union(*known)


def _tail_visits(answers: Mapping[int, Done], suite: Suite) -> int:
    """Visits that a case still wants for the bound of a quantile: of calls that are too few for it, else of visits, where these were not
    made for such a one."""
    if not suite.sampling.at:
        return 0
    share = share_of(suite.sampling.at)
    fewest, ess = fewest_calls(share), max((answer.ess for answer in answers.values()), default=0)
    if ess < fewest:
        return fewest - ess
    if any(answer.at and share_of(answer.at) >= share for answer in answers.values()):
        return 0
    return max(0, fewest - sum(answer.visits for answer in answers.values()))


def _goes_on(answers: Mapping[int, Done], suite: Suite) -> bool:
    """Whether a case can be visited further, as what its processes answered is good and only less than was wanted."""
    return bool(answers) and all(answer.status == "ok" for answer in answers.values()) and _has_metrics(answers, suite)


def _job(
    suite: Suite,
    case: Case,
    identity: str,
    answers: Mapping[int, Done],
    place: tuple[Device, Mapping[str, ModelFacts], Request],
) -> Job:
    device, facts, request = place
    known = facts_of(case, facts)
    rates = rates_of(case, request.rates)
    compile_s = compile_s_of(case, known, rates) if case.backend in request.compiling else 0.0
    goes_on = _goes_on(answers, suite)
    sampling = _sampling(suite, answers if goes_on else {}, compile_s)
    spent = cost(case, sampling, step_s(case, device, known, rates), compile_s, forks=case.backend in request.forking)
    replicate = max(answers) + 1 if goes_on else 0
    seeds, metrics = _training(suite, case, answers, request)
    training_s = seeds * train_s(case, device, known, rates, request.recipes.get(case.model))
    available_bytes = request.available_bytes
    return Job(
        job_id=f"{identity}-{replicate}",
        case_id=identity,
        case=case,
        metrics=metrics,
        sampling=sampling,
        replicate=replicate,
        seeds=seeds,
        timeout_s=suite.job_timeout_s + COMPILE_PATIENCE * compile_s,
        memory_limit_bytes=int(MEMORY_SHARE * available_bytes) if device.kind == "cpu" and available_bytes else None,
        train_s=training_s,
        open_s=spent.open_s,
        visit_s=spent.visit_s,
        visits=spent.visits.rounds,
        calls=spent.calls,
        estimate_s=training_s + spent.first_s + sampling.processes * spent.open_s + spent.visits.rounds * spent.visit_s,
        estimate_bytes=estimate_bytes(case, known, rates),
    )


def _training(suite: Suite, case: Case, answers: Mapping[int, Done], request: Request) -> tuple[int, tuple[str, ...]]:
    """(How often a case is to be trained, what else is asked of it): of a network with a recipe the accuracy is its trainings' business."""
    if METRIC not in suite.metrics or case.model not in request.recipes:
        return 0, suite.metrics
    there = TRAINED in answers and answers[TRAINED].status == "ok"
    return 0 if there else suite.sampling.seeds, tuple(metric for metric in suite.metrics if metric != METRIC)


def _further(
    suite: Suite,
    case: Case,
    identity: str,
    answers: Mapping[int, Done],
    place: tuple[Device, Mapping[str, ModelFacts], Request],
) -> Job | None:
    """A case that is there already, in further processes: the reference beside cases that are measured now, since ratios are taken within
    rounds, and any where more is to be known. None where it was measured without visits, or has no number."""
    if not _goes_on(answers, suite) or not any(answer.visits for answer in answers.values()):
        return None
    again = _job(suite, case, identity, {}, place)
    replicate = max(answers) + 1
    return dataclasses.replace(
        again, replicate=replicate, job_id=f"{identity}-{replicate}", requested_batch_size=case.batch_size, seeds=0
    )


def _sampling(suite: Suite, answers: Mapping[int, Done], compile_s: float) -> Sampling:
    """As the suite has it, for the visits that are left; in one process where each would compile for long."""
    sampling, tail_visits = suite.sampling, _tail_visits(answers, suite)
    rounds = max(1, sampling.rounds - sum(answer.visits for answer in answers.values()))
    processes = min(1 if compile_s > LONG_S else sampling.processes, max(rounds, tail_visits))
    share = sampling.case_budget_s * rounds / sampling.rounds
    return dataclasses.replace(
        sampling,
        rounds=rounds,
        processes=processes,
        case_budget_s=share,
        load_budget_s=sampling.load_budget_s * rounds / sampling.rounds,
        tail_visits=tail_visits,
    )


def _title(jobs: Sequence[Job], machine: Machine) -> str:
    used = {job.case.device for job in jobs}
    return ", ".join(f"{device.title} ({device.name})" for device in machine.devices if device.name in used)
