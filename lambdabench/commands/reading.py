"""What can be asked of results that are there: figures, pages, single cases, lists."""

import fnmatch
import functools
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import launch, models, plots, report, store, suite
from ..analysis import pareto as front
from ..analysis import quoted, scripted, table, tailed
from ..analysis.accuracies import MEASURED
from ..analysis.agreement import agreements
from ..core import fields, flags, registry, shapes
from ..core.errors import NothingMeasuredError, SuiteError
from ..core.evaluation import SUITE
from ..core.metric import axes
from ..core.spec import Suite
from ..facts import DEFAULT_WEIGHTS, weight_names
from ..plots import pareto as pareto_plot
from ..plots.roofline import CEILING
from . import evaluations, recording

RESULTS, REPORTS = Path("results"), Path("reports")
BENCHMARKS = Suite(
    name=recording.SUITE,
    title="Benchmarks of pytest-benchmark",
    cells=(),
    metrics=("latency",),
    plots=(),
)
"""What stands for the suite of rows that no suite file asked for."""


def plot_pareto(
    results: Path,
    suite_name: str | None,
    *,
    x: str,
    y: str,
    filters: Mapping[str, Any],
    out: Path | None,
    weights: Sequence[str] = (),
    across: Sequence[str] = (),
) -> tuple[Path, ...]:
    """Draws fronts from any results folder: SVG, PNG and CSV. `weights` as `facts.chosen` takes it; none: the suite's. `across`: fields
    over which one front is drawn. Raises NothingMeasuredError, StoreError, UnknownNameError."""
    for axis in (x, y):
        if axis not in axes():
            raise registry.unknown("axis", axis, axes())
    every = _filtered(results, suite_name, filters, known_weights(weights))
    cases = scripted.measured(every)
    points = front.pareto(cases, x=x, y=y, across=known_joining(across))
    name = title_of(results, suite_name)
    drawing = pareto_plot.draw(
        points,
        x=x,
        y=y,
        title=f"{name}: {y} against {x}",
        notes=(*report.notes(cases, points, (x, y), across), *scripted.left_out(every, cases)),
        across=across,
    )
    return plots.save(drawing, out or REPORTS / name, "pareto")


def plot_curves(
    kind: str, results: Path, suite_name: str | None, *, filters: Mapping[str, Any], out: Path | None
) -> tuple[Path, ...]:
    """Draws "scaling", "memory" or "roofline" from any results folder: SVG, PNG and CSV. Raises NothingMeasuredError, StoreError."""
    module = registry.load("plots", kind)
    every = _filtered(results, suite_name, filters, always=(CEILING,) if kind == "roofline" else ())
    cases = scripted.measured(every)
    left_out = scripted.left_out(every, cases)
    if kind == "roofline":
        cases = module.drawn(cases)
    name = title_of(results, suite_name)
    notes = (*report.curve_notes(cases, module.METRICS), *left_out)
    drawing = module.draw(cases, title=f"{name}: {module.TITLE.lower()}", notes=notes)
    return plots.save(drawing, out or REPORTS / name, kind)


def draw_plots(names: Sequence[str], every: pd.DataFrame, *, title: str, folder: Path) -> tuple[Path, ...]:
    """Draws a suite's plots into `folder`; one that its cases do not suffice for is left out. Scripted times stand in none of which
    others were measured."""
    cases = scripted.measured(every)
    left_out = scripted.left_out(every, cases)
    points = front.pareto(cases)
    paths: list[Path] = []
    for name in names:
        module = registry.load("plots", name)
        try:
            if name == "pareto":
                notes = (*report.notes(cases, points), *left_out)
                drawing = pareto_plot.draw(points, x="throughput", y="top1", title=title, notes=notes)
            else:
                told = report.tail_notes(cases) if name == "latency" else report.curve_notes(cases, module.METRICS)
                notes = (*told, *left_out)
                drawing = module.draw(cases, title=f"{title}: {module.TITLE.lower()}", notes=notes)
        except NothingMeasuredError:
            continue
        paths += plots.save(drawing, folder, name)
    return tuple(paths)


def plots_of(wanted: Suite, *, is_asked: bool) -> tuple[str, ...]:
    """A suite's plots, and that of quantiles where one is asked for."""
    return (*wanted.plots, *(["latency"] if is_asked and "latency" not in wanted.plots else []))


