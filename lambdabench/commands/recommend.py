"""Which model to take, of the results that are there."""

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..analysis import node_tables, scripted
from ..analysis.equal_nodes import KindFinding
from ..analysis.front_membership import top1_sd
from ..analysis.node_tables import over_nodes
from ..analysis.published_accuracy import with_accuracy
from ..analysis.recommend import (
    OF,
    Bound,
    Candidate,
    Objective,
    Recommendation,
    Word,
    candidates,
    default_objective,
    of_one_test,
    recommend,
)
from ..analysis.visit_tables import against, fits
from ..core import flags, registry
from ..core.errors import NothingMeasuredError
from ..facts import accuracies
from ..facts.licences import PERMISSIVE
from ..store.published_speeds import ENDING, read_speeds
from ._equal_nodes import Measured
from ._results import matching, measured_of, nothing_of

ANY = "permissive"
"""Every licence that lets anybody use, change and pass on."""
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


def wanted_of(given: Mapping[str, Any], title: Callable[[str], str] = str) -> Wanted:
    """What is asked, of texts by their names, None or absent where nothing is; `title` is how messages call a name. Raises RequestError."""
    return Wanted(
        max_latency_s=flags.limit(given.get("max_latency"), title("max_latency")),
        min_top1=flags.percent(given.get("min_top1"), title("min_top1")),
        min_throughput=flags.rate(given.get("min_throughput"), title("min_throughput")),
        max_memory_bytes=flags.memory(given.get("max_memory"), title("max_memory")),
        batch_size=given.get("batch_size"),
        license=flags.words(given.get("license"), title("license")),
        train_data=(flags.choices(given.get("train_data"), title("train_data"), ("imagenet-1k",)) or ("",))[0],
        price_per_h=flags.price(given.get("price"), title("price")),
        objective=given.get("objective"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A recommendation for one machine with what it rests on."""

    machine: str
    wanted: Wanted
    found: Recommendation
    tied: tuple[Candidate, ...]
    """Feasible ones that cannot be told from the pick in the objective, the most accurate first."""
    basis: str
    confirm: str
    """The command that measures the pick's accuracy here; empty without a pick."""
    of_nodes: tuple[str, ...] = ()
    """What must be said of the nodes that the machine's numbers are over."""
    others: tuple["Advice", ...] = ()
    """The same for each other machine that was measured: no number of theirs is in this one."""

    @property
    def each(self) -> tuple["Advice", ...]:
        """Of every machine."""
        return (self, *self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A network that is the first answer of some machines. `tied`: those of which it cannot be told from the first."""

    name: str
    image_px: int
    first: tuple[str, ...]
    tied: tuple[str, ...]


def agreed(each: Sequence[Advice]) -> tuple[Agreed, ...]:
    """The first answers of several machines, each once, that of the most machines first."""
    picks = {_network(advice.found.picks[0]): None for advice in each if advice.found.picks}
    result = [
        Agreed(
            name=name,
            image_px=image_px,
            first=tuple(item.machine for item in each if _networks(item.found.picks[:1]) & {(name, image_px)}),
            tied=tuple(item.machine for item in each if _networks(item.tied) & {(name, image_px)}),
        )
        for name, image_px in picks
    ]
    return tuple(sorted(result, key=lambda item: (-len(item.first), -len(item.tied))))


def _network(candidate: Candidate) -> tuple[str, int]:
    return candidate.name, int(candidate.line["image_px"])


def _networks(known: Sequence[Candidate]) -> set[tuple[str, int]]:
    return {_network(candidate) for candidate in known}


def advise(source: Path, wanted: Wanted, filters: Mapping[str, Any], suite: str | None = None) -> Advice:
    """The models that meet what is asked, of a folder's newest rows or of a published table of speeds (.csv): an answer a machine, that
    of the one of which the most is known before the others. Raises RequestError, NothingMeasuredError where nothing was measured."""
    known_licences(wanted.license)
    cases, known = _of_table(source) if source.suffix == ENDING else _of_results(source, wanted, suite)
    cases = of_one_test(matching(cases[cases["kind"] == "model"], filters, str(suite or source)))
    by_machine = {str(name): same for name, same in cases.groupby("device_name", sort=True)} or {"": cases}
    machines = [
        _advice(name, same, Measured(rows=known.rows, findings=_of_kind(known.findings, name)), source, wanted)
        for name, same in by_machine.items()
    ]
    first, *others = sorted(machines, key=lambda advice: -advice.found.candidates)
    return replace(first, others=tuple(others))


def _of_kind(findings: Sequence[KindFinding], machine: str) -> tuple[KindFinding, ...]:
    return tuple(finding for finding in findings if finding.kind == machine)


def _advice(machine: str, cases: pd.DataFrame, measured: Measured, source: Path, wanted: Wanted) -> Advice:
    """The answer for one machine, of its cases."""
    rows = measured.rows
    known = candidates(cases, wanted.batch_size)
    bounds, words = _bounds(wanted), _words(wanted)
    recommendation = recommend(known, bounds, words, wanted.objective or default_objective(bounds))
    return Advice(
        machine=machine,
        wanted=wanted,
        found=recommendation,
        tied=_tied(recommendation, rows),
        basis=f"{recommendation.candidates} networks of {source.name}, none of them measured here"
        if rows.empty
        else _basis(cases, known),
        confirm=_confirm(recommendation, source, is_table=rows.empty),
        of_nodes=measured.lines,
    )


def _of_results(source: Path, wanted: Wanted, suite: str | None) -> tuple[pd.DataFrame, Measured]:
    """(Table of answers with every weight's accuracy, newest rows)."""
    try:
        known = measured_of(source, suite, columns=())
    except NothingMeasuredError as error:
        raise NothingMeasuredError(
            f"{nothing_of(suite, source)}; or find what is worth measuring: {_race(wanted)} (--dry-run says how long it takes)"
        ) from error
    return scripted.measured(node_tables.wide(known.rows, ("all",))), known


def _of_table(source: Path) -> tuple[pd.DataFrame, Measured]:
    """(A published table's speeds with every weight's accuracy, no rows)."""
    speeds = read_speeds(source)
    cases = speeds.assign(backend="", device_name=source.name, threads=0, case_id="", requested_batch_size=None)
    cases["batch_size"] = cases["batch_size"].fillna(1).astype(int)
    return with_accuracy(cases, ("all",)), Measured(rows=pd.DataFrame())


def _race(wanted: Wanted) -> str:
    given = [
        ("--max-latency", wanted.max_latency_s and f"{1e3 * wanted.max_latency_s:g}ms"),
        ("--min-top1", wanted.min_top1),
    ]
    return shlex.join(
        ["lambdabench", "run", "--find-front", *(str(word) for pair in given if pair[1] for word in pair)]
    )


def _bounds(wanted: Wanted) -> tuple[Bound, ...]:
    text = (
        ("--max-latency", "latency", wanted.max_latency_s),
        ("--min-top1", "top1", wanted.min_top1),
        ("--min-throughput", "throughput", wanted.min_throughput),
        ("--max-memory", "peak_memory", wanted.max_memory_bytes),
    )
    return tuple(Bound(flag=flag, metric=metric, value=value) for flag, metric, value in text if value is not None)


def _words(wanted: Wanted) -> tuple[Word, ...]:
    words: list[Word] = []
    if wanted.license:
        words.append(Word(flag="--license", column="top1_licence", allowed=known_licences(wanted.license)))
    if wanted.train_data:
        words.append(Word(flag="--train-data", column="top1_data", allowed=frozenset({""})))
    return tuple(words)


def known_licences(asked: Sequence[str]) -> frozenset[str]:
    """The licences of some words, "permissive" being several. Raises RequestError for a word that no published weights have."""
    there = {fact.licence for fact in accuracies()} - {"", "unknown"}
    names: set[str] = set()
    for word in asked:
        if word != ANY and word not in there:
            raise registry.unknown("licence", word, {*there, ANY})
        names |= PERMISSIVE if word == ANY else {word}
    return frozenset(names)


def _tied(recommendation: Recommendation, rows: pd.DataFrame) -> tuple[Candidate, ...]:
    """Feasible candidates whose ratio to the pick, or whose accuracy's difference from it, has an interval with none."""
    if not recommendation.picks or (rows.empty and recommendation.objective != "accuracy"):
        return ()
    pick, others = (
        recommendation.picks[0],
        [candidate for candidate in recommendation.feasible if candidate is not recommendation.picks[0]],
    )
    if recommendation.objective == "accuracy":
        tied = [other for other in others if _are_as_accurate(pick, other)]
    else:
        name = OF[recommendation.objective]
        ids = {other.ids[name] for other in (pick, *others)}
        timed = rows[(rows["metric"] == name) & (rows["status"] == "ok") & rows["visit_round"].notna()]
        timed = timed.assign(case=timed["case_id"] + " " + timed["fingerprint"])
        tables = list(fits(timed[timed["case"].isin(ids)]))
        tied = [other for other in others if _holds_one(against(tables, other.ids[name], pick.ids[name]))]
    return tuple(sorted(tied, key=lambda candidate: -(candidate.known["top1"].value or 0.0)))


def _holds_one(ratio: Any) -> bool:
    return ratio is not None and ratio.low <= 1 <= ratio.high


def _are_as_accurate(pick: Candidate, other: Candidate) -> bool:
    pair = [candidate.known["top1"].value for candidate in (pick, other)]
    if pair[0] is None or pair[1] is None:
        return False
    sd = math.hypot(*top1_sd(np.array(pair, float)).tolist())
    return abs(pair[0] - pair[1]) <= TIE_SD * sd


def _basis(cases: pd.DataFrame, known: Sequence[Candidate]) -> str:
    """On what a recommendation rests: how much was measured, where and when."""
    days = sorted({str(item)[:10] for item in cases["started_at"].dropna() if item})
    when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
    where = " ".join(filter(None, (", ".join(sorted(set(map(str, cases["device_name"])))), over_nodes(cases))))
    networks = len({(candidate.line["model"], candidate.line["image_px"]) for candidate in known})
    return f"{networks} networks measured on {where}, {when}"


def _confirm(recommendation: Recommendation, source: Path, *, is_table: bool) -> str:
    """The command that measures here what the pick rests on: its speed where a table told it, else its accuracy."""
    if not recommendation.picks:
        return ""
    model = str(recommendation.picks[0].line["model"])
    if is_table:
        return shlex.join(["lambdabench", "run", "--suite", "quickstart", "--model", model])
    return shlex.join(["lambdabench", "evaluate", model, "--data", "DIR"])
