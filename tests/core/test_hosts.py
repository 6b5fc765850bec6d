"""Which of several hosts this is, from variables alone."""

import pytest

from lambdabench.core.errors import LambdabenchError
from lambdabench.core.hosts import Hosts, find_hosts


@pytest.mark.parametrize(
    ("environment", "hosts"),
    [
        ({}, Hosts()),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, Hosts()),  # an allocation, and no step that runs in it
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3", "LAMBDABENCH_ALONE": "1"}, Hosts()),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, Hosts()),
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}, Hosts(process=3, count=4)),
        ({"TPU_WORKER_HOSTNAMES": "localhost", "TPU_WORKER_ID": "0"}, Hosts()),
        ({"TPU_WORKER_HOSTNAMES": "10.0.0.1,10.0.0.2", "TPU_WORKER_ID": "1"}, Hosts(process=1, count=2)),
        (
            {"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_PROCESS_ID": "1", "JAX_NUM_PROCESSES": "2"},
            Hosts(process=1, count=2, coordinator="a:1"),
        ),
        (
            {"LAMBDABENCH_COORDINATOR": "a:1", "LAMBDABENCH_PROCESS_ID": "0", "LAMBDABENCH_PROCESSES": "2"},
            Hosts(count=2, coordinator="a:1"),
        ),
    ],
)
def test_the_environment_says_who_we_are(environment: dict[str, str], hosts: Hosts) -> None:
    assert find_hosts(environment) == hosts
    assert hosts.speaks == (hosts.process == 0)


@pytest.mark.parametrize("more", [{}, {"LAMBDABENCH_PROCESS_ID": "2", "LAMBDABENCH_PROCESSES": "2"}])
def test_half_an_answer_is_an_error(more: dict[str, str]) -> None:
    with pytest.raises(LambdabenchError, match="expected a number from 0 and how many there are"):
        find_hosts({"LAMBDABENCH_COORDINATOR": "a:1", **more})
