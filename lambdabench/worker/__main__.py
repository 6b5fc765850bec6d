"""`python -m lambdabench.worker serve`: open cases, visited as a socket asks; `forkserver FRAMEWORK`: forks processes that serve;
`probe|describe|convert|evaluate|export|ahead|cost|prove FOLDER`: reads what is asked from the folder, writes what it found into it."""

import atexit
import os
import sys
import threading
from pathlib import Path

from ..core.worker_protocol import PARENT_PIPE
from ..tasks import exports
from . import environment, forkserver, parent_watch, service
from .probe import describe, probe

ERRANDS = ("probe", "describe", "convert", "evaluate", "export", "ahead", "cost", "prove")
USAGE = f"usage: python -m lambdabench.worker serve | forkserver FRAMEWORK | {'|'.join(ERRANDS)} FOLDER\n"


def main(arguments: list[str]) -> int:
    """Exit code 0 when all was written."""
    if len(arguments) == 2 and arguments[0] == "forkserver":
        forkserver.main(arguments[1])  # before a thread is started: it is forked
        return 0
    asks = arguments == ["serve"] or (len(arguments) == 2 and arguments[0] in ERRANDS)
    if not asks:
        sys.stderr.write(USAGE)
        return 2
    if os.environ.get(PARENT_PIPE):
        parent_watch.follow_parent()
    if arguments[0] == "serve":
        service.main()
    elif arguments[0] == "probe":
        probe(Path(arguments[1]))
    elif arguments[0] == "describe":
        describe(Path(arguments[1]))
    elif arguments[0] == "evaluate":
        seen = environment.witnessed()  # before frameworks are loaded, which set variables
        from ..tasks import evaluate

        evaluate.answer(Path(arguments[1]), seen)
    elif arguments[0] == "export":
        exports.answer(Path(arguments[1]))
    elif arguments[0] == "ahead":
        from ..tasks.ahead import cases

        cases.answer(Path(arguments[1]))
    elif arguments[0] == "cost":
        from ..tasks.ahead import costs

        costs.answer(Path(arguments[1]))
    elif arguments[0] == "prove":
        from ..tasks import prove

        prove.answer(Path(arguments[1]))
    else:
        from ..tasks import convert  # with its frameworks, which other work may not have

        convert.answer(Path(arguments[1]))
    return 0


def end(code: int) -> None:
    """Ends the process, for threads too that somebody's network has left running: nobody waits for those."""
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
