"""Results that are there, as commands share them: the rows of a folder, cases that flags pick, and what to say where there are none."""

import fnmatch
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import store, suite
from ..analysis import evaluation_rows, node_tables, table
from ..analysis.accuracies import MEASURED
from ..core import fields, flags, registry
from ..core.errors import NothingMeasuredError
from ..core.evaluation import SUITE
from ..core.folders import RESULTS
from ..facts import DEFAULT_WEIGHTS, given, weight_names
from ..pytest_benchmark.rows import SUITE as PYTEST
from ._equal_nodes import Measured, measured, nodes_in

PLURAL = {"model": "models"}
"""Filters whose flags have another name."""
APART = "none"
"""In place of fields over which there is one front: a front for each."""
FRONT = "find-front"
"""What stands for a suite's name where the front was looked for."""


def rows_of(results: Path, reference: str | None, columns: Sequence[str] = table.NEEDED) -> pd.DataFrame:
    """The newest rows of a folder, of one suite or all; a suite's may lie in a folder of its own. Accuracies that were measured of its
    networks come with them. Of the columns that cases are made of, or of others; none: of all. Raises NothingMeasuredError."""
    return store.newest(_every_row(results, reference, columns))


def measured_of(results: Path, reference: str | None, columns: Sequence[str] = table.NEEDED) -> Measured:
    """As `rows_of`, and of the nodes of a fleet those that are equal, whose rows `node_tables.wide` joins. Raises NothingMeasuredError."""
    return measured(_every_row(results, reference, columns), nodes_in(results))


def _every_row(results: Path, reference: str | None, columns: Sequence[str]) -> pd.DataFrame:
    name = suite.name_of(reference) if reference else None
    own = name is not None and any((results / name).glob("**/*.parquet"))
    where = evaluation_rows.folders_of(results, name) if name is not None and own else [results]
    rows = store.read(where, columns, coded=bool(columns))
    mine = rows if name is None else evaluation_rows.of_networks(rows, name)
    if mine.empty:
        raise NothingMeasuredError(nothing_of(reference, results, sorted(set(rows["suite"]))))
    return mine


