"""What the paper prints, beside the run: in a table of its own, so that a quoted figure is never taken for a measured one."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ..analysis.quoted import Quoted, cells, legend


def print_quoted(console: Console, quoted: Sequence[Quoted]) -> None:
    """The paper's figures of the cases that were measured; nothing where it has none."""
    if not quoted:
        return
    table = Table(box=None, pad_edge=False)
    for title in ("paper q", "model", "px", "paper", "× paper", "here", "× here"):
        table.add_column(title, justify="left" if title in ("paper q", "model") else "right")
    for one in quoted:
        table.add_row(*cells(one))
    console.print()
    console.print(table)
    for line in legend(quoted):
        console.print(line, soft_wrap=True)
