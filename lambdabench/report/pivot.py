"""Cases laid out by what varies: a grid for each condition, in it a row for each thing that was timed and a column for who computed it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..analysis.answers import answer, lines
from ..analysis.page import Cell, Section, section
from ..core import fields
from ..core.metric import metric
from ..core.options import differing
from .cards import family_of, implementation_of

IMPLEMENTATION = ("kernel", "library")
"""Options that say who computes, not what."""
CEILING = "ceiling"
METRICS = ("latency", "peak_memory")
"""What a layer is laid out by."""
OF_SERIES = tuple(field for field in fields.FIELDS if field.of_framework or field.name == "fingerprint")
"""What is told with who computed, and gets no grid of its own: the framework's own fields, and the environment."""
BATCH = fields.NAMED["batch_size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """A case: its place among the page's, its row and its series."""

    case: int
    row: int
    series: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Cases of one condition. `rows`: what names each, a text a head."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    cells: tuple[GridCell, ...]

    def row_names(self) -> tuple[str, ...]:
        """Each row in a few words: "56 px, dim 64, scope 7"."""
        return tuple(
            ", ".join(
                f"{text} px" if head == "px" else f"{head} {text}".strip() if head != "model" else text
                for head, text in zip(self.heads, row, strict=True)
                if text
            )
            for row in self.rows
        )


def layers(cases: pd.DataFrame) -> tuple[Grid, ...]:
    """The grids of layers, ceilings aside: by machine and all that parts cases but the framework, then by batch."""
    rows = [(place, row) for place, row in enumerate(lines(cases)) if row["model"] != CEILING]
    names = _series([row for _, row in rows])
    apart = [
        field for field in fields.varying([row for _, row in rows]) if field not in OF_SERIES and field.name != "kind"
    ]
    return _grids(rows, [*apart, BATCH], names)


def others(cases: pd.DataFrame) -> tuple[Grid, ...]:
    """The grids of networks and tests: a row each, by family."""
    rows = list(enumerate(lines(cases)))
    apart = [field for field in fields.varying([row for _, row in rows]) if field.name != "kind"]
    return _grids(rows, [*apart, BATCH], [family_of(row) for _, row in rows])


def _series(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who computed each row: its implementation, with `OF_SERIES` where rows of it differ in that on one machine."""
    names = [(implementation_of(row), row.get("device_name")) for row in rows]
    varied = {
        name: fields.varying([row for other, row in zip(names, rows, strict=True) if other == name], OF_SERIES)
        for name in set(names)
    }
    return [
        ", ".join(filter(None, (name[0], fields.phrase(row, varied[name]))))
        for name, row in zip(names, rows, strict=True)
    ]


Placed = Sequence[tuple[int, Mapping[str, Any]]]


def _grids(rows: Placed, apart: Sequence[fields.Field], series: Sequence[str]) -> tuple[Grid, ...]:
    keys = _heads([row for _, row in rows])
    by_condition: dict[tuple[Any, ...], list[tuple[int, Mapping[str, Any], str]]] = {}
    for (place, row), name in zip(rows, series, strict=True):
        condition = tuple(fields.value(row, field) for field in apart)
        by_condition.setdefault(condition, []).append((place, row, name))
    grids: list[Grid] = []
    for condition, members in sorted(by_condition.items(), key=lambda item: tuple(map(_order, item[0]))):
        shapes = sorted({_shape(row, keys) for _, row, _ in members}, key=lambda shape: tuple(map(_order, shape)))
        title = ", ".join(filter(None, map(fields.word, apart, condition)))
        cells = [GridCell(case=place, row=shapes.index(_shape(row, keys)), series=name) for place, row, name in members]
        grids.append(Grid(title=title, heads=tuple(keys), rows=tuple(shapes), cells=tuple(cells)))
    return tuple(grids)


def _heads(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What names a row: the model and the image size where these differ, and options that do."""
    given = [(str(row["model"]), fields.options(row)) for row in rows]
    keys = [key for key in differing(given) if key not in IMPLEMENTATION]
    are_layers = all(implementation_of(row) != row["model"] for row in rows)
    models = [] if are_layers or len({name for name, _ in given}) == 1 else ["model"]
    sizes = ["px"] if len({row["image_px"] for row in rows}) > 1 else []
    return [*models, *sizes, *keys] or ["model"]


def _shape(row: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, ...]:
    own = {"model": row["model"], "px": int(row["image_px"])}
    given = own | {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.options(row).items()
    }
    return tuple(str(given.get(key, "")) for key in keys)


def _order(item: Any) -> tuple[int, float, str]:
    """Numbers by size, then texts."""
    try:
        return 0, float(item), ""
    except (TypeError, ValueError):
        return 1, 0.0, str(item)


def sections(cases: pd.DataFrame, grids: Sequence[Grid]) -> list[Section]:
    """A table a grid and metric: numbers with intervals; a hole by its status."""
    rows = lines(cases)
    result: list[Section] = []
    for name in METRICS:
        for grid in grids:
            columns = list(dict.fromkeys(cell.series for cell in sorted(grid.cells, key=lambda cell: cell.series)))
            at = {(cell.row, cell.series): _cell(rows[cell.case], name) for cell in grid.cells}
            body = [
                [*texts, *(at.get((place, column), "") for column in columns)] for place, texts in enumerate(grid.rows)
            ]
            if name in cases and any(not isinstance(cell, str) for line in body for cell in line):
                title = ": ".join(filter(None, (metric(name).column, grid.title)))
                result.append(section(title, [*grid.heads, *columns], body, ()))
    return result


def _cell(row: Mapping[str, Any], name: str) -> Cell:
    number = answer(row, name)
    return str(row["status"]) if number.value is None and row["status"] != "ok" else number
