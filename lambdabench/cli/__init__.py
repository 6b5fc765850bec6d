"""The command line: parse, call `commands`, print, exit code. Nothing heavy is imported before a command runs."""

import sys

from ..core.errors import LambdabenchError

INTERRUPTED = 130


def main() -> None:
    """The program. Exit codes: 0 well, 1 a case failed, 2 a wrong request, 3 no usable number, 4 not comparable, 130 interrupted."""
    try:
        from .app import app  # here, so that Ctrl-C is answered while its libraries load

        app()
    except LambdabenchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
    except SystemExit as ended:
        if _is_of_interrupt(ended):
            sys.stderr.write("interrupted\n")
        raise


def _is_of_interrupt(ended: SystemExit) -> bool:
    """Whether Typer made it of Ctrl-C, without a word; a run that was stopped says so itself."""
    cause = ended.__context__ and ended.__context__.__cause__
    return ended.code == INTERRUPTED and isinstance(cause, KeyboardInterrupt)
