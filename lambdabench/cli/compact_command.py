"""`lambdabench compact`: many files of results made one."""

from pathlib import Path
from typing import Annotated

import typer

from ..core import flags
from .options import ResultsOption
from .terminal import say


def compact(
    results: ResultsOption = Path("results"),
    min_age: Annotated[
        str,
        typer.Option(
            help="Only files that have not been written for so long: a run that goes on writes its own again."
        ),
    ] = "24h",
) -> None:
    """Make one file of a suite's many, every row kept; readers see the same rows before, meanwhile and after."""
    from .. import commands

    done = commands.compact(results, flags.duration(min_age, "--min-age") or 0.0)
    for item in done:
        say(f"saved {commands.told(item.file)}: {item.rows:,} rows of {item.files:,} files")
    if not done:
        say(
            f"nothing to compact in {commands.told(results)}: no suite has two files that were not written for {min_age}"
        )
