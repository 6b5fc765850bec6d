"""Figures of results that are there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import plots, report
from ..analysis import claim_page, evaluation_rows, load_columns, node_tables, scripted, tail_columns
from ..analysis import pareto as front
from ..analysis.tails import SHOWN
from ..core import flags, registry
from ..core.folders import REPORTS
from ..core.metric import axes
from ..plots import claims as claims_plot
from ..plots import latency, load
from ..plots import pareto as pareto_plot
from ..plots.roofline import CEILING
from ._results import across_of, filtered, known_weights, matching, measured_of, plot_command, title_of, weights_of
from .claim_runs import claims_command
from .claims import judge_claims
from .frames import wide_frame

BARS = "Bars: 95 % intervals between processes, of the headline condition; pale: the least to the greatest of all conditions."


def plot_pareto(
    results: Path,
    suite_name: str | None,
    *,
    x: str,
    y: str,
    filters: Mapping[str, Any],
    out: Path | None,
    weights: Sequence[str] = (),
    across: Sequence[str] | None = None,
) -> tuple[Path, ...]:
    """Draws fronts from any results folder: SVG, PNG and CSV. `weights` as `facts.chosen` takes it; none: the suite's. `across`: fields
    over which one front is drawn; None: the suite's. Raises NothingMeasuredError, StoreError, UnknownNameError."""
    for axis in (x, y):
        if axis not in axes():
            raise registry.unknown("axis", axis, axes())
    every, of_nodes = filtered(results, suite_name, filters, known_weights(weights))
    cases = scripted.measured(every)
    over = across_of(cases, across)
    points = front.pareto(cases, x=x, y=y, across=over)
    name = title_of(results, suite_name)
    drawing = pareto_plot.draw(
        points,
        x=x,
        y=y,
        title=f"{name}: {y} against {x}",
        notes=(*report.notes(cases, points, (x, y), over), *of_nodes, *scripted.left_out(every, cases)),
        across=over,
    )
    given = {**filters, "x": x, "y": y, "weights": weights, "across": across or ()}
    return plots.save(drawing, out or REPORTS / name, "pareto", plot_command("pareto", results, suite_name, given))


def plot_curves(
    kind: str, results: Path, suite_name: str | None, *, filters: Mapping[str, Any], out: Path | None
) -> tuple[Path, ...]:
    """Draws "scaling", "memory" or "roofline" from any results folder: SVG, PNG and CSV. Raises NothingMeasuredError, StoreError."""
    module = registry.load("plots", kind)
    every, of_nodes = filtered(results, suite_name, filters, always=(CEILING,) if kind == "roofline" else ())
    cases = scripted.measured(every)
    left_out = scripted.left_out(every, cases)
    if kind == "roofline":
        cases = module.drawn(cases)
    name = title_of(results, suite_name)
    notes = (*report.curve_notes(cases, module.METRICS), *of_nodes, *left_out)
    drawing = module.draw(cases, title=f"{name}: {module.TITLE.lower()}", notes=notes)
    return plots.save(drawing, out or REPORTS / name, kind, plot_command(kind, results, suite_name, filters))


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
    known = measured_of(results, suite_name, columns=())
    rows, cases = known.rows, evaluation_rows.without(node_tables.wide(known.rows, weights_of(known.rows)))
    every = matching(cases, filters, str(suite_name or results))
    cases = scripted.measured(every)
    cases = tail_columns.with_limit(
        tail_columns.with_tails(cases, rows, tail_columns.quantiles_of(rows)), rows, limit_s
    )
    name = title_of(results, suite_name)
    notes = (*report.tail_notes(cases, limit_s), *known.lines, *scripted.left_out(every, cases))
    drawing = latency.draw(cases, title=f"{name}: {latency.TITLE.lower()}", notes=notes, limit_s=limit_s)
    given = {**filters, "limit": None if limit_s is None else f"{1e3 * limit_s:g}ms"}
    return plots.save(drawing, out or REPORTS / name, "latency", plot_command("latency", results, suite_name, given))