def filtered(
    results: Path,
    suite_name: str | None,
    filters: Mapping[str, Any],
    weights: Sequence[str] = (),
    always: Collection[str] = (),
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """(The wide table of a folder's newest rows, of one suite or all, where every filter matches, what must be said of nodes); None is no
    filter, and models of `always` need none. Raises NothingMeasuredError that names the filter which leaves nothing."""
    known = measured_of(results, suite_name)
    cases = evaluation_rows.without(node_tables.wide(known.rows, weights or weights_of(known.rows)))
    return matching(cases, filters, str(suite_name or results), always), known.lines


def matching(cases: pd.DataFrame, filters: Mapping[str, Any], where: str, always: Collection[str] = ()) -> pd.DataFrame:
    """The cases that every filter matches, and those of the models `always`. Raises NothingMeasuredError as `filtered` does."""
    for key, value in filters.items():
        if value is None or cases.empty:
            continue
        kept = cases[_matches(cases, key, value) | cases["model"].isin(list(always))]
        if kept["model"].isin(list(always)).all():
            wanted = ", ".join(map(str, value)) if isinstance(value, tuple) else value
            there = ", ".join(map(str, sorted(set(cases[key]))))
            raise NothingMeasuredError(
                f"no case of {where} has {key} {wanted}; there is {there}: choose one of these, or measure it"
            )
        cases = kept
    return cases


def _matches(cases: pd.DataFrame, key: str, value: Any) -> Any:
    if key == "model":
        return cases["model"].isin([name for name in cases["model"].unique() if _is_like(str(name), value)])
    if key == "device":
        return (cases["device"] == value) | cases["device"].str.startswith(f"{value}:")
    return cases[key].isin(value) if isinstance(value, tuple) else cases[key] == value


def _is_like(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def title_of(results: Path, suite_name: str | None) -> str:
    """What a figure of them is called, and its folder: a name, also where results are told as `..`."""
    return suite.name_of(suite_name) if suite_name else results.resolve().name or "all" if results != RESULTS else "all"


def weights_of(rows: pd.DataFrame) -> tuple[str, ...]:
    """What the suites of some rows say of weights, where they agree; else the default."""
    shipped = suite.names()
    said = {suite.load(name).weights if name in shipped else () for name in {*rows["suite"]} - {SUITE}}
    return (said.pop() if len(said) == 1 else ()) or DEFAULT_WEIGHTS


def across_of(cases: pd.DataFrame, across: Sequence[str] | None) -> tuple[str, ...]:
    """The fields over which there is one front: those that are asked for, "none" being none of them; where nothing is asked what the
    cases' suites say, where they agree. Raises UnknownNameError."""
    if across is not None:
        return () if tuple(across) == (APART,) else known_joining(across)
    shipped = suite.names()
    said = {suite.load(name).across if name in shipped else () for name in {*cases.get("suite", ())} - {SUITE}}
    return said.pop() if len(said) == 1 else ()


def known_weights(weights: Sequence[str]) -> tuple[str, ...]:
    """The weights that were asked for, files of accuracies among them. Raises UnknownNameError for one that no accuracy is of, published or
    measured; RequestError for a file of none."""
    names = {*weight_names(), MEASURED}
    for name in weights:
        if name.endswith(given.ENDING):
            given.read(name)
        elif name not in names:
            raise registry.unknown("weights", name, names)
    return tuple(weights)


def known_joining(across: Sequence[str]) -> tuple[str, ...]:
    """The fields over which one front was asked for. Raises UnknownNameError for one that is none of these: another machine's, say."""
    joining = [field.name.removeprefix(fields.OPTION) for field in fields.JOINING]
    for name in across:
        if name not in joining:
            raise registry.unknown("field that one front can be drawn over", name, joining)
    return tuple(across)


def nothing_of(reference: str | None, results: Path, there: Sequence[str] = ()) -> str:
    """What to say where a folder has no rows, of a suite or at all: what it has, what to do, where others are."""
    known = reference is None or reference in suite.names() or suite.name_of(reference) != reference
    wanted = (reference or "quickstart") if known else f"PATH/{reference}.toml"
    again = shlex.join(["lambdabench", "run", "--suite", wanted, *results_words(results)])
    if reference == PYTEST:
        again = repeat_suite(PYTEST, results)
    of = f" of {suite.name_of(reference)}" if reference else ""
    has = f"there are rows of {', '.join(there)}" if there else "it has no rows"
    return f"no results{of} in {store.told(results)}; {has}; {again}{elsewhere(results)}"


def elsewhere(results: Path) -> str:
    """The committed results that a checkout has, which are read only when they are named; empty where there are none."""
    committed = [str(path) for path in store.committed_in(results)]
    return f"; committed results are there: --results {' or --results '.join(committed)}" if committed else ""


def repeat_suite(suite_name: str, results: Path, at: str = "") -> str:
    if suite_name == PYTEST:
        return shlex.join(["pytest", "--benchmark-only", "--lambdabench", str(results)])
    words = ["lambdabench", "run", "--suite", suite_name, *(["--at", at] if at else []), "--fresh"]
    return shlex.join([*words, *results_words(results)])


def report_command(suite_name: str, results: Path) -> str:
    return shlex.join(["lambdabench", "report", suite_name, *results_words(results)])


def compare_command(suite_name: str, results: Path, a: str, b: str) -> str:
    """What compares two machines of a suite."""
    return shlex.join(["lambdabench", "compare", a, b, "--suite", suite_name, *results_words(_near(results))])


def plot_command(kind: str, results: Path, suite_name: str | None, flags_given: Mapping[str, Any] | None = None) -> str:
    """What draws a figure again: `flags_given` by their names, None and empty ones left out, lists with commas."""
    words = [
        "lambdabench",
        "plot",
        kind,
        *(["--suite", suite_name] if suite_name else []),
        *results_words(_near(results)),
    ]
    for name, value in (flags_given or {}).items():
        if value is not None and value != () and value != "":
            text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            words += [flags.dashed(PLURAL.get(name, name)), text]
    return shlex.join(words)


def _near(path: Path) -> Path:
    """A path as seen from here, where it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def results_words(results: Path) -> tuple[str, ...]:
    """The flag that names a folder of results, where a command needs it."""
    return () if results == RESULTS else ("--results", store.told(results))
