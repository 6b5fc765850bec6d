"""`python -m lambdabench.worker.nursery FRAMEWORK`: loads what measuring processes share once, then forks one for each folder
that standard input names. In the folder is what `pair` takes; ended.txt there is its exit code.
"""

import importlib
import os
import sys
import traceback
from pathlib import Path

from . import leash, pair

ENDED = "ended.txt"


def main(arguments: list[str]) -> int:
    """Exit code 0 at the end of standard input."""
    importlib.import_module(arguments[0])
    for line in sys.stdin:
        folder = Path(line.strip())
        child = os.fork()
        if not child:
            os._exit(_measure(folder))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        (folder / "ending").write_text(str(code))
        (folder / "ending").rename(folder / ENDED)
    return 0


def _measure(folder: Path) -> int:
    """All that a forked process does."""
    log = os.open(folder / "stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["LAMBDABENCH_SCRATCH"] = str(folder)
    leash.follow_parent()
    try:
        pair.run(folder)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
