"""A suite's cases to a page: which tables it has, what stands in their cells, and what must be said beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from ..analysis import agreement, best_runtimes, load_columns, scripted
from ..analysis import paper_comparison as the_paper
from ..analysis.agreement import Agreement
from ..analysis.answers import answer, lines
from ..analysis.best_runtimes import BestRuntime
from ..analysis.between_machines import between_machines, machines_section
from ..analysis.chart import Chart
from ..analysis.load_columns import loads_in
from ..analysis.page import Cell, Page, Section, section
from ..analysis.paper_comparison import Quoted
from ..analysis.resolution import mark
from ..analysis.tail_columns import columns_in
from ..core import fields
from ..core.metric import columns
from ..core.options import differing, phrase
from ..core.spec import Sampling, Suite
from ..core.units import format_significant, format_time
from . import charts, headline, pivot, tails
from .cards import cards, machines
from .notes import HOLE

LEGEND = (
    "q quoted, never measured here; top-1 without it was measured. [low, high]: 95 % interval.",
    "● on the front of accuracy against throughput at its batch size, of one program on one machine, with a probability over 0.95; ◐ with "
    "the one it shows.",
    "A number without an interval was read once a process; (least to most): of several processes.",
)
HOW = (
    "Rounds of visits: every case is opened in {processes} fresh process{es}, and each round visits all of them once, in random order; "
    "{rounds} visits and {budget_s:g} s a case, single synchronised calls, those at a visit's start apart. Intervals hold visits, "
    "processes and rounds; rows that were measured in one piece hold the spread of processes, or say so. Throughput on a CPU is derived "
    "from latency. Settings were read back from the live network; outputs were checked."
)
OF_TESTS = (
    "Times of one call in pytest-benchmark's own rounds, in the process of the tests; [low, high]: 95 % order-statistic interval of their "
    "median within that process. Two processes differ by more. Nothing but the test itself says what it timed."
)
ORDER = ("model", "image_px", "batch_size", "device_name", "backend", "mode", "dtype", "options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands on a page besides its cases."""

    figures: tuple[str, ...] = ()
    """File names in the page's folder."""
    notes: tuple[str, ...] = ()
    quoted: tuple[Quoted, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    best: tuple[BestRuntime, ...] = ()
    repeat: str = ""
    """The command that measures the cases again."""
    points: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Of fronts, by the labels of their cases; none where nothing is ranked."""
    problem: str = ""
    """Why nothing is ranked; empty where all is well."""
    command_of: Callable[[Mapping[str, Any]], str] | None = None
    """What measures a case again."""
    compare_command: Callable[[str, str], str] | None = None
    """What compares two machines."""


def page(cases: pd.DataFrame, suite: Suite, beside: Beside) -> Page:
    """The page of a suite's table of answers, with `on_front` and `membership`."""
    kind = _kind(cases)
    cases = cases.sort_values([name for name in ORDER if name in cases], kind="stable")
    grids = pivot.layers(cases) if kind == "layer" else pivot.others(cases)
    every = replace(_tests(cases) if kind == "test" else _networks(cases), is_of_cases=True)
    parts = [every]
    if kind == "layer" and (laid_out := pivot.sections(cases, grids)):
        parts = [*laid_out, replace(every, title="Every case", is_long=True)]
    parts += [
        *_machines(cases, beside),
        *_the_papers(beside.quoted),
        *_best(beside.best),
        *_agreements(beside.agreements),
        *_tails(cases),
        *_loads(cases),
    ]
    chart, answers = _headline(cases, kind, grids, beside)
    if "backend" in cases and set(cases["backend"]) == {scripted.BACKEND}:
        answers = tuple(f"Scripted, nothing was measured: {sentence}" for sentence in answers)
    return Page(
        title=suite.title or suite.name,
        suite=suite.name,
        question=headline.QUESTIONS["front" if len(beside.points) else kind],
        answers=(f"Nothing is ranked: {beside.problem}.",) if beside.problem else answers,
        source=suite.source,
        figures=beside.figures,
        chart=chart,
        sections=tuple(parts),
        cards=cards(cases, beside.command_of),
        machines=machines(cases),
        conditions=tuple(note for note in beside.notes if not note.startswith(HOLE)),
        holes=tuple(note for note in beside.notes if note.startswith(HOLE)),
        how=OF_TESTS if kind == "test" else _how(suite.sampling),
        repeat=beside.repeat or f"lambdabench run --suite {suite.name} --fresh",
    )


def _kind(cases: pd.DataFrame) -> str:
    """What a page's cases are: "test", "layer", or "speed" of networks."""
    kinds = set(cases["kind"]) if "kind" in cases else set[str]()
    return next((kind for kind in ("test", "layer") if kinds == {kind}), "speed")


def _headline(
    cases: pd.DataFrame, kind: str, grids: Sequence[pivot.Grid], beside: Beside
) -> tuple[Chart | None, tuple[str, ...]]:
    """The figure and the answers."""
    if len(beside.points):
        places = {key: place for place, key in enumerate(cases.index)}
        return charts.of_fronts(beside.points, places), headline.of_fronts(beside.points)
    if kind == "layer":
        return charts.of_grids(cases, grids, "latency"), headline.of_layers(cases, grids)
    name = "latency" if kind == "test" or "throughput" not in cases else "throughput"
    return charts.of_grids(cases, grids, name), headline.of_times(cases)


def _how(sampling: Sampling) -> str:
    es = "" if sampling.processes == 1 else "es"
    return HOW.format(processes=sampling.processes, es=es, rounds=sampling.rounds, budget_s=sampling.case_budget_s)


def _networks(cases: pd.DataFrame) -> Section:
    """Cases: model and all in which they differ, accuracy, numbers, status."""
    shown = [column for column in columns() if column.name in cases]
    heads, apart = _apart(cases)
    titles = ["model", *heads, "px", "batch", "top-1 %", *(metric.column for metric in shown), "status"]
    rows: list[list[Cell]] = [
        [
            f"{line['model']}{_mark(line)}",
            *words,
            str(int(line["image_px"])),
            str(int(line["batch_size"])),
            accuracy(line),
            *(answer(line, metric.name) for metric in shown),
            _status(line),
        ]
        for line, words in zip(lines(cases), apart, strict=True)
    ]
    return section("", titles, rows, LEGEND)


def _tests(cases: pd.DataFrame) -> Section:
    """Benchmarks: name and all in which they differ, time, status."""
    heads, apart = _apart(cases)
    rows = [
        [str(line["model"]), *words, _time(line), _status(line)]
        for line, words in zip(lines(cases), apart, strict=True)
    ]
    return section("", ["test", *heads, "time of a call", "status"], rows, ["[low, high]: 95 % interval."])


def _machines(cases: pd.DataFrame, beside: Beside) -> list[Section]:
    """What moves between machines, where there are several."""
    betweens = () if beside.problem else between_machines(cases)
    return [machines_section(betweens, beside.compare_command)] if betweens else []


def _the_papers(quoted: Sequence[Quoted]) -> list[Section]:
    rows = [the_paper.cells(item) for item in quoted]
    return [section("What the paper prints", the_paper.TITLES, rows, the_paper.legend(quoted))] if rows else []


def _best(best: Sequence[BestRuntime]) -> list[Section]:
    rows, title = [best_runtimes.cells(item) for item in best], "Each network's quickest runtime"
    return [section(title, best_runtimes.TITLES, rows, best_runtimes.LEGEND)] if rows else []


def _agreements(agreements: Sequence[Agreement]) -> list[Section]:
    rows, title = [agreement.cells(item) for item in agreements], "One network on two frameworks"
    return [section(title, agreement.TITLES, rows, agreement.legend(agreements))] if rows else []


def _tails(cases: pd.DataFrame) -> list[Section]:
    """The quantiles of latency with what names each case."""
    if not columns_in(cases):
        return []
    heads, apart = _apart(cases)
    sizes = zip(cases["model"], apart, cases["image_px"], cases["batch_size"], strict=True)
    named = [(str(model), *words, str(int(px)), str(int(batch))) for model, words, px, batch in sizes]
    rows, titles = tails.cells(cases, named), ["model", *heads, "px", "batch", *tails.titles(cases)]
    return [section("The slowest calls", titles, rows, tails.LEGEND)] if rows else []


def _loads(cases: pd.DataFrame) -> list[Section]:
    """The quantiles under each load, a line a case and load."""
    loads, (heads, apart) = loads_in(cases), _apart(cases)
    rows = [
        (str(line["model"]), *words, str(int(line["image_px"])), str(int(line["batch_size"])), *texts)
        for line, words in zip(lines(cases), apart, strict=True)
        for texts in load_columns.cells(line, loads)
    ]
    titles = ["model", *heads, "px", "batch", *load_columns.TITLES]
    return [section("Latency under load", titles, rows, load_columns.LEGEND)] if rows else []


def _apart(cases: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """(Titles, words of each case) of the fields in which cases differ, and of their options as far as these do."""
    rows = lines(cases[[name for name in (*(field.name for field in fields.FIELDS), "options") if name in cases]])
    varied = fields.varying(rows)
    words = [[fields.word(field, fields.value(row, field)) for field in varied] for row in rows]
    given = [fields.options(row) for row in rows]
    keys = differing([(str(row["model"]), values) for row, values in zip(rows, given, strict=True)])
    if not keys:
        return [field.title for field in varied], words
    spelled = [phrase(values, keys) for values in given]
    return [*(field.title for field in varied), "options"], [
        [*names, text] for names, text in zip(words, spelled, strict=True)
    ]


def _mark(line: dict[str, Any]) -> str:
    """A model's place on its front, behind its name."""
    share = line.get("membership")
    if share is None or pd.isna(share):
        return " ●" if line.get("on_front") is True else ""
    return f" {mark(float(share))}" if mark(float(share)) != "·" else ""


def accuracy(line: dict[str, Any]) -> str:
    """Top-1 with half its interval, marked where it is quoted, and the tag of its weights: "80.4 ±0.3 q (a1_in1k)"."""
    top1, tag = answer(line, "top1"), line.get("top1_tag")
    return top1.words() + (f" ({tag})" if top1.value is not None and tag else "")


def _status(line: dict[str, Any]) -> str:
    return str(line["status"]) if line["status"] == "ok" else f"{line['status']}: {line['reason']}"


def _time(line: dict[str, Any]) -> str:
    """Seconds in the unit that suits them, "1.2 ms [1.1 ms, 1.3 ms]"."""
    time = answer(line, "latency")
    if time.value is None:
        return format_significant(None)
    bounds = f" [{', '.join(map(format_time, time.interval))}]" if time.interval else ""
    return f"{format_time(time.value)}{bounds}"
