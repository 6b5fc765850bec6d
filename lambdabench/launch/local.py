"""The executor for this machine: one worker process a group of jobs, watched by an idle parent."""

import contextlib
import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..core import caches, codec, foreign
from ..core.record import Outcome, Status
from ..core.registry import ROOT
from ..core.spec import CROWDED, Job
from ..machine import accelerators, host
from ..machine.host import THREAD_VARIABLES
from .want import Memory, Witness, words

POLL_S = 0.1
START_LIMIT_S = 180.0
"""A worker that has not begun its first job by then hangs in its imports."""
SAID_S = 1.0
GRACE_S = 5.0
"""For a worker that has done its jobs to end by itself."""
LAST_LINES = 3
CROWDED_SHARE = 0.4
"""Share of all memory under which a limit says more of other programs than of the case."""
KILLED = "killed"
"""Flag of a job whose worker was ended from outside, for no want of memory that anybody saw."""
ALLOCATOR = {
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TOP_PAD_": str(2**26),
}
"""glibc otherwise gives pages back and takes them again at every call, in some processes and not in others: a factor of
two in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A job has begun."""

    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A job goes on, for so many seconds now; said about once a second."""

    job: Job
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job has an outcome."""

    job: Job
    outcome: Outcome
    seconds: float = 0.0
    """From its beginning, or the worker's where it began with that."""


Event = Started | Running | Finished


