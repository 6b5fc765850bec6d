"""A suite's page, from results that are there."""

from collections.abc import Sequence
from pathlib import Path

from .. import report, suite
from ..analysis import evaluation_rows, load_columns, paper_comparison, scripted, table, tail_columns
from ..analysis import pareto as front
from ..analysis.agreement import agreements
from ..analysis.unsupported_metrics import unsupported_metrics
from ..core.errors import SuiteError
from ..core.spec import Suite
from ..facts import DEFAULT_WEIGHTS
from ..pytest_benchmark.rows import SUITE as PYTEST
from ._results import known_weights, repeat_suite, report_command, rows_of

BENCHMARKS = Suite(
    name=PYTEST,
    title="Benchmarks of pytest-benchmark",
    cells=(),
    metrics=("latency",),
    plots=(),
)
"""What stands for the suite of rows that no suite file asked for."""


def write_report(suite_name: str, results: Path, reports: Path, weights: Sequence[str] = ()) -> tuple[Path, ...]:
    """Writes reports/<suite>/index.md, .html and .json with its figures from the rows there; `weights` as in `plot_pareto`. Raises
    NothingMeasuredError, UnknownNameError."""
    if suite_name not in (*suite.names(), PYTEST) and (results / suite_name).is_dir():
        raise SuiteError(
            f"{suite_name} has results in {results} and does not come with the package: name its file, "
            f"{report_command(f'PATH/{suite_name}.toml', results)}"
        )
    wanted = BENCHMARKS if suite_name == PYTEST else suite.load(suite_name)
    rows = rows_of(results, suite_name, (*table.NEEDED, "asked_at"))
    every = evaluation_rows.without(table.wide(rows, known_weights(weights) or wanted.weights or DEFAULT_WEIGHTS))
    loads = load_columns.loads_in(every)
    are_asked = tail_columns.are_asked(wanted) or bool(tail_columns.asked_in(rows) or loads)
    if are_asked or (rows["metric"] == "outputs").any():
        rows = rows_of(results, suite_name, columns=())
    if are_asked:
        every = tail_columns.with_tails(every, rows, tail_columns.quantiles_of(rows, wanted.sampling.at))
        every = load_columns.with_loads(every, rows)
    cases = scripted.measured(every)
    points = front.pareto(cases)
    folder = reports / wanted.name
    names = report.plots_of(
        wanted, is_asked=bool(wanted.sampling.at or tail_columns.asked_in(rows)), has_loads=bool(loads)
    )
    figures = report.draw_plots(names, every, title=wanted.title or wanted.name, folder=folder)
    marked = front.with_front(cases, points)
    beside = report.Beside(
        figures=tuple(figure.name for figure in figures if figure.suffix == ".svg"),
        notes=(*report.notes(cases, points), *unsupported_metrics(rows), *scripted.left_out(every, cases)),
        quoted=paper_comparison.of_suite(wanted, cases),
        agreements=agreements(rows, cases),
        repeat=repeat_suite(suite_name, results, *tail_columns.asked_in(rows)[-1:]),
    )
    return report.write(report.page(marked, wanted, beside), folder)