def plot_load(
    results: Path, suite_name: str | None, *, filters: Mapping[str, Any], out: Path | None
) -> tuple[Path, ...]:
    """Draws p50, p95 and p99 of each case under the loads it was under, from any results folder: SVG, PNG and CSV. Raises
    NothingMeasuredError, StoreError."""
    known = measured_of(results, suite_name, columns=())
    rows, cases = known.rows, evaluation_rows.without(node_tables.wide(known.rows, weights_of(known.rows)))
    every = matching(cases, filters, str(suite_name or results))
    cases = scripted.measured(every)
    cases = load_columns.with_loads(tail_columns.with_tails(cases, rows, SHOWN), rows)
    name = title_of(results, suite_name)
    notes = (*report.load_notes(cases), *known.lines, *scripted.left_out(every, cases))
    drawing = load.draw(cases, title=f"{name}: {load.TITLE.lower()}", notes=notes)
    return plots.save(drawing, out or REPORTS / name, "load")


def plot_claims(
    results: Path, *, machine: str | None = None, ids: Sequence[str] = (), out: Path | None = None
) -> tuple[Path, ...]:
    """Draws one figure of all claims and a specification curve of each that has a ratio, with the page of their tables: SVG, PNG, CSV, and
    index.md, .html and .json. Raises NothingMeasuredError where there is nothing to draw, StoreError, UnknownNameError."""
    result = judge_claims(results, machine=machine, ids=ids)
    folder = out or REPORTS / claims_plot.__name__.rpartition(".")[2]
    said = (
        claim_page.version(result.known),
        *([f"Machine: {result.machine.name}."] if result.machine.name else []),
        BARS,
    )
    drawing = claims_plot.draw(
        None, title=claims_plot.TITLE, notes=said, claims=result.judged, witnesses=() if ids else result.witnesses
    )
    paths = list(plots.save(drawing, folder, "summary"))
    for item in result.judged:
        if any(tested.is_usable and tested.condition for row in item.rows for tested in row.tested):
            paths += plots.save(
                claims_plot.curve(item, title=f"{item.claim.id}: {item.claim.says}", notes=said), folder, item.claim.id
            )
    findings = claim_page.Findings(
        known=result.known,
        machine=result.machine,
        claims=result.judged,
        witnesses=result.witnesses,
        lines=result.conclusions,
        repeat=claims_command([], results),
        figures=tuple(path.name for path in paths if path.suffix == ".svg"),
    )
    return (*paths, *report.write(claim_page.page(findings), folder))


def plot_frame(
    kind: str,
    rows: pd.DataFrame,
    *,
    x: str = "throughput",
    y: str = "top1",
    across: Sequence[str] | None = None,
    limit: str | None = None,
    title: str = "",
) -> plots.Figure:
    """The figure of long rows, or of `wide`'s table, as `lambdabench plot` draws it; a notebook shows it. `kind`: a name of `list plots`;
    `x`, `y` and `across` are of "pareto", `limit` of "latency": "25ms". Raises NothingMeasuredError, UnknownNameError."""
    module = registry.load("plots", kind)
    every = wide_frame(rows, quantiles=None if kind == "latency" else ()) if "metric" in rows else rows
    cases = scripted.measured(every)
    left_out = scripted.left_out(every, cases)
    title = title or module.TITLE
    if kind == "pareto":
        over = across_of(cases, across)
        points = front.pareto(cases, x=x, y=y, across=over)
        notes = (*report.notes(cases, points, (x, y), over), *left_out)
        return plots.displayed(module.draw(points, x=x, y=y, title=title, notes=notes, across=over))
    if kind == "latency":
        limit_s = flags.limit(limit, "limit")
        cases = tail_columns.with_limit(cases, rows, limit_s) if "metric" in rows else cases
        notes = (*report.tail_notes(cases, limit_s), *left_out)
        return plots.displayed(module.draw(cases, title=title, notes=notes, limit_s=limit_s))
    cases = module.drawn(cases) if kind == "roofline" else cases
    notes = (*report.curve_notes(cases, module.METRICS), *left_out)
    return plots.displayed(module.draw(cases, title=title, notes=notes))