def write_report(suite_name: str, results: Path, reports: Path, weights: Sequence[str] = ()) -> tuple[Path, ...]:
    """Writes reports/<suite>/index.md, .html and .json with its figures from the rows there; `weights` as in `plot_pareto`. Raises
    NothingMeasuredError, UnknownNameError."""
    if suite_name not in (*suite.names(), recording.SUITE) and (results / suite_name).is_dir():
        raise SuiteError(
            f"{suite_name} has results in {results} and does not come with the package: name its file, "
            f"{_report_command(f'PATH/{suite_name}.toml', results)}"
        )
    wanted = BENCHMARKS if suite_name == recording.SUITE else suite.load(suite_name)
    rows = rows_of(results, suite_name, (*table.NEEDED, "asked_at"))
    every = evaluations.without(table.wide(rows, known_weights(weights) or wanted.weights or DEFAULT_WEIGHTS))
    are_asked = tailed.are_asked(wanted) or bool(tailed.asked_in(rows))
    if are_asked or (rows["metric"] == "outputs").any():
        rows = rows_of(results, suite_name, columns=())
    if are_asked:
        every = tailed.with_tails(every, rows, tailed.quantiles_of(rows, wanted.sampling.at))
    cases = scripted.measured(every)
    points = front.pareto(cases)
    folder = reports / wanted.name
    names = plots_of(wanted, is_asked=are_asked)
    figures = draw_plots(names, every, title=wanted.title or wanted.name, folder=folder)
    marked = with_front(cases, points)
    beside = report.Beside(
        figures=tuple(one.name for one in figures if one.suffix == ".svg"),
        notes=(*report.notes(cases, points), *scripted.left_out(every, cases)),
        quoted=quoted_beside(wanted, cases),
        agreements=agreements(rows, cases),
        repeat=_repeat_suite(suite_name, results, *tailed.asked_in(rows)[-1:]),
    )
    return report.write(report.page(marked, wanted, beside), folder)


def _repeat_suite(suite_name: str, results: Path, at: str = "") -> str:
    if suite_name == recording.SUITE:
        return shlex.join(["pytest", "--benchmark-only", "--lambdabench", str(results)])
    words = ["lambdabench", "run", "--suite", suite_name, *(["--at", at] if at else []), "--fresh"]
    return shlex.join([*words, *results_words(results)])


def _report_command(suite_name: str, results: Path) -> str:
    return shlex.join(["lambdabench", "report", suite_name, *results_words(results)])


def results_words(results: Path) -> tuple[str, ...]:
    """The flag that names a folder of results, where a command needs it."""
    return () if results == RESULTS else ("--results", str(results))


def quoted_beside(wanted: Suite, cases: pd.DataFrame) -> tuple[quoted.Quoted, ...]:
    """What the paper prints of a suite's cases; nothing for a suite that is not the paper's."""
    if not quoted.is_the_papers(wanted.source):
        return ()
    return quoted.beside(cases, str(dict(wanted.reference).get("model", "")))


def show(
    name: str, results: Path, filters: Mapping[str, Any] | None = None, limit_s: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Wide rows with quantiles of latency and the share of calls over a limit, newest long rows) of a case id or a model, where every
    filter matches. Raises UnknownNameError with the nearest that was measured, NothingMeasuredError naming the filter that leaves
    nothing."""
    rows = store.newest(store.read(results))
    mine = rows[(rows["case_id"] == name) | (rows["model"] == name)]
    if rows.empty:
        raise NothingMeasuredError(nothing_of(None, results))
    if mine.empty:
        if name in models.names():
            raise NothingMeasuredError(
                f"{name} was not measured yet; lambdabench run --suite quickstart --models {name}"
            )
        raise registry.unknown("measured case or model", name, {*rows["model"], *rows["case_id"]})
    cases = table.wide(rows)
    cases = matching(cases[cases["case_id"].isin(mine["case_id"])], filters or {}, name)
    cases = cases.assign(asked_at=tailed.asked_of(cases, mine))
    return tailed.with_limit(tailed.with_tails(cases, mine, tailed.quantiles_of(mine)), mine, limit_s), mine


def repeat_command(case: Mapping[str, Any], results: Path) -> str:
    """The command that measures a case again. Rows do not know where the file of a user's own suite is: PATH stands for it."""
    name = str(case["suite"])
    if name == SUITE:
        return evaluations.repeat_command(case, results_words(results))
    if case["kind"] == "test":
        return shlex.join(["pytest", "--benchmark-only", "--lambdabench", str(results), str(case["model"])])
    words = ["lambdabench", "run", "--suite", name if name in suite.names() else f"PATH/{name}.toml"]
    words += ["--models" if _has(name, case) else "--model", str(case["model"])]
    for field in fields.FIELDS:
        if not field.has_flag or (field.name == "devices" and case["devices"] == 1):
            continue
        shape = fields.options(case).get(shapes.OPTION) if field.name == "image_px" else None
        words += ["--input", str(shape)] if shape else [flags.dashed(field.name), str(fields.value(case, field))]
    words += ["--at", str(case["asked_at"])] if case.get("asked_at") else []
    return shlex.join([*words, "--fresh", *results_words(results)])


