"""Which of several processes measures, and on devices that nobody else measures on."""

import contextlib
import os
from collections.abc import Callable, Collection, Generator, Sequence

from ..core import registry
from ..core.hosts import ALONE, Hosts
from ..core.spec import Job, Suite
from ..machine import lease


def spreads(wanted: Suite) -> bool:
    """Whether several hosts measure a suite together: where a backend of it does."""
    backends = {cell.case.backend for cell in wanted.cells}
    return any(getattr(registry.load("backends", name), "SEVERAL_HOSTS", False) for name in backends)


def idle(wanted: Suite, hosts: Hosts) -> str:
    """What a process says that has nothing to measure, since its suite is measured by one of those that were started; else empty."""
    if hosts.speaks or spreads(wanted):
        return ""
    return (
        f"process {hosts.process} of {hosts.count} measures nothing: no backend of {wanted.name} uses several processes, "
        "and process 0 measures all of it"
    )


@contextlib.contextmanager
def alone(is_alone: bool) -> Generator[None]:
    """Workers take what is started for them as one process, whatever the cluster says of more, for as long as this lasts."""
    if not is_alone:
        yield
        return
    before = os.environ.get(ALONE)
    os.environ[ALONE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[ALONE]
        else:
            os.environ[ALONE] = before


def held(jobs: Sequence[Job], hosts: Hosts, on_wait: Callable[[str], None]) -> contextlib.AbstractContextManager[None]:
    """Holds the devices of jobs. Processes that measure together share theirs, and the first one holds them."""
    return lease.hold(devices_of(jobs) if hosts.speaks else (), on_wait)


def devices_of(jobs: Sequence[Job]) -> Collection[str]:
    """The names of all devices that jobs run on, sorted."""
    names: set[str] = set()
    for case in (job.case for job in jobs):
        kind, _, first = case.device.partition(":")
        names |= {case.device, *(f"{kind}:{int(first or 0) + more}" for more in range(1, case.devices))}
    return sorted(names)
