"""Which of several hosts this process is on, as the environment says: one process a host runs the same command, the first one speaks.

Explicit variables come first: LAMBDABENCH_COORDINATOR or JAX_COORDINATOR_ADDRESS (host:port of the first process) with
LAMBDABENCH_PROCESS_ID and LAMBDABENCH_PROCESSES, or JAX_PROCESS_ID and JAX_NUM_PROCESSES; then the steps of SLURM (srun) and the
slices of Cloud TPU, whose coordinator JAX finds by itself.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import RequestError

ALONE = "LAMBDABENCH_ALONE"
"""Set where one of several processes measures by itself: whatever else is said of others is not meant for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """This process among those that measure together."""

    process: int = 0
    count: int = 1
    coordinator: str = ""
    """host:port of the first process; empty where the cluster tells it."""

    @property
    def speaks(self) -> bool:
        """Whether this process stores and prints what all of them measured."""
        return self.process == 0


def find_hosts(environment: Mapping[str, str] = os.environ) -> Hosts:
    """What the environment says; one process where it says nothing. Raises RequestError for half of an answer."""
    if environment.get(ALONE):
        return Hosts()
    for prefix, address, count in (
        ("LAMBDABENCH", "LAMBDABENCH_COORDINATOR", "LAMBDABENCH_PROCESSES"),
        ("JAX", "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES"),
    ):
        if environment.get(address):
            return _explicit(environment, address, f"{prefix}_PROCESS_ID", count)
    if int(environment.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return Hosts(process=int(environment["SLURM_PROCID"]), count=int(environment["SLURM_STEP_NUM_TASKS"]))
    workers = [name for name in environment.get("TPU_WORKER_HOSTNAMES", "").split(",") if name]
    if len(workers) > 1:
        return Hosts(process=int(environment.get("TPU_WORKER_ID", "0")), count=len(workers))
    return Hosts()


def _explicit(environment: Mapping[str, str], address: str, process: str, count: str) -> Hosts:
    names = environment.get(process, ""), environment.get(count, "")
    if not all(name.isdigit() for name in names) or int(names[0]) >= int(names[1]):
        raise RequestError(
            f"{address} is set, and {process}={names[0]!r}, {count}={names[1]!r}; expected a number from 0 and how many there are"
        )
    return Hosts(process=int(names[0]), count=int(names[1]), coordinator=environment[address])
