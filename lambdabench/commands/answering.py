"""What a run's cases come to: their rows and wide table, what differences they can tell, and what is lacking of what was asked."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import store
from ..analysis.resolution import Resolution, phrase, resolution
from ..core.spec import HALVED, Suite
from . import evaluations
from .tailing import wide_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Of the cases that were asked for, those of earlier runs included. `all_cases` are the suite's, in the same environments."""

    rows: pd.DataFrame
    cases: pd.DataFrame
    all_cases: pd.DataFrame
    resolution: Resolution
    lacking: str
    """Of what is asked; empty where nothing is."""


def answers(
    wanted: Suite, where: Collection[str], results: Path, asked: Collection[str], precision: float | None = None
) -> Answers:
    """Of the newest rows in a folder of results: those of the cases `asked` for, by case id, in the environments `where`."""
    folder = results / wanted.name
    rows = store.newest(store.read(folder)) if folder.is_dir() else store.read([])
    rows = rows[rows["fingerprint"].isin(where)]
    known = store.newest(store.read(beside)) if len(rows) and (beside := evaluations.beside(results)) else rows.iloc[:0]
    every = wide_of(wanted, pd.concat([rows, known]) if len(known) else rows)
    rows, cases = (one[one["case_id"].isin(asked)] for one in (rows, every))
    reference = str(dict(wanted.reference).get("model", ""))
    told = resolution(rows, cases, reference=reference, control=wanted.control, factor=wanted.sampling.tells)
    return Answers(rows=rows, cases=cases, all_cases=every, resolution=told, lacking=lacking(told, precision))


def lacking(told: Resolution, precision: float | None) -> str:
    """What a run does not know of what is asked: whether it may rank, and ratios to the reference to `precision`, a share."""
    if told.problem or precision is None or (told.reach is not None and told.reach <= 1 + precision):
        return told.problem
    return f"{phrase(told) or 'no ratio to a reference is known'}, {100 * precision:g} % asked"


def counts_of(cases: pd.DataFrame) -> dict[str, int]:
    """Cases by status; one that was halved has its answer in another."""
    answered = cases[[HALVED not in str(flags).split(",") for flags in cases["flags"]]]
    return {str(key): int(count) for key, count in answered["status"].value_counts().items()}
