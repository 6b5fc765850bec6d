"""`python -m lambdabench.worker forkserver FRAMEWORK`: loads what measuring processes share, once, and forks one for each that is asked.

A process that starts from here takes a tenth of a second instead of the seconds that torch's import takes. What is loaded has done
nothing yet: no operator ran, no thread was started, no device was touched, so a fork is all that its parent was.
"""

import contextlib
import gc
import importlib
import json
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from ..core.worker_protocol import FORKSERVER, PRELOADED
from . import environment, parent_watch, service, visit_observers

MOST_BYTES = 65536


def main(framework: str) -> None:
    """Answers {"fork": LOG} (with a descriptor) by {"pid": N}, and {"reap": PID} by its exit code; says first how many threads it has."""
    control = socket.socket(fileno=int(os.environ[FORKSERVER]))
    environment.began()
    visit_observers.observers()
    for name in PRELOADED[framework]:
        with contextlib.suppress(ImportError):  # a case that needs it says so
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # objects that no collection touches stay shared
    _say(control, threads=_threads())
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, MOST_BYTES, 1)
        if not text:
            return
        asked: dict[str, Any] = json.loads(text)
        if "fork" in asked:
            _fork(control, asked["fork"], descriptors[0])
        else:
            _say(control, code=_reap(int(asked["reap"])))


def _fork(control: socket.socket, log: str, descriptor: int) -> None:
    child = os.fork()
    if child:
        os.close(descriptor)
        _say(control, pid=child)
        return
    code = 1
    try:
        os.setsid()
        control.close()
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        parent_watch.follow_parent()
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")  # the kernel's first victim
        service.serve(socket.socket(fileno=descriptor))
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reap(pid: int) -> int | None:
    """The exit code of a child, negative for a signal; None while it runs."""
    with contextlib.suppress(ChildProcessError):
        number, status = os.waitpid(pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if number else None
    return 0


def _say(control: socket.socket, **message: Any) -> None:
    control.sendall(json.dumps(message).encode() + b"\n")


def _threads() -> int:
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else 0
