"""Processes that hold open cases, and how one is asked: its answer, or the outcome of its end."""

import contextlib
import dataclasses
import itertools
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..core import codec, registry
from ..core.exported import FORMATS
from ..core.registry import ROOT
from ..core.spec import Case, Job
from ..core.visit_protocol import Answered, Asked
from ..core.worker_protocol import FORKSERVER, PRELOADED, SCRATCH, SOCKET
from ..machine import accelerators
from .exit_outcomes import beside, full, killed, last_words, lost, outcome_of
from .json_socket import Gone, Late, Wire
from .memory_watch import Memory, Witness, words
from .process_start import worker_environment

START_LIMIT_S = 180.0
"""A process that has not loaded its framework by then hangs in its imports."""
END_S = 5.0
"""A process that was let go has so long to end by itself."""
REAP_POLL_S = 0.02
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""NumPy's own library, in which no network runs, starts its threads when it is loaded; what is forked must have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What the cases of one process have in common."""

    framework: str
    threads: int | None
    forks: bool
    """Whether a fork of a process that has loaded the framework can measure them."""
    runtime: str = ""
    """The backend of networks that run from files: each runtime has processes of its own, so that memory and threads are its own."""


def forks(backend: str) -> bool:
    """Whether a process of a backend costs little, since it is forked from one that has loaded its framework."""
    return sys.platform == "linux" and registry.load("backends", backend).FRAMEWORK in PRELOADED


def kind_of(case: Case) -> Key:
    """The kind of process that a case wants."""
    framework = registry.load("backends", case.backend).FRAMEWORK
    runtime = case.backend if framework in FORMATS else ""
    return Key(framework=framework, threads=case.threads, forks=forks(case.backend), runtime=runtime)


class Ended(Exception):
    """A process went, or was ended, without an answer; the text says how."""


class _Process(Protocol):
    """A process by its number."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        ...

    def let_go(self) -> None:
        """Frees what is held for it here, after its end."""
        ...


class Worker:
    """One process with open cases. It ends with `close`, by its own failure, or with ours."""

    def __init__(
        self,
        process: _Process,
        wire: Wire,
        log: Path,
        *,
        is_ready: bool = True,
        has_others: Callable[[], bool] = bool,
        on_free: Callable[[str, int], None] = lambda device, free_bytes: None,
    ) -> None:
        """`is_ready`: it needs not be waited for; `has_others`: whether other processes of the run hold open cases; `on_free` hears
        what a device has left where the process says so."""
        self._process, self._wire, self._log = process, wire, log
        self._memory = Memory(process.pid)
        self._is_ready, self._has_others, self._on_free = is_ready, has_others, on_free
        self.is_gone = False

    def ask(self, asked: Asked, job: Job) -> Answered:
        """The answer. A crash, a time that is out, memory over its limit are outcomes, after which the process is gone."""
        witness, limit_bytes = Witness.now(self._memory.look()), job.memory_limit_bytes
        crowd = accelerators.crowd(job.case.device)

        def watch() -> None:
            if self._look() > (math.inf if limit_bytes is None else limit_bytes):
                raise MemoryError

        reason = f"no answer after {job.timeout_s:g} s; raise job_timeout_s in the suite or lower the batch size"
        try:
            if not self._is_ready:
                reason = (
                    f"the worker was not ready after {START_LIMIT_S:g} s, before it was asked for the case; run again"
                )
                self._wait_until_ready(watch)
            self._wire.ask(codec.encode(asked))
            answered = codec.decode(Answered, self._wire.hear(job.timeout_s, watch))
            if asked.what == "open":
                self._on_free(job.case.device, answered.free_bytes)
            if answered.outcome is None:
                return answered
            return dataclasses.replace(answered, outcome=beside(crowd, answered.outcome))
        except Late:
            ended = outcome_of(job, "timeout", reason)
        except MemoryError:
            limit = words(limit_bytes or 0)
            ended = full(job, f"stopped at its limit of {limit} (80 % of what was free)", limit_bytes or 0)
        except Gone:
            code = self._wait(END_S)
            is_killed = code in (None, -signal.SIGKILL)
            peak_bytes, has_others = self._memory.peak_bytes, self._has_others()
            ended = (
                killed(job, witness, peak_bytes, has_others=has_others)
                if is_killed
                else lost(job, code or 0, self._log)
            )
        self.close()
        return Answered(outcome=beside(crowd, ended))

    def say(self, message: Any, limit_s: float) -> Any:
        """The answer to one line of what is no run's. Raises Ended, and the process is gone, where none comes in time."""
        try:
            self._wait_until_ready(self._look)
            self._wire.ask(message)
            return self._wire.hear(limit_s, self._look)
        except Late:
            name = f"no answer after {limit_s:g} s"
        except Gone:
            name = f"the process ended with {self._wait(END_S)}{last_words(self._log)}"
        self.close()
        raise Ended(name)

    def _wait_until_ready(self, on_wait: Callable[[], object]) -> None:
        if not self._is_ready:
            self._wire.hear(START_LIMIT_S, on_wait)
            self._is_ready = True

    def _look(self) -> int:
        """The bytes that it holds. Raises Gone where it has ended, though a child of its may keep the socket open."""
        had, held = self._memory.peak_bytes, self._memory.look()
        if had and not held and self._process.poll() is not None:
            raise Gone
        return held

    def close(self) -> None:
        """Lets the process end, and ends it with all it started."""
        if self.is_gone:
            return
        self.is_gone = True
        self._wire.close()
        lives = self._wait(END_S) is None
        for kill in (os.killpg, os.kill) if lives else (os.killpg,):  # what it started may outlive it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self._process.pid, signal.SIGKILL)
        self._wait(END_S)
        self._process.let_go()

    def _wait(self, limit_s: float) -> int | None:
        end_s = time.monotonic() + limit_s
        while (code := self._process.poll()) is None and time.monotonic() < end_s:
            time.sleep(REAP_POLL_S)
        return code


