"""The section of a page that tells the slowest calls."""

from collections.abc import Sequence

import pandas as pd

from ..analysis.tail_columns import columns_in, tail_of
from ..analysis.tails import MS
from ..core.units import format_significant

LEGEND = (
    "Of all calls of every visit, disturbed ones too, but the cold ones at its start. Each end of an interval holds with 95 % confidence "
    "by itself; calls that come in bursts count for as many as independent ones would tell as much.",
)


def titles(cases: pd.DataFrame) -> list[str]:
    """The titles of the columns behind those that name a case."""
    return [*(f"{name}, ms" for name in columns_in(cases)), "longest, ms", "calls"]


def cells(cases: pd.DataFrame, named: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """A line a case that has calls, behind the words that name it."""
    names = columns_in(cases)
    lines: list[tuple[str, ...]] = []
    for words, (_, case) in zip(named, cases.iterrows(), strict=True):
        row = {str(key): item for key, item in case.items()}
        if names and tail_of(row, names[0]) is not None:
            longest = format_significant(MS * float(row["latency_longest"]))
            texts = (_cell(row, name) for name in names)
            lines.append((*words, *texts, longest, f"{int(row['latency_calls']):,}"))
    return lines


def _cell(row: dict[str, object], name: str) -> str:
    tail = tail_of(row, name)
    return "–" if tail is None else tail.told()
