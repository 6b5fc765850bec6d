"""Shares as jobs of SLURM, submitted by submitit: each alone on a node of its kind, which SLURM chooses and queues for.

A node's kind is the type of its GPUs (gres), else its features. Nodes and command share the folder of results, or an address of object
storage. What SLURM wants beside (partition, account, time limit) comes from its own variables, SBATCH_PARTITION and the like.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import MissingExtraError, RequestError
from ...core.fleet import Look, Node, Submitted, Task
from ...core.registry import ROOT
from . import work_command

submitit: Any
CommandFunction: Any
try:
    import submitit
    from submitit.helpers import CommandFunction
except ImportError:
    submitit = CommandFunction = None

NONE = "(null)"
CPU = "cpu"
"""The kind of a node without GPUs and features."""
AWAY = ("down", "drain", "drng", "fail", "unk", "maint", "boot", "power", "no_respond", "inval")
"""Beginnings of the states of nodes that take no job (sinfo, "NODE STATE CODES")."""
OVER = (
    "CANCELLED",
    "COMPLETED",
    "FAILED",
    "NODE_FAIL",
    "PREEMPTED",
    "TIMEOUT",
    "OUT_OF_MEMORY",
    "DEADLINE",
    "BOOT_FAIL",
    "REVOKED",
)
MOST_MINUTES = 24 * 60
ANSWER_S = 60.0


class SlurmEngine:
    """SLURM's commands on this machine."""

    def nodes(self) -> tuple[Node, ...]:
        known: dict[str, Node] = {}
        for line in _ask("sinfo", "--Node", "--noheader", "--format=%N|%f|%G|%t").splitlines():
            name, features, gres, state = line.strip().split("|")
            if not state.rstrip("*~#!%$@^-").startswith(AWAY) and not state.endswith("*"):
                known[name] = Node(name=name, kind=_kind(features, gres), devices=_devices(gres))
        return tuple(known.values())

    def start(self, task: Task, folder: Path, avoid: Collection[str]) -> Submitted | None:
        others = {node.name for node in self.nodes() if node.kind == task.share.kind} - {*avoid}
        executor = _executor(task, folder / "attempts" / "slurm", sorted({*avoid} - {""}) if others else ())
        command = work_command(task.place, task.attempt)
        try:
            job = executor.submit(CommandFunction(command, verbose=False))
        except (submitit.core.utils.FailedJobError, subprocess.CalledProcessError) as error:
            raise RequestError(f"SLURM takes no job for {task.share.name}: {str(error).strip()}") from error
        return Submitted(ticket=str(job.job_id))

    def look(self, submitted: Submitted, folder: Path) -> Look:
        try:
            text = _ask("squeue", "--noheader", "--states=all", f"--jobs={submitted.ticket}", "--format=%T|%N|%r")
        except RequestError as error:
            if "Invalid job id" in str(error):  # SLURM forgets jobs after MinJobAge
                return Look(phase="gone", reason="SLURM no longer knows the job")
            return Look(phase="running", reason=str(error))  # it does not answer now: nothing is known
        state, node, reason = (text.splitlines() or ["COMPLETED||"])[0].split("|")
        if state in OVER:
            return Look(phase="gone", node=node, reason=f"SLURM: {state.lower()}")
        if state == "PENDING":
            return Look(phase="waiting", reason=f"SLURM: {reason}")
        return Look(phase="running", node=node)

    def cancel(self, submitted: Submitted, folder: Path) -> None:
        _ask("scancel", submitted.ticket)

    def close(self) -> None:
        """Jobs go on."""

    def script(self, task: Task, command: Sequence[str]) -> str:
        """A plain sbatch file that runs a command on a node of the task's kind, for whoever hands it over himself; what it prints goes to
        the folder from which it is handed over."""
        made = _executor(task, Path.cwd(), ())._make_submission_file_text(shlex.join(command), task.share.name)
        return (
            made.replace("USR2@", "TERM@").replace(f"{Path.cwd()}/%j", "%j").replace("#SBATCH --wckey=submitit\n", "")
        )


def open_engine() -> SlurmEngine:
    """Raises MissingExtraError, RequestError."""
    if submitit is None:
        raise MissingExtraError(f"submitit is not installed; pip install '{ROOT}[slurm]'")
    if shutil.which("sbatch") is None:
        raise RequestError("there is no sbatch here; run this where SLURM's commands are, on a login node")
    return SlurmEngine()


def _executor(task: Task, folder: Path, avoid: Collection[str]) -> Any:
    executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=0)
    beside = {"exclude": ",".join(avoid)} if avoid else {}
    executor.update_parameters(
        job_name=f"{ROOT}-{task.share.name}",
        nodes=1,
        ntasks_per_node=1,
        exclusive=True,
        time=MOST_MINUTES,
        **beside,
        **_placed(task.share.kind),
    )
    return executor


def _kind(features: str, gres: str) -> str:
    """ "gpu:l4:2(S:0)" is l4; without GPUs the features, joined as SLURM's constraints are."""
    match = re.search(r"gpu:([A-Za-z][\w.-]*)", gres)
    if match:
        return match[1]
    if "gpu" in gres:
        return "gpu"
    return CPU if features in ("", NONE) else "&".join(features.split(","))


def _devices(gres: str) -> tuple[str, ...]:
    return ("cuda", "cpu") if "gpu" in gres else ("cpu",)


def _placed(kind: str) -> dict[str, str]:
    """What of sbatch's options puts a job on a node of a kind."""
    if kind == CPU:
        return {}
    gres = {_kind(line.split("|")[0], line.split("|")[1]) for line in _gres() if "gpu" in line.split("|")[1]}
    if kind in gres:
        return {"gres": "gpu:1" if kind == "gpu" else f"gpu:{kind}:1"}
    return {"constraint": kind}


def _gres() -> list[str]:
    return [line.strip() for line in _ask("sinfo", "--noheader", "--format=%f|%G").splitlines()]


def _ask(*command: str) -> str:
    """What one of SLURM's commands prints. Raises RequestError with what it complains of."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise RequestError(f"{command[0]} does not answer: {said[0] if said else error}; is SLURM up?") from error
    return done.stdout