class WorkerPool:
    """Starts processes: forked from a server that has loaded their framework, one a framework and thread count, else by themselves.

    A context; all that it started is gone at its end. `environment`: the variables of a process with so many threads; `place`: the
    folder for what processes write, one of its own where none is given.
    """

    def __init__(
        self,
        environment: Callable[[int | None], dict[str, str]] = worker_environment,
        place: Path | None = None,
    ) -> None:
        self._environment, self._place = environment, place
        self._open = contextlib.ExitStack()
        self._forkservers: dict[Key, _ForkServer] = {}
        self._barren: set[Key] = set()
        """Those whose forkserver forked nothing: they are started by themselves."""
        self._numbers = itertools.count()
        self._workers: list[Worker] = []
        self._free_bytes: dict[str, int] = {}

    def __enter__(self) -> "WorkerPool":
        self._folder = self._place or Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="lambdabench-")))
        return self

    def __exit__(self, *_: object) -> None:
        with self._open:
            for worker in self._workers:
                worker.close()

    def start(self, key: Key) -> Worker:
        """A fresh process for cases of this kind."""
        log = self._folder / f"{next(self._numbers)}.txt"
        ours, theirs = socket.socketpair()
        with theirs:
            forked = self._forked(key, log, theirs)
            process = forked or self._started(key, log, theirs)
        worker = Worker(
            process,
            Wire(ours),
            log,
            is_ready=forked is not None,
            has_others=self._are_several,
            on_free=self._free_bytes.__setitem__,
        )
        self._workers = [worker for worker in self._workers if not worker.is_gone] + [worker]
        return worker

    def free_bytes(self, device: str) -> int:
        """What a device had left when a case was last opened on it, as the process that opened it saw; 0 where nobody told."""
        return self._free_bytes.get(device, 0)

    def _are_several(self) -> bool:
        return sum(not worker.is_gone for worker in self._workers) > 1

    def _forked(self, key: Key, log: Path, theirs: socket.socket) -> _Process | None:
        if not key.forks or key.framework not in PRELOADED or sys.platform != "linux" or key in self._barren:
            return None
        forkserver = self._forkservers.get(key)
        if forkserver is None or forkserver.is_gone():
            forkserver = self._forkservers[key] = _ForkServer(
                self._open, self._folder, key, self._environment(key.threads)
            )
        forked = forkserver.fork(log, theirs)
        if forked is None:
            self._barren.add(key)
        return forked

    def _started(self, key: Key, log: Path, theirs: socket.socket) -> _Process:
        own = {SOCKET: str(theirs.fileno()), SCRATCH: str(self._folder)}
        process = _start(("serve",), self._environment(key.threads) | own, log, theirs)
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")  # the kernel's first victim
        return _Started(process)


class _ForkServer:
    """A process that has loaded a framework and is forked for each that is asked for."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path, key: Key, environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        log = folder / f"forkserver-{key.framework}-{key.threads}.txt"
        own = {FORKSERVER: str(theirs.fileno()), SCRATCH: str(folder), **ONE_THREAD}
        with theirs:
            self._process = _start(("forkserver", key.framework), environment | own, log, theirs)
        stack.callback(_end, self._process)
        self._wire = Wire(ours)
        stack.callback(self._wire.close)
        self._threads: int | None = None

    def is_gone(self) -> bool:
        return self._process.poll() is not None

    def fork(self, log: Path, theirs: socket.socket) -> _Process | None:
        """A fork; None where one would not be all that its parent is, or the forkserver does not answer."""
        with contextlib.suppress(Gone, Late):
            if self._threads is None:
                self._threads = int(self._wire.hear(START_LIMIT_S)["threads"])
            if self._threads == 1:
                self._wire.ask({"fork": str(log)}, (theirs.fileno(),))
                return _Forked(int(self._wire.hear(START_LIMIT_S)["pid"]), self._wire)
        if self._threads != 1:  # nobody came of it, and it would only disturb
            _end(self._process)
        return None


class _Started:
    """A process that was started by itself."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid, self._process = process.pid, process

    def poll(self) -> int | None:
        return self._process.poll()

    def let_go(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


class _Forked:
    """A process that the forkserver forked, and which the forkserver alone can wait for."""

    def __init__(self, pid: int, wire: Wire) -> None:
        self.pid, self._wire = pid, wire
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            try:
                self._wire.ask({"reap": self.pid})
                self._code = self._wire.hear(START_LIMIT_S)["code"]
            except (Gone, Late):
                self._code = -signal.SIGKILL
        return self._code

    def let_go(self) -> None:
        """The forkserver holds what there is."""


def _start(
    errand: tuple[str, ...], environment: dict[str, str], log: Path, theirs: socket.socket
) -> subprocess.Popen[bytes]:
    """A process of the worker program in a group of its own. It holds the other end of a pipe, so it ends when we do."""
    with log.open("ab") as written:
        return subprocess.Popen(
            (sys.executable, "-m", f"{ROOT}.worker", *errand),
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=written,
            env=environment,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
