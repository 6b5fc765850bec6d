"""The command line: parse, call `commands`, print, exit code. Nothing heavy is imported before a command runs."""

import sys

from ..core.errors import LambdabenchError
from .app import app


def main() -> None:
    """The program. Exit codes: 0 well, 1 a case failed, 2 a wrong request, 3 nothing usable measured, 4 not comparable, 130 interrupted."""
    try:
        app()
    except LambdabenchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
