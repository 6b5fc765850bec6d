"""What can stand on a side of a comparison: a run, a folder or file of results, a machine, or a published table of speeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .. import store
from ..analysis import conditions, node_tables, scripted
from ..core import registry
from ..core.errors import NothingMeasuredError, RequestError, UnknownNameError
from ..core.row_flags import HALVED, has_flag
from ..store.published_speeds import ENDING, read_speeds
from ._equal_nodes import measured, nodes_in
from ._results import matching, nothing_of

LATEST, PREVIOUS = "latest", "previous"
CASE = ["case_id", "fingerprint"]
EXPECTED = "a folder or file of results, a .csv table of speeds, a run (lambdabench list runs), latest, previous, or a machine's name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side's cases: columns as `table.wide` has them with those of `conditions.READ`; of a table as `read_speeds` has them."""

    name: str
    """As people are told it."""
    place: Path | None
    """The folder or file of its results; None of a table."""
    cases: pd.DataFrame
    of_nodes: tuple[str, ...] = ()
    """What must be said of the nodes of fleets that it is over."""

    @property
    def is_table(self) -> bool:
        """Whether it is a published table, which tells speeds and nothing of how they came about."""
        return self.place is None


def read_side(named: str, results: Path, suite_name: str | None, filters: Mapping[str, Any]) -> Side:
    """The cases of what `named` names, of one suite or all, where every filter matches as far as the side tells what it is of.

    In this order: a path that is there; "latest" and "previous", the newest run of `results` (of that suite) and the one of its suite
    before it; a run of `results` by its id or the beginning of it; a machine of `results` by its name or a part of it. Raises
    UnknownNameError with what is expected, LambdabenchError for a name that several things have, StoreError, and
    NothingMeasuredError where nothing is left.
    """
    path = Path(named)
    if path.is_file() and path.suffix.lower() == ENDING:
        name, cases = path.name, read_speeds(path)
        return Side(name=name, place=None, cases=_kept(cases, filters, name))
    if path.exists():
        place, rows = path, store.read(path)
        name = named if suite_name is None else f"{named} ({suite_name})"
    else:
        place, (name, rows) = results, _of_results(named, results, suite_name)
    if suite_name is not None:
        rows = rows[rows["suite"] == suite_name]
    if rows.empty:
        raise NothingMeasuredError(f"{name} has no rows; give {EXPECTED}")
    known = measured(rows.reset_index(drop=True), nodes_in(place))
    return Side(name=name, place=place, cases=_kept(_cases(known.rows), filters, name), of_nodes=known.lines)


def _kept(cases: pd.DataFrame, filters: Mapping[str, Any], name: str) -> pd.DataFrame:
    known = {key: item for key, item in filters.items() if key in cases and not cases[key].isna().all()}
    return matching(cases, known, name)


def _cases(newest: pd.DataFrame) -> pd.DataFrame:
    """The wide table of a side's newest rows, with what ran and how quiet it was, and without cases that a smaller batch answers."""
    cases = node_tables.wide(newest)
    cases = scripted.measured(cases[[not has_flag(flags, HALVED) for flags in cases["flags"]]])
    ran = newest[newest["status"] == "ok"].groupby(CASE, sort=False)
    rows = ran[list(conditions.EFFECTIVE)].first().join(ran[list(conditions.NOISE)].median())
    return cases.merge(rows, how="left", left_on=CASE, right_index=True)


def _of_results(named: str, results: Path, suite_name: str | None) -> tuple[str, pd.DataFrame]:
    """(What it is called, its rows) of a run or a machine in a folder of results."""
    if not results.exists():
        raise UnknownNameError(f"{named} is not there, and {store.told(results)} neither; give {EXPECTED}")
    runs = store.runs(results)
    if runs.empty:
        raise NothingMeasuredError(f"{named} is no path that is there, and {nothing_of(None, results)}")
    rows = store.read(results)
    if run := _run(named, runs if suite_name is None else runs[runs["suite"] == suite_name], suite_name):
        return f"run {run}", rows[rows["run_id"] == run]
    machines = sorted({str(item) for item in rows["device_name"]})
    like = [machine for machine in machines if machine == named] or [
        machine for machine in machines if named.lower() in machine.lower()
    ]
    if len(like) == 1:
        return like[0], rows[rows["device_name"] == like[0]]
    if like:
        raise RequestError(
            f"{named} is in the names of {len(like)} machines of {store.told(results)}: {', '.join(like)}; give more of one"
        )
    nearest = registry.unknown("path, run or machine", named, [*runs["run"], *machines, LATEST, PREVIOUS])
    raise UnknownNameError(f"{nearest}; expected {EXPECTED}")


def _run(named: str, runs: pd.DataFrame, suite_name: str | None) -> str:
    """The id of the run that is named, "" for none. Run ids begin with their time."""
    ids = sorted(runs["run"])
    if named in (LATEST, PREVIOUS):
        if not ids:
            raise NothingMeasuredError(
                f"there is no run of {suite_name}; lambdabench list runs names those that there are"
            )
        suites = dict(zip(runs["run"], runs["suite"], strict=True))
        same = [item for item in ids if suites[item] == suites[ids[-1]]]
        if named == PREVIOUS and len(same) < 2:
            raise NothingMeasuredError(
                f"{ids[-1]} is the only run of {suites[ids[-1]]}; run it again, or name another side"
            )
        return same[-1 if named == LATEST else -2]
    like = [item for item in ids if item == named] or [item for item in ids if named and item.startswith(named)]
    if len(like) > 1:
        raise RequestError(
            f"{named} begins the ids of {len(like)} runs, such as {like[0]} and {like[1]}; give more of one"
        )
    return like[0] if like else ""
