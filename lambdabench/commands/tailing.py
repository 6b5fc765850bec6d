"""The slowest calls: cases with quantiles where some are asked for, and their figure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from .. import plots, report
from ..analysis import pareto as front
from ..analysis import scripted, table, tailed
from ..core.spec import Suite
from ..facts import DEFAULT_WEIGHTS
from ..plots import latency
from . import evaluations
from .reading import REPORTS, matching, rows_of, title_of, weights_of, with_front


def wide_of(wanted: Suite, rows: pd.DataFrame) -> pd.DataFrame:
    """The wide table of a suite's rows with `on_front`, and with quantiles of latency where the suite asks for some."""
    cases = evaluations.without(table.wide(rows, wanted.weights or DEFAULT_WEIGHTS))
    cases = with_front(cases, front.pareto(cases))
    names = tailed.quantiles_of(rows, wanted.sampling.at) if tailed.are_asked(wanted) else ()
    return tailed.with_tails(cases, rows, names)


def plot_latency(
    results: Path,
    suite_name: str | None,
    *,
    filters: Mapping[str, Any],
    out: Path | None,
    limit_s: float | None = None,
) -> tuple[Path, ...]:
    """Draws p50, p95 and p99 of each model from any results folder, and the share of calls over a limit: SVG, PNG and CSV. Raises
    NothingMeasuredError, StoreError."""
    rows = rows_of(results, suite_name, columns=())
    every = matching(evaluations.without(table.wide(rows, weights_of(rows))), filters, str(suite_name or results))
    cases = scripted.measured(every)
    cases = tailed.with_limit(tailed.with_tails(cases, rows, tailed.quantiles_of(rows)), rows, limit_s)
    name = title_of(results, suite_name)
    notes = (*report.tail_notes(cases, limit_s), *scripted.left_out(every, cases))
    drawing = latency.draw(cases, title=f"{name}: {latency.TITLE.lower()}", notes=notes, limit_s=limit_s)
    return plots.save(drawing, out or REPORTS / name, "latency")
