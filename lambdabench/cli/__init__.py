"""The command line: parse, call `commands`, print, exit code. Nothing heavy is imported before a command runs."""

import signal
import sys
import threading
from types import FrameType

from ..core import caches, foreign
from ..core.errors import LambdabenchError
from . import marks

INTERRUPTED = 130
ENDINGS = ("SIGTERM", "SIGHUP")
"""What a batch system, a cancelled workflow or a closed terminal sends."""


def main() -> None:
    """The program. Exit codes: 0 well, 1 a case failed, 2 a wrong request, 3 no usable number, 4 not comparable, 130 interrupted."""
    _end_as_if_interrupted()
    marks.settle((sys.stdout, sys.stderr))
    try:
        caches.settle()
        from .app import app  # here, so that Ctrl-C is answered while its libraries load

        app()
    except LambdabenchError as error:
        sys.stderr.write(f"error: {foreign.lines(str(error))}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
    except SystemExit as ended:
        if _is_of_interrupt(ended):
            sys.stderr.write("interrupted\n")
        raise


def _end_as_if_interrupted() -> None:
    """Other endings are taken as Ctrl-C is, so that what was begun is put in order; what is ignored (nohup) stays so."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ENDINGS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one would stop the putting in order
    raise KeyboardInterrupt


def _is_of_interrupt(ended: SystemExit) -> bool:
    """Whether Typer made it of Ctrl-C, without a word; a run that was stopped says so itself."""
    cause = ended.__context__ and ended.__context__.__cause__
    return ended.code == INTERRUPTED and isinstance(cause, KeyboardInterrupt)
