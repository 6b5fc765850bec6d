"""What claims are tested on: cases that were measured, the visits that ratios are told from, and a ratio under one condition."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ..facts.claims import Fault
from . import claim_conditions as where
from .answers import answer, lines
from .claim_conditions import Condition, Line, Status
from .estimate import Estimate, ratio
from .visit_tables import against, fits
from .visits import Fit

Interval = tuple[float, float]
Place = tuple[str, str]
"""A device and an environment."""
CASE = ["fingerprint", "case_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What was measured: lines of the table of answers, the visits of each environment, and the models whose lambda layers have a kernel
    to choose. `counts`: sizes that need no measurement, by (metric, "model@px")."""

    lines: Sequence[Line]
    visits: Mapping[Place, Sequence[Fit]]
    choosing: Collection[str]
    first_rates: Mapping[tuple[str, str], float]
    """Of each (fingerprint, case id) the throughput in its first process, by which a best condition is chosen."""
    later_visits: Mapping[Place, Sequence[Fit]]
    """Those of all other processes, from which it is told."""
    counts: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A claim under one condition. `interval`: of speeds, between processes; `both`: of accuracies too, along curves."""

    condition: Condition | None
    status: Status
    reason: str = ""
    value: float | None = None
    interval: Interval | None = None
    both: Interval | None = None
    processes: int = 0
    fault: Fault | None = None
    missing: tuple[str, ...] = ()
    """Networks without a number, "model@px"."""
    environment: tuple[str, ...] = ()
    """As `claim_conditions.OF_ENVIRONMENT` names it; empty where nothing ran."""

    @property
    def is_usable(self) -> bool:
        """Whether it has a number."""
        return self.status == "ok" and self.value is not None


def bench(
    newest: pd.DataFrame, cases: pd.DataFrame, choosing: Collection[str], counts: Mapping[tuple[str, str], float]
) -> Bench:
    """What the newest rows and their table of answers hold."""
    usable = (newest["status"] == "ok") & (newest["metric"] == "throughput") & newest["visit_round"].notna()
    timed = newest[usable].astype({"case_id": "str", "fingerprint": "str", "device": "str"})
    process = timed["run_id"].astype("str") + timed["replicate"].astype("str").str.rjust(6, "0")
    is_first = process == process.groupby([timed[name] for name in CASE]).transform("min")
    first = timed[is_first].drop_duplicates(CASE)
    rates = zip(first["fingerprint"], first["case_id"], first["value"], strict=True)
    return Bench(
        lines=lines(cases),
        visits=_visits(timed),
        choosing=choosing,
        first_rates={(print_, case): float(rate) for print_, case, rate in rates},
        later_visits=_visits(timed[~is_first]),
        counts=counts,
    )


def _visits(timed: pd.DataFrame) -> dict[Place, tuple[Fit, ...]]:
    return {
        (str(device), str(print_)): tuple(fits(same.assign(case=same["case_id"])))
        for (device, print_), same in timed.groupby(["device", "fingerprint"], observed=True)
    }


def of_two(top: Line, bottom: Line, measured: Bench) -> Estimate | None:
    """The ratio of two cases' throughput: from rounds that visited both where there are such, else of their own figures."""
    pair = against(measured.visits.get(place_of(top), ()), str(top["case_id"]), str(bottom["case_id"]))
    if pair is not None:
        return pair
    estimates = [answer(line, "throughput").estimate for line in (top, bottom)]
    return ratio(estimates[0], estimates[1]) if estimates[0] and estimates[1] else None


def place_of(line: Line) -> Place:
    """Where a case ran, by which visits are found."""
    return str(line["device"]), str(line["fingerprint"])


def environment_of(line: Line) -> tuple[str, ...]:
    """What cases of one ratio share beside their condition."""
    return tuple(str(line[name]) for name in where.OF_ENVIRONMENT)
