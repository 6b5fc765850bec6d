"""A worker ends when its parent lets go of the pipe, and not before."""

import os
import subprocess
import sys
from pathlib import Path

from lambdabench.core.worker_protocol import OWN, PARENT_PIPE, PIPES
from lambdabench.worker.module_origins import Own

PROGRAM = """
import time
from lambdabench.worker.parent_watch import follow_parent
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


WAITING = "import sys, time\n\ndef test_it(benchmark):\n    sys.stdin = None\n    print('ready', flush=True)\n    time.sleep(60)\n"


def test_a_users_tests_end_with_their_parent_too(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(WAITING)
    answers, unheard = os.pipe()
    own = tmp_path / "own.json"
    own.write_text(str(Own(side="head", names=(), tree=str(tmp_path), home="", other="")))
    environment = os.environ | {PARENT_PIPE: "1", PIPES: f"{answers},{unheard}", OWN: str(own)}
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-s",
        "-q",
        "-p",
        "lambdabench.pytest_plugin",
        "--lambdabench-serve",
        "*",
    )
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,
        pass_fds=(answers, unheard),
    ) as process:
        os.close(unheard)
        os.close(answers)
        assert process.stdin is not None
        assert process.stdout is not None
        assert any(line.endswith(b"ready\n") for line in process.stdout)
        process.stdin.close()
        assert process.wait(timeout=10) == 113
