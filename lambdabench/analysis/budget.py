"""Which jobs a budget has time for: pairs that can be compared first, then every model once; and how far off estimates turn out to be."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from ..core.spec import Case, Job, Options
from .estimate import median

PROCESS_START_S = 4.0
"""Importing torch and timm and building a network (3.3 s and some were measured on two cores)."""
PACES = (0.2, 5.0)
"""What a few jobs took may stretch estimates of others by so much, and no more."""

Setting = tuple[object, ...]


def worker_key(job: Job) -> tuple[object, ...]:
    """Consecutive jobs of one key share a worker process."""
    case = job.case
    return case.model, case.backend, case.device, case.threads, job.replicate


def setting(case: Case) -> Setting:
    """What two cases have in common whose ratio is one of their models."""
    names = ("kind", "mode", "batch_size", "dtype", "param_dtype", "layout", "backend", "device", "devices", "threads")
    return tuple(getattr(case, name) for name in names)


def is_reference(case: Case, reference: Options) -> bool:
    """Whether a case is one that a suite's ratios are over."""
    return bool(reference) and all(str(getattr(case, key, None)) == str(value) for key, value in reference)


def total_s(jobs: Collection[Job]) -> float:
    """Seconds of jobs with their processes."""
    return sum(job.estimate_s or 0.0 for job in jobs) + PROCESS_START_S * len({worker_key(job) for job in jobs})


def within(
    jobs: Sequence[Job],
    budget_s: float,
    *,
    reference: Options = (),
    measured: Collection[Setting] = (),
    pace: float = 1.0,
    running: tuple[object, ...] | None = None,
    had: Mapping[str, int] = MappingProxyType({}),
    least: int = 1,
) -> tuple[list[Job], list[Job], float]:
    """(Jobs within `budget_s` seconds in the order to run them, jobs left out, seconds of the first).

    Each model's first case precedes any second; first cases are of the setting in which the reference is (`measured`: or was) and that
    costs least, the reference's before all others'. Estimates are multiplied by `pace`; the process of the key `running` is there
    already, and goes on first where that keeps no model waiting for its turn; `had` counts what each model has had. At least `least`
    jobs are chosen, whatever they take.
    """
    turns = _turns(jobs, _ranks(jobs, reference, measured), had)
    worth = sorted(
        jobs, key=lambda one: (turns[one.job_id], not is_reference(one.case, reference), one.estimate_s or 0.0)
    )
    taken: set[str] = set()
    spent_s, started = 0.0, {running}
    for job in worth:
        cost_s = pace * (job.estimate_s or 0.0) + (0.0 if worker_key(job) in started else PROCESS_START_S)
        if spent_s + cost_s <= budget_s:
            taken.add(job.job_id)
            started.add(worker_key(job))
            spent_s += cost_s
    for job in sorted(worth, key=lambda one: one.estimate_s or 0.0)[: max(0, least - len(taken))]:
        taken.add(job.job_id)
        spent_s += pace * (job.estimate_s or 0.0) + PROCESS_START_S
    left_out = [one for one in jobs if one.job_id not in taken]
    ordered = _together([one for one in worth if one.job_id in taken])
    due = min((turns[one.job_id] for one in left_out), default=len(jobs))
    ordered.sort(key=lambda one: worker_key(one) != running or turns[one.job_id] > due)
    return ordered, left_out, spent_s


def pace_of(finished: Iterable[tuple[float, float]]) -> float:
    """The median of (seconds taken / estimate) of jobs, within `PACES`; 1 of none. `finished` are pairs (estimate, taken)."""
    ratios = [taken_s / estimate_s for estimate_s, taken_s in finished if estimate_s > 0]
    return min(max(median(ratios), PACES[0]), PACES[1]) if ratios else 1.0


def _turns(jobs: Sequence[Job], ranks: Mapping[Setting, int], had: Mapping[str, int]) -> dict[str, int]:
    """The how manyth of its model each job is, those of the first settings first and second processes last."""
    rounds = dict(had)
    turns: dict[str, int] = {}
    for job in sorted(jobs, key=lambda one: (one.replicate, ranks[setting(one.case)])):
        turns[job.job_id] = rounds.get(job.case.model, 0)
        rounds[job.case.model] = 1 + turns[job.job_id]
    return turns


def _ranks(jobs: Sequence[Job], reference: Options, measured: Collection[Setting]) -> Mapping[Setting, int]:
    """Settings in which ratios can be had first, then by what a case in them takes."""
    costs: dict[Setting, list[float]] = {}
    paired = set(measured)
    for job in jobs:
        costs.setdefault(setting(job.case), []).append(job.estimate_s or 0.0)
        if is_reference(job.case, reference):
            paired.add(setting(job.case))
    ordered = sorted(costs, key=lambda one: (one not in paired, sum(costs[one]) / len(costs[one])))
    return {one: index for index, one in enumerate(ordered)}


def _together(jobs: Sequence[Job]) -> list[Job]:
    """Jobs of one process after each other, each group where its first stands."""
    groups: dict[tuple[object, ...], list[Job]] = {}
    for job in jobs:
        groups.setdefault(worker_key(job), []).append(job)
    return [job for group in groups.values() for job in group]
