"""Which cases share a process, and how many generations of processes a case has."""

from ..core.hosts import find_hosts
from ..core.spec import Job
from ..launch.workers import Key, kind_of

HELD_BY_ONE = ("jax",)
"""Frameworks of which one process takes a device for itself, or most of its memory."""


def key_of(job: Job) -> tuple[Key, object]:
    """(The kind of process that a job wants, what those that share one have in common).

    Where a process costs a tenth of a second every case has its own, so that one which ends takes no other with it. Where it costs
    seconds, the cases of a model share one; where one process owns the device, all of them do. With several hosts all of them do too:
    each host has one process that meets those of the others once.
    """
    case = job.case
    key = kind_of(case)
    framework = key.framework
    if key.forks:
        return key, job.job_id
    if framework in HELD_BY_ONE and find_hosts().count > 1:
        return key, framework
    if framework in HELD_BY_ONE and case.device != "cpu":
        return key, (framework, case.device.partition(":")[0])
    return key, (case.model, case.backend, case.device, case.threads)
