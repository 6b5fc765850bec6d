"""What requests wait that arrive by themselves, as text: a table of a run, lines of a case."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console

from ..analysis import load_columns
from ..analysis.answers import lines
from ..analysis.page import Column
from ..core import fields
from .tables import fitted

OF_A_LINE = tuple(field for field in fields.FIELDS if field.name not in ("model", "suite"))


def print_loads(console: Console, cases: pd.DataFrame) -> None:
    """A line a case and load; nothing where no case was under one."""
    loads = load_columns.loads_in(cases)
    rows = lines(cases)
    labels = fields.labels(rows, OF_A_LINE)
    cells = [
        (f"{row['model']}{f' ({label})' if label else ''}", *texts)
        for row, label in zip(rows, labels, strict=True)
        for texts in load_columns.cells(row, loads)
    ]
    if not cells:
        return
    columns = [Column(title="model"), *(Column(title=title, is_number=True) for title in load_columns.TITLES)]
    console.print()
    console.print(fitted(columns, cells, console.width))
    for line in load_columns.LEGEND:
        console.print(line, soft_wrap=True)


def load_lines(case: Mapping[str, Any]) -> list[str]:
    """A line a load that a case was under."""
    return load_columns.told(case, load_columns.loads_in(case))
