"""What a run's cases come to: their rows and wide table, what differences they can tell, and what is lacking of what was asked."""
# pyright: basic
# (pandas is not fully typed)

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import store
from ..analysis import evaluation_rows, load_columns, table, tail_columns
from ..analysis import pareto as front
from ..analysis.resolution import Resolution, phrase, resolution
from ..core.row_flags import HALVED, has_flag
from ..core.spec import Suite
from ..facts import DEFAULT_WEIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """Of the cases that were asked for, those of earlier runs included. `all_cases` are the suite's, in the same environments."""

    rows: pd.DataFrame
    cases: pd.DataFrame
    all_cases: pd.DataFrame
    resolution: Resolution
    lacking: str
    """Of what is asked; empty where nothing is."""


def summarize(
    wanted: Suite, where: Collection[str], results: Path, asked: Collection[str], precision: float | None = None
) -> RunSummary:
    """Of the newest rows in a folder of results: those of the cases `asked` for, by case id, in the environments `where`."""
    folder = results / wanted.name
    rows = store.newest(store.read(folder)) if folder.is_dir() else store.read([])
    rows = rows[rows["fingerprint"].isin(where)]
    known = (
        store.newest(store.read(beside)) if len(rows) and (beside := evaluation_rows.beside(results)) else rows.iloc[:0]
    )
    every = wide_of(wanted, pd.concat([rows, known]) if len(known) else rows)
    rows, cases = (frame[frame["case_id"].isin(asked)] for frame in (rows, every))
    reference = str(dict(wanted.reference).get("model", ""))
    text = resolution(rows, cases, reference=reference, control=wanted.control, factor=wanted.sampling.tells)
    return RunSummary(rows=rows, cases=cases, all_cases=every, resolution=text, lacking=lacking(text, precision))


def wide_of(wanted: Suite, rows: pd.DataFrame) -> pd.DataFrame:
    """The wide table of a suite's rows with `on_front`, and with quantiles of latency where the suite asks for some."""
    cases = evaluation_rows.without(table.wide(rows, wanted.weights or DEFAULT_WEIGHTS))
    cases = front.with_front(cases, front.pareto(cases, across=wanted.across))
    names = tail_columns.quantiles_of(rows, wanted.sampling.at) if tail_columns.are_asked(wanted) else ()
    return load_columns.with_loads(tail_columns.with_tails(cases, rows, names), rows)


def lacking(text: Resolution, precision: float | None) -> str:
    """What a run does not know of what is asked: whether it may rank, and ratios to the reference to `precision`, a share."""
    if text.problem or precision is None or (text.margin is not None and text.margin <= 1 + precision):
        return text.problem
    return f"{phrase(text) or 'no ratio to a reference is known'}, {100 * precision:g} % asked"


def counts_of(cases: pd.DataFrame) -> dict[str, int]:
    """Cases by status; one that was halved has its answer in another."""
    answered = cases[[not has_flag(flags, HALVED) for flags in cases["flags"]]]
    return {str(key): int(count) for key, count in answered["status"].value_counts().items()}
