"""Which model to take, of the results that are there."""

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..analysis import scripted, table
from ..analysis.membership import top1_sd
from ..analysis.recommend import (
    OF,
    Bound,
    Candidate,
    Objective,
    Recommendation,
    Word,
    candidates,
    default_objective,
    recommend,
)
from ..analysis.visited import against, fits
from ..core import flags
from ..core.errors import LambdabenchError, NothingMeasuredError
from ..facts import DEFAULT_WEIGHTS
from .reading import RESULTS, matching, nothing_of, results_words, rows_of

OBJECTIVES = tuple(OF)
BYTES = {"B": 1.0, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
TIE_SD = 1.959964
"""Standard deviations of a difference that a 95 % interval reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a model; None asks nothing."""

    max_latency_s: float | None = None
    min_top1: float | None = None
    min_throughput: float | None = None
    """Images a second."""
    max_memory_bytes: float | None = None
    batch_size: int | None = None
    license: tuple[str, ...] = ()
    train_data: str = ""
    price_per_h: float | None = None
    objective: Objective | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A recommendation with what it rests on."""

    wanted: Wanted
    found: Recommendation
    tied: tuple[Candidate, ...]
    """Feasible ones that cannot be told from the pick in the objective, the most accurate first."""
    basis: str
    confirm: str
    """The command that measures the pick's accuracy here; empty without a pick."""


def advise(results: Path, wanted: Wanted, filters: Mapping[str, Any], suite: str | None = None) -> Advice:
    """The models of a folder's newest rows that meet what is asked. Raises NothingMeasuredError where nothing was measured."""
    try:
        rows = rows_of(results, suite, columns=())
    except NothingMeasuredError as error:
        raise NothingMeasuredError(f"{nothing_of(suite, results)}; or find what is worth measuring: {_race(wanted)}") from error
    cases = scripted.measured(table.wide(rows, ("all",)))
    cases = matching(cases[cases["kind"] == "model"], filters, str(suite or results))
    known = candidates(cases, wanted.batch_size)
    bounds, words = _bounds(wanted), _words(wanted)
    objective = wanted.objective or default_objective(bounds)
    found = recommend(known, bounds, words, objective)
    return Advice(
        wanted=wanted,
        found=found,
        tied=_tied(found, rows),
        basis=_basis(cases, known),
        confirm=_confirm(found),
    )


def _race(wanted: Wanted) -> str:
    given = [("--max-latency", wanted.max_latency_s and f"{1e3 * wanted.max_latency_s:g}ms"), ("--min-top1", wanted.min_top1)]
    return shlex.join(["lambdabench", "run", "--find-front", *(str(word) for pair in given if pair[1] for word in pair)])


def _bounds(wanted: Wanted) -> tuple[Bound, ...]:
    told = (
        ("--max-latency", "latency", wanted.max_latency_s),
        ("--min-top1", "top1", wanted.min_top1),
        ("--min-throughput", "throughput", wanted.min_throughput),
        ("--max-memory", "peak_memory", wanted.max_memory_bytes),
    )
    return tuple(Bound(flag=flag, metric=metric, value=value) for flag, metric, value in told if value is not None)


def _words(wanted: Wanted) -> tuple[Word, ...]:
    told: list[Word] = []
    if wanted.license:
        told.append(Word(flag="--license", column="top1_license", allowed=_licences(wanted.license)))
    if wanted.train_data:
        told.append(Word(flag="--train-data", column="top1_train_data", allowed=frozenset({wanted.train_data})))
    return tuple(told)


def _tied(found: Recommendation, rows: pd.DataFrame) -> tuple[Candidate, ...]:
    """Feasible candidates whose ratio to the pick, or whose accuracy's difference from it, has an interval with none."""
    if not found.picks:
        return ()
    pick, others = found.picks[0], [one for one in found.feasible if one is not found.picks[0]]
    if found.objective == "accuracy":
        tied = [one for one in others if _are_as_accurate(pick, one)]
    else:
        name = OF[found.objective]
        ids = {one.ids[name] for one in (pick, *others)}
        usable = rows[(rows["metric"] == name) & (rows["status"] == "ok") & rows["case_id"].isin(ids)]
        tables = list(fits(usable[usable["visit_round"].notna()].assign(case=lambda frame: frame["case_id"])))
        tied = [one for one in others if _holds_one(against(tables, one.ids[name], pick.ids[name]))]
    return tuple(sorted(tied, key=lambda one: -(one.known["top1"].value or 0.0)))


def _holds_one(ratio: Any) -> bool:
    return ratio is not None and ratio.low <= 1 <= ratio.high


def _are_as_accurate(pick: Candidate, other: Candidate) -> bool:
    pair = [one.known["top1"].value for one in (pick, other)]
    if pair[0] is None or pair[1] is None:
        return False
    sd = math.hypot(*top1_sd(np.array(pair, float)).tolist())
    return abs(pair[0] - pair[1]) <= TIE_SD * sd


def _basis(cases: pd.DataFrame, known: Sequence[Candidate]) -> str:
    """On what a recommendation rests: how much was measured, where and when."""
    days = sorted({str(one)[:10] for one in cases["started_at"].dropna() if one})
    when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
    where = ", ".join(sorted({str(one) for one in cases["device_name"]}))
    networks = len({(one.line["model"], one.line["image_px"]) for one in known})
    return f"{networks} networks measured on {where}, {when}"


def _confirm(found: Recommendation) -> str:
    return shlex.join(["lambdabench", "evaluate", str(found.picks[0].line["model"]), "--data", "DIR"]) if found.picks else ""


def memory(given: Any, flag: str) -> float | None:
    """Bytes of "2GiB" or "500MB". Raises LambdabenchError where they are none, or have no unit."""
    if given is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]i?B|B)", str(given))
    if found is None or found[2] not in BYTES or float(found[1]) == 0:
        raise LambdabenchError(f"{flag}: found {str(given)!r}, expected an amount above 0 with its unit, like 500MB or 2GiB")
    return float(found[1]) * BYTES[found[2]]


def price(given: Any, flag: str) -> float | None:
    """Money an hour of "0.80/h". Raises LambdabenchError where it is none."""
    if given is None:
        return None
    found = re.fullmatch(r"[$€£]?(\d+(?:\.\d+)?) ?/ ?h", str(given))
    if found is None or float(found[1]) == 0:
        raise LambdabenchError(f"{flag}: found {str(given)!r}, expected a price of an hour above 0, like 0.80/h")
    return float(found[1])


def percent(given: Any, flag: str) -> float | None:
    """Percent of "80" or "80%". Raises LambdabenchError where it is none, or a share."""
    if given is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?%?", str(given))
    if found is None or not 1 <= float(found[1]) < 100:
        raise LambdabenchError(f"{flag}: found {str(given)!r}, expected an accuracy in percent from 1 to 100, like 80")
    return float(found[1])


def rate(given: Any, flag: str) -> float | None:
    """Images a second of "500" or "500/s". Raises LambdabenchError where it is none."""
    if given is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(?:image)?(?:/s)?", str(given))
    if found is None or float(found[1]) == 0:
        raise LambdabenchError(f"{flag}: found {str(given)!r}, expected images a second above 0, like 500 or 500/s")
    return float(found[1])
