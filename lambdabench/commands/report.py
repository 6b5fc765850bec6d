"""A suite's page, from results that are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from .. import report, store, suite
from ..analysis import evaluation_rows, load_columns, node_tables, paper_comparison, scripted, table, tail_columns
from ..analysis import pareto as front
from ..analysis.agreement import agreements
from ..analysis.best_runtimes import best_runtimes, is_asked
from ..analysis.unsupported_metrics import unsupported_metrics
from ..core.errors import NothingMeasuredError, SuiteError
from ..core.evaluation import SUITE as EVALUATIONS
from ..core.spec import Suite
from ..facts import DEFAULT_WEIGHTS
from ..pytest_benchmark.rows import SUITE as PYTEST
from ._results import (
    FRONT,
    compare_command,
    known_weights,
    measured_of,
    nothing_of,
    plot_command,
    repeat_suite,
    report_command,
)
from .show import repeat_command

BENCHMARKS = Suite(
    name=PYTEST,
    title="Benchmarks of pytest-benchmark",
    cells=(),
    metrics=("latency",),
    plots=(),
)
"""What stands for the suite of rows that no suite file asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written of a suite. `site`: the page over all suites."""

    pages: tuple[Path, ...]
    figures: tuple[Path, ...]
    site: Path

    @property
    def page(self) -> Path:
        """The page that people open."""
        return next(path for path in self.pages if path.suffix == ".html")


def write_report(suite_name: str, results: Path, reports: Path, weights: Sequence[str] = ()) -> tuple[Path, ...]:
    """The files of `report_suite`'s page: Markdown, HTML, JSON."""
    return report_suite(suite_name, results, reports, weights).pages


def report_suite(suite_name: str, results: Path, reports: Path, weights: Sequence[str] = ()) -> Written:
    """Writes reports/<suite>/index.md, .html and .json with its figures from the rows there, and reports/index.html over all suites;
    `weights` as in `plot_pareto`. Raises NothingMeasuredError, UnknownNameError."""
    if suite_name not in (*suite.names(), PYTEST) and (results / suite_name).is_dir():
        raise SuiteError(
            f"{suite_name} has results in {store.told(results)} and does not come with the package: name its file, "
            f"{report_command(f'PATH/{suite_name}.toml', results)}"
        )
    wanted = BENCHMARKS if suite_name == PYTEST else suite.load(suite_name)
    known = measured_of(results, suite_name, (*table.NEEDED, "asked_at"))
    rows, chosen = known.rows, known_weights(weights) or wanted.weights or DEFAULT_WEIGHTS
    every = evaluation_rows.without(node_tables.wide(rows, chosen))
    loads = load_columns.loads_in(every)
    are_asked = tail_columns.are_asked(wanted) or bool(tail_columns.asked_in(rows) or loads)
    if are_asked or (rows["metric"] == "outputs").any():
        rows = measured_of(results, suite_name, columns=()).rows
    if are_asked:
        every = tail_columns.with_tails(every, rows, tail_columns.quantiles_of(rows, wanted.sampling.at))
        every = load_columns.with_loads(every, rows)
    repeat = repeat_suite(suite_name, results, *tail_columns.asked_in(rows)[-1:])
    request = PageRequest(results=results, reports=reports, repeat=repeat, of_nodes=known.lines)
    return write_page(wanted, rows, every, request)


def suites_of(results: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The suites that have rows in a folder: those of the package, and others, whose files have to be named. Raises NothingMeasuredError
    where there is none of the package."""
    there = {str(name) for name in store.runs(results)["suite"]} if results.is_dir() else set[str]()
    names = sorted(there & {*suite.names(), PYTEST})
    if not names:
        raise NothingMeasuredError(nothing_of(None, results, sorted(there)))
    return tuple(names), tuple(sorted(there - {*names, EVALUATIONS, FRONT}))


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Where rows are from and pages go; `problem`: why nothing is ranked, empty where all is well."""

    results: Path
    reports: Path
    repeat: str
    problem: str = ""
    of_nodes: tuple[str, ...] = ()
    """What must be said of the nodes of fleets."""


def write_page(wanted: Suite, rows: pd.DataFrame, every: pd.DataFrame, request: PageRequest) -> Written:
    """Writes a suite's page and figures of its rows and their wide table; nothing is ranked or drawn where there is a problem."""
    cases = scripted.measured(every)
    points = front.pareto(cases, across=wanted.across)
    points = points.iloc[:0] if request.problem else points
    folder = request.reports / wanted.name
    names = report.plots_of(
        wanted, is_asked=bool(tail_columns.columns_in(every)), has_loads=bool(load_columns.loads_in(every))
    )
    title = wanted.title or wanted.name
    command = plot_command("{}", request.results, wanted.name).replace("'{}'", "{}")
    draw = partial(report.draw_plots, title=title, folder=folder, across=wanted.across, command=command)
    figures = () if request.problem else draw(names, every)
    beside = report.Beside(
        figures=tuple(figure.name for figure in figures if figure.suffix == ".svg"),
        notes=(
            *report.notes(cases, points, _axes(cases), wanted.across),
            *request.of_nodes,
            *unsupported_metrics(rows),
            *scripted.left_out(every, cases),
        ),
        quoted=paper_comparison.of_suite(wanted, cases),
        agreements=agreements(rows, cases),
        best=best_runtimes(cases) if is_asked(wanted.across) else (),
        repeat=request.repeat,
        points=points,
        problem=request.problem,
        command_of=partial(repeat_command, results=request.results),
        compare_command=partial(compare_command, wanted.name, request.results),
    )
    pages = report.write(report.page(front.with_front(cases, points), wanted, beside), folder)
    return Written(pages=pages, figures=figures, site=report.write_site(request.reports))


def _axes(cases: pd.DataFrame) -> tuple[str, ...]:
    """What a page's notes speak of: accuracy against throughput, of layers and tests latency alone."""
    are_networks = "kind" not in cases or bool((cases["kind"] == "model").any())
    return ("throughput", "top1") if are_networks else ("latency",)
