"""How a worker process is started: its variables, and its end with all that it started."""

import contextlib
import os
import platform
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from ..core import caches
from ..core.errors import OperatingSystemError
from ..core.worker_protocol import PARENT_PIPE, PREALLOCATE
from ..machine import accelerators, nvidia
from ..machine.host import THREAD_VARIABLES

ALLOCATOR = {
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TOP_PAD_": str(2**26),
}
"""glibc otherwise gives pages back and takes them again at every call, in some processes and not in others: a factor of
two in time."""


def refuse_system() -> None:
    """Raises OperatingSystemError where no process can be started that ends with all it started."""
    if not hasattr(os, "killpg"):
        raise OperatingSystemError(
            f"measuring needs Linux or macOS, and this is {platform.system() or 'another system'}: on Windows use WSL 2, which is a Linux; "
            "read, plot, report, compare, show and recommend work here, on rows from anywhere"
        )


def worker_environment(threads: int | None) -> dict[str, str]:
    """The variables of a worker process: fixed allocator settings unless the user set them, threads, no network, and whose
    it is. Raises OperatingSystemError where there can be none."""
    refuse_system()
    own = {key: value for key, value in ALLOCATOR.items() if key not in os.environ}
    count = {} if threads is None else dict.fromkeys(THREAD_VARIABLES, str(threads))
    fixed = {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", PARENT_PIPE: "1"}
    fixed[nvidia.CONDUCTOR] = str(os.getpid())
    if PREALLOCATE not in os.environ and accelerators.DRIVER.exists():
        own[PREALLOCATE] = "false"
    return {**os.environ, **own, **count, **caches.environment(), **fixed}


@contextlib.contextmanager
def process(
    folder: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    place: Path | None = None,
    descriptors: Sequence[int] = (),
) -> Generator[subprocess.Popen[bytes]]:
    """A process in a group of its own, in `place`, gone afterwards with all that it started. It holds the other end of a pipe, so it
    ends when we do, and the `descriptors`. What it writes is in stderr.txt of the folder."""
    refuse_system()
    with (folder / "stderr.txt").open("wb") as log:
        started = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True, cwd=place,
            pass_fds=descriptors,
        )  # fmt: skip
    with contextlib.suppress(OSError):
        Path(f"/proc/{started.pid}/oom_score_adj").write_text("1000")  # the kernel's first victim
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        if started.stdin is not None:
            started.stdin.close()
