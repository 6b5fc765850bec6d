"""Tables that fit the terminal: texts fold, intervals go under their values, what matters least is left out; a number is never cut."""

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from ..analysis.page import Cell, Column, words
from ..core import foreign

GAP = 2
"""Columns between two of a table's."""
LEAST_TEXT = 12
"""Columns that a text is folded to at most."""
LONG = 1000
"""Lines beyond which a table is printed plainly."""
PARTS = re.compile(r" (?=[\[(])|(?<=\]) ")
"""Where a number's interval begins and ends."""

INTERVAL = re.compile(r"\[[^\]a-z]*\]|.*±.*")


def fitted(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], width: int, *, heads: bool = True) -> Table:
    """The table in `width` columns; under it which of its columns have no room. Where the others have none either: a line a cell."""
    lines = [[foreign.plain(words(cell)) for cell in row] for row in rows]
    cells = [list(items) for items in zip(*lines, strict=True)] or [[] for _ in columns]
    places = _with_room(columns, cells, width)
    if _narrowest([(columns[place], cells[place]) for place in places]) > width:
        return _stacked(columns, lines)
    widths = _widths([(columns[place], cells[place]) for place in places], width)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=heads)
    for place, wide in zip(places, widths, strict=True):
        column = columns[place]
        justify = "right" if column.is_number else "left"
        table.add_column(column.title, justify=justify, width=wide, overflow="fold")
        if column.is_number and wide < _most(column, cells[place]):
            cells[place] = [PARTS.sub("\n", cell) for cell in cells[place]]
    for row in zip(*(cells[place] for place in places), strict=True):
        table.add_row(*row)
    if left := [column.title for place, column in enumerate(columns) if place not in places]:
        table.caption, table.caption_justify = f"no room for: {', '.join(left)}", "left"
    return table


def show(console: Console, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table that fits the console; a long one that needs no folding line by line, which takes rich a minute in 20,000 lines."""
    lines = list(rows)
    widths = (
        [_most(column, cells) for column, cells in zip(columns, zip(*lines, strict=True), strict=True)] if lines else []
    )
    if len(lines) <= LONG or sum(widths) + GAP * len(widths) > console.width:
        console.print(fitted(columns, lines, console.width))
        return
    names: list[str] = []
    for line in ([column.title for column in columns], *lines):
        cells = zip(columns, line, widths, strict=True)
        padded = (cell.rjust(wide) if column.is_number else cell.ljust(wide) for column, cell, wide in cells)
        names.append((" " * GAP).join(padded).rstrip())
    console.file.write(foreign.lines("\n".join(names)) + "\n")


def _stacked(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for place, row in enumerate(rows):
        if place:
            table.add_row()
        for column, cell in zip(columns, row, strict=True):
            table.add_row(column.title, cell)
    return table


def _with_room(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """Places of the columns that have room at their narrowest."""
    places = list(range(len(columns)))
    while _narrowest([(columns[place], cells[place]) for place in places]) > width:
        droppable = [place for place in places if columns[place].drop]
        if not droppable:
            break
        places.remove(max(droppable, key=lambda number: columns[number].drop))
    return places


def _narrowest(columns: Sequence[tuple[Column, Sequence[str]]]) -> int:
    return sum(_least(*column) for column in columns) + GAP * (len(columns) - 1)


def _widths(columns: Sequence[tuple[Column, Sequence[str]]], width: int) -> list[int]:
    """Columns for each: as wide as its longest cell where there is room; else the widest texts give first, then the widest numbers."""
    widths = [_most(column, cells) for column, cells in columns]
    least = [_least(column, cells) for column, cells in columns]
    for numbers in (False, True):
        mine = [place for place, (column, _) in enumerate(columns) if column.is_number == numbers]
        while sum(widths) + GAP * (len(widths) - 1) > width:
            spare = [place for place in mine if widths[place] > least[place]]
            if not spare:
                break
            widths[max(spare, key=lambda place: widths[place])] -= 1
    return widths


def _most(column: Column, cells: Sequence[str]) -> int:
    return max(cell_len(line) for cell in (column.title, *cells) for line in cell.split("\n"))


def _least(column: Column, cells: Sequence[str]) -> int:
    """Columns without which a number, or its interval, would be cut; a text may be folded."""
    if not column.is_number:
        return min(_most(column, cells), LEAST_TEXT)
    title = max(map(cell_len, column.title.split()), default=0)
    return max([title, *(cell_len(part) for cell in cells for part in _parts(cell))])


def _parts(cell: str) -> list[str]:
    """What stays together of a number's cell: an interval, and each word beside it."""
    parts = PARTS.split(cell)
    return [piece for part in parts for piece in ([part] if INTERVAL.fullmatch(part) else part.split())]
