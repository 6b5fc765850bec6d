"""SLURM with two nodes on this machine: munged, slurmctld and two slurmd in a folder of their own, ended by their process ids."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "squeue", "scontrol")
CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={ports[0]}
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd.%n.log
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
MinJobAge=60
SchedulerParameters=sched_interval=1
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 Features=old
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 Features=old
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def skip_where_absent() -> None:
    """Says what is missing where SLURM cannot be started here."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    lacking = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if lacking:
        pytest.skip(f"no {', '.join(lacking)} here: apt-get install slurm-wlm munge")
    if os.getuid() != 0:
        pytest.skip("SLURM's daemons are started as root, which this user is not")


@contextlib.contextmanager
def running(home: Path) -> Iterator[None]:
    """SLURM is up, and found by SLURM_CONF."""
    (home / "state").mkdir()
    home.chmod(0o755)
    key = home / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    conf = home / "slurm.conf"
    conf.write_text(CONF.format(host=host, home=home, ports=_free_ports(3)))
    environment = {**os.environ, "SLURM_CONF": str(conf), "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    names = {"key-file": "key", "pid-file": "pid", "seed-file": "seed", "log-file": "log"}
    beside = [f"--{flag}={home}/munge.{name}" for flag, name in names.items()]
    pids = [home / "munge.pid", home / "slurmctld.pid", home / "slurmd.n1.pid", home / "slurmd.n2.pid"]
    try:
        for command in (
            ["munged", "--force", f"--socket={home}/munge.socket", *beside],
            ["slurmctld"],
            ["slurmd", "-N", "n1"],
            ["slurmd", "-N", "n2"],
        ):
            subprocess.run(command, env=environment, check=True, capture_output=True, timeout=30)
        _wait_for_idle(environment)
        yield
    finally:
        for path in reversed(pids):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(path.read_text()), signal.SIGTERM)


def _wait_for_idle(environment: dict[str, str]) -> None:
    end_s = time.monotonic() + 30
    command = ["sinfo", "--Node", "--noheader", "--format=%t"]
    states: list[str] = []
    while time.monotonic() < end_s:
        states = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.split()
        if states == ["idle", "idle"]:
            return
        time.sleep(0.2)
    raise AssertionError(f"SLURM's nodes are {states} after 30 s, expected idle")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()