def _has(suite_name: str, case: Mapping[str, Any]) -> bool:
    """Whether a suite has a case's model itself; one whose file nobody knows, where the model is no reference to somebody's own."""
    if suite_name in suite.names():
        return case["model"] in _models_of(suite_name)
    return ":" not in str(case["model"]) and not str(case["model"]).endswith(".pt2")


@functools.cache
def _models_of(suite_name: str) -> frozenset[str]:
    return frozenset(one.case.model for one in suite.load(suite_name).cells)


def list_names(kind: str, results: Path) -> list[dict[str, Any]]:
    """What there is of suites, models, layers, backends, metrics, plots, runs or devices, a mapping each."""
    if kind == "suites":
        return [
            {"suite": name, "title": suite.load(name).title, "cases": len(suite.load(name).cells)}
            for name in suite.names()
        ]
    if kind == "models":
        ours = models.ours()
        return [{"model": name, "family": ours.get(name, "timm")} for name in launch.probe(()).names]
    if kind == "runs":
        return [{str(key): one for key, one in row.items()} for row in store.runs(results).to_dict("records")]
    if kind == "devices":
        found = launch.probe(()).machine
        here = [
            {
                "device": one.name,
                "name": one.title,
                "GiB": round(one.memory_bytes / 2**30),
                "backends": ", ".join(one.backends),
            }
            for one in found.devices
        ]
        return here + [{"device": "–", "name": why, "GiB": 0, "backends": name} for name, why in found.missing]
    if kind in ("layers", "backends", "metrics", "plots"):
        return [{kind[:-1]: name, "what": _purpose(kind, name)} for name in registry.names(kind)]
    raise registry.unknown(
        "kind of thing", kind, ["suites", "models", "layers", "backends", "metrics", "plots", "runs", "devices"]
    )


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
    as the rows' suites have it. Raises UnknownNameError, LambdabenchError for what is no quantile.
    """
    asked = tuple(weights.split(",")) if isinstance(weights, str) and weights else tuple(weights)
    rows = store.newest(frame)
    names = tailed.quantiles_of(rows) if quantiles is None else flags.words(quantiles or None, "quantiles")
    for one in names:
        flags.quantile(one, "quantiles")
    return tailed.with_tails(table.wide(rows, known_weights(asked) or weights_of(frame)), rows, names)


def known_joining(across: Sequence[str]) -> tuple[str, ...]:
    """The fields over which one front was asked for. Raises UnknownNameError for one that is none of these: another machine's, say."""
    joining = [one.name.removeprefix(fields.OPTION) for one in fields.JOINING]
    for one in across:
        if one not in joining:
            raise registry.unknown("field that one front can be drawn over", one, joining)
    return tuple(across)


def known_weights(weights: Sequence[str]) -> tuple[str, ...]:
    """The weights that were asked for. Raises UnknownNameError for one that no accuracy is of, published or measured."""
    names = {*weight_names(), MEASURED}
    for name in weights:
        if name not in names:
            raise registry.unknown("weights", name, names)
    return tuple(weights)


def weights_of(rows: pd.DataFrame) -> tuple[str, ...]:
    """What the suites of some rows say of weights, where they agree; else the default."""
    shipped = suite.names()
    said = {suite.load(name).weights if name in shipped else () for name in {*rows["suite"]} - {SUITE}}
    return (said.pop() if len(said) == 1 else ()) or DEFAULT_WEIGHTS


def pareto_frame(
    frame: pd.DataFrame, *, x: str = "throughput", y: str = "top1", across: Sequence[str] = ()
) -> pd.DataFrame:
    """The cases of long or wide rows with `on_front`, `front` (what tells it from others) and `membership` (null until its probability
    is known). `across`: fields over which there is one front ("backend", "fold"), as `plot pareto --across` takes them. Raises
    UnknownNameError."""
    cases = wide_frame(frame, quantiles=()) if "metric" in frame else frame
    return front.pareto(cases, x=x, y=y, across=known_joining(across))


