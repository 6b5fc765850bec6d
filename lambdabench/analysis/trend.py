"""One case over many stored runs: its ratio to what was measured beside it, where its level changed, and what changed with it."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from ..core import fields
from .change_point import SHORTEST, level_starts
from .conditions import TITLES
from .estimate import Estimate
from .visit_tables import against, fits

LEAST_LOG = 0.02
"""Neighbouring levels whose medians are nearer than this (2 %) are one."""
FEWEST = 2 * SHORTEST
"""Runs in which a change of level can be seen."""
ALL = "the median of all"
"""The anchor where there is no reference."""
PARTS = tuple(field.name for field in fields.FIELDS if field.parts and not field.name.startswith(fields.OPTION))
UNKNOWN = "nothing that is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run's number of a case. `ratio`: to its anchor, above 1 is slower, with its 95 % interval where it was taken within rounds;
    `conditions`: what the number depends on beside the case."""

    run_id: str
    started_at: str
    ratio: float
    low: float | None = None
    high: float | None = None
    conditions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of level. `place`: of the first session of the new one; `before`, `after`: medians of the ratios."""

    place: int
    session: Session
    before: float
    after: float
    factors: tuple[str, ...]

    @property
    def change(self) -> float:
        """After over before."""
        return self.after / self.before

    @property
    def is_slower(self) -> bool:
        return self.after > self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A case's sessions, oldest first. `anchor`: what its ratios are to."""

    label: str
    anchor: str
    sessions: tuple[Session, ...]

    def levels(self) -> list[int]:
        """Places at which levels begin, the first 0; those nearer than `LEAST_LOG` are one."""
        logs = [math.log(session.ratio) for session in self.sessions]
        starts = level_starts(logs)
        kept = starts[:1]
        for start, end in pairwise([*starts[1:], len(logs)]):
            if abs(statistics.median(logs[start:end]) - statistics.median(logs[kept[-1] : start])) > LEAST_LOG:
                kept.append(start)
        return kept

    def medians(self) -> list[float]:
        """The median ratio of each level."""
        ratios = [session.ratio for session in self.sessions]
        return [statistics.median(ratios[start:end]) for start, end in pairwise([*self.levels(), len(ratios)])]

    def moves(self) -> tuple[Move, ...]:
        """Every change of level, with what changed between the session before it and its first."""
        return tuple(
            Move(
                place=place,
                session=self.sessions[place],
                before=before,
                after=after,
                factors=_changed(self.sessions[place - 1].conditions, self.sessions[place].conditions),
            )
            for place, (before, after) in zip(self.levels()[1:], pairwise(self.medians()), strict=True)
        )


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    names = [name for name in {**before, **after} if before.get(name, "") != after.get(name, "")]
    return tuple(f"{name} {_cut(before.get(name))} → {_cut(after.get(name))}" for name in names)


def _cut(text: str | None) -> str:
    text = text or "none"
    return text if len(text) <= 24 else f"{text[:11]}…{text[-11:]}"


def histories(rows: pd.DataFrame, reference: str = "", metric: str = "latency") -> tuple[History, ...]:
    """The histories of all cases of long rows, machine by machine.

    A case's ratio in a run is to the case of the model `reference` that is equal in all that parts fronts, within the rounds of that
    run; where a run has none, to the median of all cases of the runs. Rows that were not measured in rounds are left out.
    """
    timed = rows[(rows["metric"] == metric) & (rows["status"] == "ok") & rows["visit_round"].notna()]
    result: list[History] = []
    for _, on_machine in timed.groupby("device_name", sort=True, observed=True):
        result += _on_machine(on_machine.assign(case=on_machine["case_id"]), reference)
    return tuple(result)


def _on_machine(rows: pd.DataFrame, reference: str) -> Iterator[History]:
    runs = [
        run
        for _, run in sorted(rows.groupby("run_id", observed=True), key=lambda pair: str(pair[1]["started_at"].min()))
    ]
    first = rows.drop_duplicates("case_id").set_index("case_id")
    labels = dict(
        zip(
            first.index,
            fields.labels(
                [{str(key): item for key, item in row.items()} for row in first.reset_index().to_dict("records")]
            ),
            strict=True,
        )
    )
    sessions: dict[tuple[str, str], list[Session]] = {}
    shared = set.intersection(*({*run["case_id"]} for run in runs)) if runs else set[str]()
    for run in runs:
        tables, of_run = list(fits(run)), run.drop_duplicates("case_id").set_index("case_id")
        for case_id, row in of_run.iterrows():
            anchor = _anchor(of_run, row, reference)
            ratio = against(tables, str(case_id), anchor) if anchor else _to_all(run, str(case_id), shared)
            if ratio is not None and anchor != case_id:
                name = reference if anchor else ALL
                sessions.setdefault((str(case_id), name), []).append(_session(row, ratio))
    for (case_id, anchor), of_case in sessions.items():
        yield History(label=labels[case_id], anchor=anchor, sessions=tuple(of_case))


def _anchor(of_run: pd.DataFrame, row: pd.Series, reference: str) -> str:
    """The reference's case of a run that stands in the conditions of another; empty without one."""
    same = of_run[of_run["model"] == reference] if reference else of_run.iloc[:0]
    for name in ("batch_size", *(part for part in PARTS if part in of_run)):
        same = same[same[name].astype(str) == str(row[name])]
    return str(same.index[0]) if len(same) else ""


def _to_all(run: pd.DataFrame, case_id: str, shared: set[str]) -> float | None:
    """A case's figure over the median of those that every run has; None of fewer than three."""
    values = run.groupby("case_id", observed=True)["value"].median()
    others = values[values.index.isin(shared - {case_id})]
    if len(others) < SHORTEST:
        return None
    return float(values[case_id] / others.median())


def _session(row: pd.Series, ratio: Estimate | float) -> Session:
    columns = [str(name) for name in row.index if str(name).startswith("env_") or name == "model_hash"]
    conditions = {
        TITLES.get(name, name.removeprefix("env_")): str(row[name])
        for name in columns
        if isinstance(row[name], str | int | float) and str(row[name]) not in ("", "nan", "0")
    }
    bounds = (ratio.value, ratio.low, ratio.high) if isinstance(ratio, Estimate) else (ratio, None, None)
    return Session(
        run_id=str(row["run_id"]),
        started_at=str(row["started_at"]),
        ratio=bounds[0],
        low=bounds[1],
        high=bounds[2],
        conditions=conditions,
    )


def words(move: Move) -> str:
    """A change of level in a sentence."""
    way = "slower" if move.is_slower else "faster"
    factors = "; ".join(move.factors) or UNKNOWN
    return f"{abs(move.change - 1):.1%} {way} from {move.session.run_id} on; with it changed {factors}"


def of_sessions(sessions: Sequence[Mapping[str, Any]]) -> tuple[History, ...]:
    """The histories of stored sessions of `check --baseline`: a ratio to an anchor of each case."""
    result: dict[str, list[Session]] = {}
    for number, session in enumerate(sessions):
        conditions = {key: str(value) for key, value in session["environment"].items() if value}
        for label, ratio in session["ratios"].items():
            name = str(session.get("at", number))
            result.setdefault(label, []).append(
                Session(run_id=name, started_at=name, ratio=ratio, conditions=conditions)
            )
    return tuple(
        History(label=label, anchor="the anchor", sessions=tuple(of_case)) for label, of_case in result.items()
    )
