"""What Python gets: `lb.read`, `lb.wide`, `lb.answers` and `lb.pareto`."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .. import store
from ..analysis import load_columns, table, tail_columns
from ..analysis import pareto as front
from ..analysis.answers import Answer, answers
from ..core import flags
from ._results import across_of, known_weights, weights_of


def read_frame(path: Path | str | Sequence[Path | str]) -> pd.DataFrame:
    """The long rows of a folder or files, one metric a row, all versions of the schema."""
    return store.read(path)


def wide_frame(
    frame: pd.DataFrame, weights: str | Sequence[str] = (), quantiles: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """One row per case from long rows: a column per metric with `_low` and `_high`, and top1, the published accuracy.

    `quantiles` of latency over all calls, "p95,p99.9": columns as `tailed.with_tails` has them. Default: p50, p95, p99 and those that the
    rows were asked for; (): none, which is quicker where there are very many cases.

    `weights`: the best of "imagenet-1k" alone, the "best" of any data, "all", or tags; the first that a network has counts. Default:
    as the rows' suites have it. Raises UnknownNameError, RequestError for what is no quantile.
    """
    asked = tuple(weights.split(",")) if isinstance(weights, str) and weights else tuple(weights)
    rows = store.newest(frame)
    names = tail_columns.quantiles_of(rows) if quantiles is None else flags.words(quantiles or None, "quantiles")
    for name in names:
        flags.quantile(name, "quantiles")
    cases = tail_columns.with_tails(table.wide(rows, known_weights(asked) or weights_of(frame)), rows, names)
    return load_columns.with_loads(cases, rows, names)


def answers_of(frame: pd.DataFrame, weights: str | Sequence[str] = ()) -> list[Answer]:
    """Every number of long rows as an `Answer`, case by case: value, interval, unit, origin, and the case that it is of; `weights` as
    `wide_frame` takes it."""
    return list(answers(wide_frame(frame, weights, quantiles=())))


def pareto_frame(
    frame: pd.DataFrame, *, x: str = "throughput", y: str = "top1", across: Sequence[str] | None = None
) -> pd.DataFrame:
    """The cases of long or wide rows with `on_front`, `front` (what tells it from others) and `membership` (null until its probability
    is known). `across`: fields over which there is one front ("backend", "fold"), as `plot pareto --across` takes them; None: the suite's.
    Raises UnknownNameError."""
    cases = wide_frame(frame, quantiles=()) if "metric" in frame else frame
    return front.pareto(cases, x=x, y=y, across=across_of(cases, across))
