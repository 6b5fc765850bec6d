"""What stands beside a run, in tables of its own: the paper's figures, never taken for measured ones; one network on two frameworks."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from ..analysis import agreement, quoted


def print_quoted(console: Console, found: Sequence[quoted.Quoted]) -> None:
    """The paper's figures of the cases that were measured; nothing where it has none."""
    if found:
        _print(console, quoted.TITLES, map(quoted.cells, found), quoted.legend(found))


def print_agreements(console: Console, found: Sequence[agreement.Agreement]) -> None:
    """Pairs of backends with both rates and the largest error; nothing where no two ran on equal weights."""
    if found:
        _print(console, agreement.TITLES, map(agreement.cells, found), agreement.legend(found))


def _print(console: Console, titles: Sequence[str], rows: Iterable[tuple[str, ...]], legend: Iterable[str]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title)
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)
    for line in legend:
        console.print(line, soft_wrap=True)