def worker_environment(threads: int | None) -> dict[str, str]:
    """The variables of a worker process: fixed allocator settings unless the user set them, threads, no network."""
    own = {key: value for key, value in ALLOCATOR.items() if key not in os.environ}
    count = {} if threads is None else dict.fromkeys(THREAD_VARIABLES, str(threads))
    fixed = {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", "LAMBDABENCH_LEASH": "1"}
    return {**os.environ, **own, **count, **caches.environment(), **fixed}


def run(jobs: Sequence[Job], *, jobs_per_worker: int = 16, command: tuple[str, ...] | None = None) -> Generator[Event]:
    """Runs jobs in order; consecutive jobs of one model, backend, device, thread count and replicate share a process.

    Closing the iterator kills the worker at once. After a worker that failed, the jobs left go to a new one. A job whose worker was
    killed from outside is tried once more before that is its outcome.
    """
    command = command or (sys.executable, "-m", f"{ROOT}.worker", "run")
    for _, group in itertools.groupby(jobs, key=_worker_key):
        waiting, killed = list(group), set[str]()
        while waiting:
            done, again = 0, False
            for event in _run_worker(waiting[:jobs_per_worker], command):
                if isinstance(event, Finished) and KILLED in event.outcome.flags and event.job.job_id not in killed:
                    killed.add(event.job.job_id)
                    again = True
                    continue
                done += isinstance(event, Finished)
                yield event
            waiting = waiting[done if again else max(done, 1) :]


def _worker_key(job: Job) -> tuple[object, ...]:
    case = job.case
    return case.model, case.backend, case.device, case.threads, job.replicate


def _run_worker(batch: Sequence[Job], command: tuple[str, ...]) -> Generator[Event, None, None]:
    """Events of one worker process, until its jobs are done or it has gone."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-") as name:
        folder = Path(name)
        codec.write(folder / "jobs.json", tuple(batch))
        environment = worker_environment(batch[0].case.threads) | {"LAMBDABENCH_SCRATCH": name}
        crowd = accelerators.crowd(batch[0].case.device)
        with process(folder, (*command, name), environment) as worker:
            for job in batch:
                start_s = time.monotonic()
                outcome = _beside(crowd, (yield from _follow(job, worker, folder)))
                yield Finished(job=job, outcome=outcome, seconds=time.monotonic() - start_s)
                if outcome.status in ("timeout", "crash", "oom"):
                    return


def _follow(job: Job, process: subprocess.Popen[bytes], folder: Path) -> Generator[Started | Running, None, Outcome]:
    """Waits for one job's outcome, within its time and memory."""
    born_s, begun_s, said_s = time.monotonic(), None, 0.0
    memory = Memory(process.pid)
    witness = Witness.now(memory.look())
    while True:
        if begun_s is None and (folder / f"{job.job_id}.started").exists():
            begun_s = time.monotonic()
            yield Started(job=job)
        memory.look()
        ended = process.poll() is not None  # asked before the file: an outcome written in between is still seen
        if (folder / f"{job.job_id}.json").exists():
            if begun_s is None:
                yield Started(job=job)
            return codec.read(Outcome, folder / f"{job.job_id}.json")
        if ended:
            lost = _lost(job, process.returncode, folder)
            return lost if process.returncode != -signal.SIGKILL else _killed(job, witness, memory.peak_bytes)
        if begun_s is None and time.monotonic() - born_s > START_LIMIT_S:
            return _outcome(job, "timeout", f"the worker did not begin within {START_LIMIT_S:g} s{last_words(folder)}")
        if begun_s is not None and time.monotonic() - begun_s > job.timeout_s:
            return _outcome(
                job,
                "timeout",
                f"no answer after {job.timeout_s:g} s; raise job_timeout_s in the suite or lower the batch size",
            )
        if job.memory_limit_bytes is not None and memory.resident_bytes > job.memory_limit_bytes:
            limit = words(job.memory_limit_bytes)
            return _full(job, f"stopped at its limit of {limit} (80 % of what was free)", job.memory_limit_bytes)
        if begun_s is not None and time.monotonic() - begun_s >= said_s + SAID_S:
            said_s = time.monotonic() - begun_s
            yield Running(job=job, seconds=said_s)
        time.sleep(POLL_S)


@contextlib.contextmanager
def process(
    folder: Path, command: Sequence[str], environment: dict[str, str], grace_s: float = GRACE_S
) -> Generator[subprocess.Popen[bytes]]:
    """A process in a group of its own, gone afterwards with all that it started, which may take `grace_s` seconds where it was asked
    nothing that it has not answered. It holds the other end of a pipe, so it ends when we do."""
    with (folder / "stderr.txt").open("wb") as log:
        started = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    with contextlib.suppress(OSError):
        Path(f"/proc/{started.pid}/oom_score_adj").write_text("1000")  # the kernel's first victim
    try:
        yield started
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(0.0 if _killed_soon(folder) else grace_s)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        if started.stdin is not None:
            started.stdin.close()


def _killed_soon(folder: Path) -> bool:
    """Whether no job was begun, or one that has no outcome: the process is to be killed, not waited for."""
    begun = list(folder.glob("*.started"))
    return not begun or any(not started.with_suffix(".json").exists() for started in begun)


def _lost(job: Job, code: int, folder: Path) -> Outcome:
    """The outcome of a worker that went without one."""
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return _outcome(job, "crash", f"the worker ended with {how}{last_words(folder)}")


def _killed(job: Job, witness: Witness, peak_bytes: int) -> Outcome:
    """The outcome of a worker that was killed: only memory that is known to have run out is settled."""
    if proof := witness.proof(peak_bytes, job.memory_limit_bytes):
        return _full(job, f"killed for want of memory: {proof}", witness.free_bytes)
    counts = "nothing here counts the kernel's kills" if witness.kills is None else "the kernel counts no kill"
    reason = (
        f"killed from outside twice (SIGKILL), and nothing says that memory ran out: it held {words(peak_bytes)} of "
        f"{words(witness.free_bytes)} that were free, and {counts}; see what ends processes here (a scheduler's limit, "
        "systemd-oomd, a person), then run again"
    )
    return dataclasses.replace(_outcome(job, "crash", reason), flags=(KILLED,))


def _full(job: Job, how: str, free_bytes: int) -> Outcome:
    """Out of memory; where others had most of it, that is no answer for good."""
    crowded = free_bytes < CROWDED_SHARE * host.allowed_bytes()
    mend = "others had most of the memory: close programs, then run again" if crowded else "try a smaller --batch-size"
    return dataclasses.replace(_outcome(job, "oom", f"{how}; {mend}"), flags=(CROWDED,) if crowded else ())


def _beside(crowd: str, outcome: Outcome) -> Outcome:
    """An outcome on a device of which others hold a part: out of memory there is no answer for good."""
    if outcome.status != "oom" or not crowd:
        return outcome
    reason = f"{outcome.reason}; {crowd}: run again when the device is free"
    return dataclasses.replace(outcome, reason=reason, flags=(*outcome.flags, CROWDED))


def last_words(folder: Path) -> str:
    """ ": " and the last lines that a process wrote; empty where it wrote nothing."""
    said = foreign.last_words(folder / "stderr.txt", LAST_LINES)
    return f": {said}" if said else ""


def _outcome(job: Job, status: Status, reason: str) -> Outcome:
    return Outcome(
        job_id=job.job_id, status=status, reason=reason, started_at=datetime.now(UTC).isoformat(timespec="milliseconds")
    )