def with_front(cases: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """The cases with `on_front` and `membership`; null where a case has no point."""
    names = ("on_front", "membership")
    return cases.assign(**{name: points[name].reindex(cases.index) if len(points) else None for name in names})


def rows_of(results: Path, reference: str | None, columns: Sequence[str] = table.NEEDED) -> pd.DataFrame:
    """The newest rows of a folder, of one suite or all; a suite's may lie in a folder of its own. Accuracies that were measured of its
    networks come with them. Of the columns that cases are made of, or of others; none: of all. Raises NothingMeasuredError."""
    name = suite.name_of(reference) if reference else None
    own = name is not None and any((results / name).glob("**/*.parquet"))
    where = evaluations.folders_of(results, name) if name is not None and own else [results]
    rows = store.read(where, columns, coded=bool(columns))
    mine = rows if name is None else evaluations.of_networks(rows, name)
    if mine.empty:
        raise NothingMeasuredError(nothing_of(reference, results, sorted(set(rows["suite"]))))
    return store.newest(mine)


def nothing_of(reference: str | None, results: Path, there: Sequence[str] = ()) -> str:
    """What to say where a folder has no rows, of a suite or at all: what it has, what to do, where others are."""
    known = reference is None or reference in suite.names() or suite.name_of(reference) != reference
    wanted = (reference or "quickstart") if known else f"PATH/{reference}.toml"
    again = shlex.join(["lambdabench", "run", "--suite", wanted, *results_words(results)])
    if reference == recording.SUITE:
        again = _repeat_suite(recording.SUITE, results)
    of = f" of {suite.name_of(reference)}" if reference else ""
    has = f"there are rows of {', '.join(there)}" if there else "it has no rows"
    return f"no results{of} in {results}; {has}; {again}{elsewhere(results)}"


def elsewhere(results: Path) -> str:
    """The committed results that a checkout has, which are read only when they are named; empty where there are none."""
    committed = [str(one) for one in store.committed_in(results)]
    return f"; committed results are there: --results {' or --results '.join(committed)}" if committed else ""


def _filtered(
    results: Path,
    suite_name: str | None,
    filters: Mapping[str, Any],
    weights: Sequence[str] = (),
    always: Collection[str] = (),
) -> pd.DataFrame:
    """The wide table of a folder's newest rows, of one suite or all, where every filter matches; None is no filter, and models of
    `always` need none. Raises NothingMeasuredError that names the filter which leaves nothing."""
    rows = rows_of(results, suite_name)
    cases = evaluations.without(table.wide(rows, weights or weights_of(rows)))
    return matching(cases, filters, str(suite_name or results), always)


def matching(cases: pd.DataFrame, filters: Mapping[str, Any], where: str, always: Collection[str] = ()) -> pd.DataFrame:
    """The cases that every filter matches, and those of the models `always`. Raises NothingMeasuredError as `filtered` does."""
    for key, value in filters.items():
        if value is None or cases.empty:
            continue
        kept = cases[_matches(cases, key, value) | cases["model"].isin(list(always))]
        if kept["model"].isin(list(always)).all():
            wanted = ", ".join(map(str, value)) if isinstance(value, tuple) else value
            there = ", ".join(map(str, sorted(set(cases[key]))))
            raise NothingMeasuredError(f"no case of {where} has {key} {wanted}; there is {there}")
        cases = kept
    return cases


def title_of(results: Path, suite_name: str | None) -> str:
    """What a figure of them is called, and its folder: a name, also where results are told as `..`."""
    return suite.name_of(suite_name) if suite_name else results.resolve().name or "all" if results != RESULTS else "all"


def _matches(cases: pd.DataFrame, key: str, value: Any) -> Any:
    if key == "model":
        return cases["model"].isin([name for name in cases["model"].unique() if _is_like(str(name), value)])
    if key == "device":
        return (cases["device"] == value) | cases["device"].str.startswith(f"{value}:")
    return cases[key].isin(value) if isinstance(value, tuple) else cases[key] == value


def _is_like(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def _purpose(kind: str, name: str) -> str:
    """The first sentence of what a module says of itself."""
    told = " ".join((registry.load(kind, name).__doc__ or "").split())
    return re.split(r"(?<=\.) ", told, maxsplit=1)[0]
