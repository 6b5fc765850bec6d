"""A suite cut over equal nodes: every share has the reference and the control pair, so that shares can be joined and nodes compared."""

import dataclasses
import re
from collections.abc import Sequence

from ..core.errors import RequestError
from ..core.spec import Cell, Suite
from .budget import is_reference, setting

MOST = 10_000
"""Shares of a suite."""


def cut(wanted: Suite, number: int, count: int) -> Suite:
    """Share `number` of `count`: whole models, as many cells in each share as can be, the same whoever cuts; where there are fewer models
    than shares, some have the reference and the control pair alone, which are in every share. A suite that has neither is cut
    without."""
    return with_common(
        wanted, _dealt([cell for cell in wanted.cells if not _is_common(cell, wanted)], count)[number - 1]
    )


def with_common(wanted: Suite, own: Sequence[Cell]) -> Suite:
    """Some cells of a suite with its reference and its control pair: these at the settings of the cells and at the first one there is."""
    common = [cell for cell in wanted.cells if _is_common(cell, wanted)]
    needed = {setting(cell.case) for cell in (*own, *common[:1])}
    kept = {id(cell) for cell in (*own, *(cell for cell in common if setting(cell.case) in needed))}
    return dataclasses.replace(wanted, cells=tuple(cell for cell in wanted.cells if id(cell) in kept))


def own_models(wanted: Suite) -> int:
    """How many models a suite has beside the reference and the control pair: in more shares it cannot be cut."""
    return len({cell.case.model for cell in wanted.cells if not _is_common(cell, wanted)})


def parse_share(text: str | None, flag: str) -> tuple[int, int] | None:
    """(Number, count) of "2/5"; None where nothing was given. Raises RequestError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text.strip())
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count <= MOST:
        raise RequestError(f"{flag}: found {text!r}, expected a share and how many there are, as 2/5")
    return number, count


def _is_common(cell: Cell, wanted: Suite) -> bool:
    return is_reference(cell.case, wanted.reference) or cell.case.model in (wanted.control or ())


def _dealt(cells: Sequence[Cell], count: int) -> list[list[Cell]]:
    """Models with the most cells first, each to the share that has the fewest (Graham, "Bounds on multiprocessing timing anomalies",
    SIAM J. Appl. Math. 17, 1969)."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.case.model, []).append(cell)
    shares: list[list[Cell]] = [[] for _ in range(count)]
    for group in sorted(groups.values(), key=len, reverse=True):
        min(shares, key=len).extend(group)
    return shares
