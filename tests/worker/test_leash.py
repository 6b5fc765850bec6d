"""A worker ends when its parent lets go of the pipe, and not before."""

import subprocess
import sys

PROGRAM = """
import time
from lambdabench.worker.leash import follow_parent
follow_parent()
print("ready", flush=True)
time.sleep(60)
"""


def test_worker_ends_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=10) == 113
