"""What the paper prints of the networks and sizes that were run, beside what they did here.

A quoted figure never stands in a column of measured ones: other hardware, other software. What can be held against each other
are ratios: a network's throughput over that of the group's reference, here and in the paper.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..core import fields
from ..core.spec import Suite
from ..core.units import format_significant, format_value
from ..facts.paper import PAPER, UNITS, PaperFigure, paper_figures
from .answers import Answer, answer
from .estimate import Estimate, ratio
from .published_accuracy import what

SPEEDS = ("throughput", "latency")
COUNTS = ("parameters", "interaction_memory")
STEP_IMAGES = 1024
"""Images of one of the paper's training steps (Table 19, Fig. 4)."""

SETTING = tuple(field.name for field in fields.FIELDS if field.parts and field.name not in ("kind", "mode"))
HOW = tuple(field for field in fields.FIELDS if field.joins and not field.settled_by)
"""What conditions tell of how a case ran, threads aside."""
TITLES = ("paper q", "model", "px", "paper", "× paper", "batch", "here", "× here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A printed figure beside the case here that it is about; `value` in `unit`. Ratios are throughput over the reference's."""

    figure: PaperFigure
    metric: str
    unit: str
    value: float
    ratio: float | None = None
    options: str = "{}"
    batch_size: int = 0
    """Images a step here."""
    setting: tuple[str, ...] = ()
    """Where and how it ran here, as SETTING: ratios are taken within one."""
    told: str = ""
    """What tells that from where and how others of the table ran."""
    conditions: str = ""
    here: Answer | None = None
    here_ratio: Estimate | None = None
    reference: str = ""


Series = list[Quoted]
"""One case's figure at each of its batches, the largest last."""


def is_the_papers(source: str) -> bool:
    """Whether a suite re-tests the paper, by the source that it names."""
    return source.startswith(PAPER)


def beside(cases: pd.DataFrame, reference: str = "") -> tuple[Quoted, ...]:
    """The paper's speeds and counts for the cases of a wide table, in the paper's order.

    `reference` is the model whose throughput the others are divided by, where the paper has it under equal conditions, else the first;
    where it did not run in a setting, nothing is divided there. A case stands at the largest batch that it and the reference both have
    a throughput at, the reference at each of these; where they share none, at its own largest, and nothing is divided.
    """
    measured = cases[cases["status"] == "ok"] if len(cases) else cases
    quoteds = [
        [_quoted(figure, case) for case in series] for figure in paper_figures() for series in _same(measured, figure)
    ]
    groups: dict[tuple[Any, ...], list[Series]] = {}
    for series in quoteds:
        item = series[-1]
        groups.setdefault((item.metric, item.figure.conditions, item.setting), []).append(series)
    over = {
        key[:2]: reference
        for key, group in groups.items()
        if any(series[0].figure.model == reference for series in group)
    }
    done = [
        with_ratio
        for key, group in groups.items()
        for with_ratio in _with_ratios(group, over.get(key[:2], group[0][0].figure.model))
    ]
    ran = [dict(zip(SETTING, quoted.setting, strict=True)) for quoted in done]
    varied = fields.varying(ran, [fields.NAMED[name] for name in SETTING])
    return tuple(replace(quoted, told=fields.phrase(row, varied)) for quoted, row in zip(done, ran, strict=True))


def legend(quoted: Sequence[Quoted]) -> tuple[str, ...]:
    """What the columns hold: whose figures, under which conditions there and here, over which reference."""
    there = sorted({item.figure.conditions for item in quoted})
    here = sorted({item.conditions for item in quoted})
    over = sorted({item.reference for item in quoted if item.reference})
    lines = [
        f"q quoted from {PAPER}, not measured here: {'; '.join(there)}. A step of {STEP_IMAGES} images is told as images a second.",
        f"here: {'; '.join(here)}.",
    ]
    if over:
        lines.append(
            f"×: throughput over that of {', '.join(over)} under the same conditions and at the same batch, the largest that "
            "both have; only these ratios can be compared."
        )
    if misprints := [item.figure for item in quoted if item.figure.derived]:
        lines += [
            f"{misprint.table}, {misprint.model}: prints {misprint.printed} where its formula gives {misprint.derived} {misprint.unit}."
            for misprint in misprints
        ]
    return tuple(lines)


def cells(quoted: Quoted) -> tuple[str, ...]:
    """The texts of a row: table, model, pixels, printed value, its ratio, batch and value here, their ratio."""
    return (
        quoted.figure.table,
        quoted.figure.model
        + ("" if quoted.options == "{}" else f" {quoted.options}")
        + (f" ({quoted.told})" if quoted.told else ""),
        str(quoted.figure.image_px),
        format_value(quoted.value, quoted.unit),
        "" if quoted.ratio is None else format_significant(quoted.ratio),
        str(quoted.batch_size),
        _here_words(quoted),
        "" if quoted.here_ratio is None else _interval(quoted.here_ratio),
    )


def of_suite(wanted: Suite, cases: pd.DataFrame) -> tuple[Quoted, ...]:
    """What the paper prints of a suite's cases; nothing for a suite that is not the paper's."""
    if not is_the_papers(wanted.source):
        return ()
    return beside(cases, str(dict(wanted.reference).get("model", "")))


def _here_words(quoted: Quoted) -> str:
    """The number here in the unit that the printed one is shown in."""
    if quoted.here is None or quoted.here.value is None:
        return format_value(None, quoted.unit)
    return format_value(quoted.here.value, quoted.unit, *(quoted.here.interval or (None, None)))


def _interval(estimate: Estimate) -> str:
    return f"{format_significant(estimate.value)} [{format_significant(estimate.low)}, {format_significant(estimate.high)}]"


def _same(cases: pd.DataFrame, figure: PaperFigure) -> Iterable[list[pd.Series]]:
    """The cases that a figure is about, a list for each setting and its options, by batch size."""
    if not figure.model or figure.metric not in (*SPEEDS, *COUNTS) or cases.empty:
        return
    same = cases[(cases["model"] == figure.model) & (cases["image_px"] == figure.image_px)]
    if mode := _mode(figure):
        same = same[same["mode"] == mode]
    asked = what(dict(figure.options))
    same = same[same["options"].map(lambda text: what(json.loads(str(text))) == asked).astype(bool)]
    for _, group in same.groupby(["options", *SETTING], sort=False, dropna=False):
        batches = group.sort_values("batch_size").drop_duplicates("batch_size")
        yield [case for _, case in batches.iterrows()]


def _mode(figure: PaperFigure) -> str:
    return next((name for name in ("train", "inference") if name in figure.conditions.split(", ")), "")


def _quoted(figure: PaperFigure, case: pd.Series) -> Quoted:
    metric = "throughput" if figure.metric in SPEEDS else figure.metric
    unit, factor = UNITS[figure.unit]
    value = figure.value * factor
    if figure.metric == "latency":
        unit, value = "image/s", STEP_IMAGES / figure.value
    return Quoted(
        figure=figure,
        metric=metric,
        unit=unit,
        value=value,
        options=str(case["options"]),
        batch_size=int(case["batch_size"]),
        setting=tuple(str(case[name]) for name in SETTING),
        conditions=_here(case),
        here=answer(case, metric),
    )


def _here(case: pd.Series) -> str:
    """The conditions of a case in words."""
    devices = f"{int(case['devices'])} devices, " if case["devices"] != 1 else ""
    threads = f"{int(case['threads'])} thread{'s' if case['threads'] != 1 else ''}, " if case["device"] == "cpu" else ""
    how = fields.phrase({field.name: case[field.name] for field in HOW}, HOW)
    return f"{case['device_name']}, {devices}{threads}{how}"


def _with_ratios(group: Sequence[Series], reference: str) -> Iterable[Quoted]:
    """Each case at one batch, with its ratio; the reference's at every batch that something is divided at."""
    first = next((series[0] for series in group if series[0].figure.model == reference), None)
    if group[0][0].metric != "throughput" or first is None:
        return [series[-1] for series in group]
    bottoms = [series for series in group if series[0].figure == first.figure]
    pairs = {place: _pair(series, bottoms) for place, series in enumerate(group) if series not in bottoms}
    used = [pair[1] for pair in pairs.values() if pair is not None]
    done: list[Quoted] = []
    for place, series in enumerate(group):
        pair = pairs.get(place)
        if pair is None:
            kept = [quoted for quoted in series if quoted in used] or series[-1:]
            done += [replace(quoted, ratio=quoted.value / first.value, reference=reference) for quoted in kept]
            continue
        top, bottom = (_estimate(quoted) for quoted in pair)
        here = ratio(top, bottom) if top and bottom else None
        done.append(replace(pair[0], ratio=pair[0].value / first.value, reference=reference, here_ratio=here))
    return done


def _pair(series: Series, bottoms: Sequence[Series]) -> tuple[Quoted, Quoted] | None:
    """A case and a reference of the same program at the largest batch at which both have an interval; None where there is none."""
    for bottom in bottoms:
        if not _same_program(series[-1], bottom[-1]):
            continue
        known = {item.batch_size: item for item in bottom if _estimate(item)}
        for quoted in reversed(series):
            below = known.get(quoted.batch_size)
            if below is not None and _estimate(quoted) and _is_another(quoted, below):
                return quoted, below
    return None


def _is_another(quoted: Quoted, other: Quoted) -> bool:
    """Whether two figures are of two cases: several tables print one."""
    return (quoted.figure.model, quoted.figure.image_px, quoted.options) != (
        other.figure.model,
        other.figure.image_px,
        other.options,
    )


def _same_program(item: Quoted, other: Quoted) -> bool:
    """Whether both ran with equal options of those that make another program, as far as both have a choice."""
    mine, theirs = ({"options": quoted.options} for quoted in (item, other))
    return all(
        "" in (pair := (fields.value(mine, field), fields.value(theirs, field))) or pair[0] == pair[1]
        for field in fields.PROGRAMS
    )


def _estimate(quoted: Quoted) -> Estimate | None:
    return None if quoted.here is None else quoted.here.estimate
