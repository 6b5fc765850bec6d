"""A page as data: a title, sentences, tables, figures, conditions. Markdown, HTML, JSON and the terminal render it, so that no number is
written in two ways: a cell that is an answer stays one until it is rendered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.units import format_significant
from .answers import Answer
from .chart import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One number over another, None where one of them is missing, with its 95 % interval where it is known, and a mark that a legend
    explains."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    mark: str = ""

    def words(self) -> str:
        """ "1.41 [1.36, 1.46] ▲"."""
        ends = None if self.low is None or self.high is None else (self.low, self.high)
        interval = "" if ends is None else f"[{', '.join(map(format_significant, ends))}]"
        return " ".join(filter(None, (format_significant(self.value), interval, self.mark)))


Cell = str | Answer | Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's title, whether it holds numbers, and whether it goes before others where room is short (higher: earlier; 0: never)."""

    title: str
    is_number: bool = False
    drop: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of as many cells as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table under a title, and what its columns and marks say."""

    title: str
    table: Table
    legend: tuple[str, ...] = ()
    is_of_cases: bool = False
    """Whether its rows are the page's cases, in their order."""
    is_long: bool = False
    """Whether other sections say the same in fewer lines: Markdown leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCard:
    """All that is said of one case. `facets`: what it can be picked by, by the facet's title."""

    name: str
    lines: tuple[tuple[str, str], ...] = ()
    """(What, in words): numbers with their intervals, conditions, the reason of a hole."""
    facets: Mapping[str, str] = field(default_factory=dict[str, str])
    command: str = ""
    """What measures it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSummary:
    """What a page holds of one machine. `last`: the day of its newest number, "2026-11-29"."""

    name: str
    cases: int
    with_number: int
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One suite's results, for a reader. Texts are plain: what renders a page makes them safe for where they go."""

    title: str
    suite: str = ""
    question: str = ""
    answers: tuple[str, ...] = ()
    """A sentence for each machine and program: numbers with their intervals."""
    source: str = ""
    figures: tuple[str, ...] = ()
    """File names beside the page."""
    chart: Chart | None = None
    sections: tuple[Section, ...]
    cards: tuple[CaseCard, ...] = ()
    machines: tuple[MachineSummary, ...] = ()
    conditions: tuple[str, ...] = ()
    """Where, with what and when it was measured, and what intervals cover."""
    holes: tuple[str, ...] = ()
    """What was asked for and has no number, and why."""
    how: str = ""
    """How a number was made."""
    repeat: str = ""
    """The command that measures it again."""


def section(title: str, titles: Sequence[str], rows: Sequence[Sequence[Cell]], legend: Sequence[str]) -> Section:
    """A section of plain columns; those are of numbers whose cells are answers."""
    numbers = [any(not isinstance(row[place], str) for row in rows) for place in range(len(titles))]
    columns = [Column(title=title, is_number=is_number) for title, is_number in zip(titles, numbers, strict=True)]
    table = Table(columns=tuple(columns), rows=tuple(tuple(row) for row in rows))
    return Section(title=title, table=table, legend=tuple(legend))


def words(cell: Cell) -> str:
    """A cell as people read it."""
    return cell if isinstance(cell, str) else cell.words()


def data(page: Page) -> dict[str, Any]:
    """The page for programs: a table's rows by the titles of its columns, answers as numbers in their stored units."""
    return {
        "title": page.title,
        "suite": page.suite,
        "question": page.question,
        "answers": list(page.answers),
        "source": page.source,
        "machines": [
            {"name": known.name, "cases": known.cases, "with_number": known.with_number, "last": known.last}
            for known in page.machines
        ],
        "figures": list(page.figures),
        "sections": [
            {
                "title": part.title,
                "rows": [
                    {column.title: _datum(cell) for column, cell in zip(part.table.columns, row, strict=True)}
                    for row in part.table.rows
                ],
                "legend": list(part.legend),
            }
            for part in page.sections
        ],
        "conditions": list(page.conditions),
        "holes": list(page.holes),
        "how": page.how,
        "repeat": page.repeat,
    }


def _datum(cell: Cell) -> Any:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Ratio):
        return {"ratio": cell.value, "low": cell.low, "high": cell.high, "mark": cell.mark}
    return {
        "metric": cell.metric.name,
        "unit": cell.metric.unit,
        "value": cell.value,
        "low": cell.low,
        "high": cell.high,
        "least": cell.least,
        "most": cell.most,
        "covers": cell.covers,
        "origin": cell.origin,
        "source": cell.source,
    }
