"""What fits in a budget: fewer processes first, then fewer cases, and pairs that can be compared before others."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from ..core import fields
from ..core.spec import Case, Job, Options

FEWEST_VISITS = 3
"""Of a case, so that it has an interval: as long as there is time for so many of all, none is left out."""

Setting = tuple[object, ...]


def setting(case: Case) -> Setting:
    """What two cases have in common whose ratio is one of their models."""
    return tuple(getattr(case, field.name) for field in fields.COMPARED)


def is_reference(case: Case, reference: Options) -> bool:
    """Whether a case is one that a suite's ratios are over."""
    return bool(reference) and all(str(getattr(case, key, None)) == str(value) for key, value in reference)


def total_s(jobs: Sequence[Job]) -> float:
    """Seconds of jobs with all their visits."""
    return sum(job.estimate_s or 0.0 for job in jobs)


def least_s(job: Job) -> float:
    """Seconds in which a case is trained, opened in all its processes and visited often enough for an interval."""
    return job.train_s + job.sampling.processes * job.open_s + max(FEWEST_VISITS, job.sampling.processes) * job.visit_s


def within(
    jobs: Sequence[Job],
    budget_s: float | None,
    *,
    reference: Options = (),
    measured: Collection[Setting] = (),
    ordered: bool = False,
) -> tuple[list[Job], list[Job]]:
    """(Jobs within the budget, jobs left out). A run ends when its budget is spent, and rounds make that fair; what is chosen here is
    what it begins: as many processes as leave time for some visits of each case, else one process and the cases for which there is time.

    Each model's first case precedes any second; first cases are of the setting in which the reference is (`measured`: or was) and that
    costs least, the reference's before all others'. `ordered`: their own order counts instead, each with all its visits, as far as
    the time goes. One is chosen whatever it takes.
    """
    if not jobs or budget_s is None or total_s(jobs) <= budget_s:
        return list(jobs), []
    if ordered:
        return _in_order(jobs, budget_s)
    for processes in range(max(job.sampling.processes for job in jobs), 0, -1):
        fewer = [_with(job, processes) for job in jobs]
        if sum(map(least_s, fewer)) <= budget_s:
            return fewer, []
    single = [_with(job, 1) for job in jobs]
    turns = _turns(single, _ranks(single, reference, measured))
    worth = sorted(single, key=lambda job: (turns[job.job_id], not is_reference(job.case, reference), least_s(job)))
    chosen: set[str] = set()
    spent_s = 0.0
    for item in worth:
        if spent_s + least_s(item) <= budget_s:
            chosen.add(item.job_id)
            spent_s += least_s(item)
    if not chosen:
        chosen.add(min(single, key=least_s).job_id)
    return [job for job in single if job.job_id in chosen], [job for job in worth if job.job_id not in chosen]


def _in_order(jobs: Sequence[Job], budget_s: float) -> tuple[list[Job], list[Job]]:
    """(Jobs for whose every visit there is time after those before them, the others)."""
    chosen: list[Job] = []
    for job in jobs:
        if not chosen or total_s([*chosen, job]) <= budget_s:
            chosen.append(job)
    names = {job.job_id for job in chosen}
    return chosen, [job for job in jobs if job.job_id not in names]


def _turns(jobs: Sequence[Job], ranks: Mapping[Setting, int]) -> dict[str, int]:
    """The how manyth of its model each job is, those of the first settings first."""
    had: dict[str, int] = {}
    turns: dict[str, int] = {}
    for job in sorted(jobs, key=lambda job: ranks[setting(job.case)]):
        turns[job.job_id] = had.get(job.case.model, 0)
        had[job.case.model] = 1 + turns[job.job_id]
    return turns


def _ranks(jobs: Sequence[Job], reference: Options, measured: Collection[Setting]) -> Mapping[Setting, int]:
    """Settings in which ratios can be had first, then by what a case in them takes."""
    costs: dict[Setting, list[float]] = {}
    paired = set(measured)
    for job in jobs:
        costs.setdefault(setting(job.case), []).append(least_s(job))
        if is_reference(job.case, reference):
            paired.add(setting(job.case))
    ordered = sorted(costs, key=lambda cost: (cost not in paired, sum(costs[cost]) / len(costs[cost])))
    return {item: index for index, item in enumerate(ordered)}


def _with(job: Job, processes: int) -> Job:
    """The job in fewer processes."""
    fewer = min(job.sampling.processes, processes)
    saved_s = (job.sampling.processes - fewer) * job.open_s
    sampling = dataclasses.replace(job.sampling, processes=fewer)
    return dataclasses.replace(
        job, sampling=sampling, estimate_s=None if job.estimate_s is None else job.estimate_s - saved_s
    )
