"""What the paper prints of the networks and sizes that were run, beside what they did here.

A quoted figure never stands in a column of measured ones: other hardware, other software. What can be held against each other
are ratios: a network's throughput over that of the group's reference, here and in the paper.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..core.units import format_significant, format_value
from ..facts.paper import PAPER, UNITS, PaperFigure, paper_figures
from .estimate import Estimate, ratio
from .table import what

SPEEDS = ("throughput", "latency")
COUNTS = ("parameters", "interaction_memory")
STEP_IMAGES = 1024
"""Images of one of the paper's training steps (Table 19, Fig. 4)."""

SETTING = ("fingerprint", "device", "devices", "backend", "dtype", "param_dtype", "layout", "threads")
TITLES = ("paper q", "model", "px", "paper", "× paper", "here", "× here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A printed figure beside the case here that it is about; `value` in `unit`. Ratios are throughput over the reference's."""

    figure: PaperFigure
    metric: str
    unit: str
    value: float
    ratio: float | None = None
    options: str = "{}"
    setting: tuple[str, ...] = ()
    """Where and how it ran here, as SETTING: ratios are taken within one."""
    conditions: str = ""
    here: float | None = None
    here_low: float | None = None
    here_high: float | None = None
    here_ratio: Estimate | None = None
    reference: str = ""


def is_the_papers(source: str) -> bool:
    """Whether a suite re-tests the paper, by the source that it names."""
    return source.startswith(PAPER)


def beside(cases: pd.DataFrame, reference: str = "") -> tuple[Quoted, ...]:
    """The paper's speeds and counts for the cases of a wide table, in the paper's order; each case at its largest batch.

    `reference` is the model whose throughput the others are divided by, where the paper has it under equal conditions, else the first;
    where it did not run in a setting, nothing is divided there.
    """
    measured = cases[cases["status"] == "ok"] if len(cases) else cases
    found = [_quoted(one, case) for one in paper_figures() for case in _same(measured, one)]
    groups: dict[tuple[Any, ...], list[Quoted]] = {}
    for one in found:
        groups.setdefault((one.metric, one.figure.conditions, one.setting), []).append(one)
    over = {key[:2]: reference for key, group in groups.items() if any(one.figure.model == reference for one in group)}
    return tuple(
        done for key, group in groups.items() for done in _with_ratios(group, over.get(key[:2], group[0].figure.model))
    )


def legend(quoted: Sequence[Quoted]) -> tuple[str, ...]:
    """What the columns hold: whose figures, under which conditions there and here, over which reference."""
    there = sorted({one.figure.conditions for one in quoted})
    here = sorted({one.conditions for one in quoted})
    over = sorted({one.reference for one in quoted if one.reference})
    lines = [
        f"q quoted from {PAPER}, not measured here: {'; '.join(there)}. A step of {STEP_IMAGES} images is told as images a second.",
        f"here: {'; '.join(here)}.",
    ]
    if over:
        lines.append(
            f"×: throughput over that of {', '.join(over)} under the same conditions; only these ratios can be compared."
        )
    if misprints := [one.figure for one in quoted if one.figure.derived]:
        lines += [
            f"{one.table}, {one.model}: prints {one.printed} where its formula gives {one.derived} {one.unit}."
            for one in misprints
        ]
    return tuple(lines)


def cells(one: Quoted) -> tuple[str, ...]:
    """The texts of a row: table, model, pixels, printed value, its ratio, value here, its ratio."""
    return (
        one.figure.table,
        one.figure.model + ("" if one.options == "{}" else f" {one.options}"),
        str(one.figure.image_px),
        format_value(one.value, one.unit),
        "" if one.ratio is None else format_significant(one.ratio),
        format_value(one.here, one.unit, one.here_low, one.here_high),
        "" if one.here_ratio is None else _interval(one.here_ratio),
    )


def _interval(one: Estimate) -> str:
    return f"{format_significant(one.value)} [{format_significant(one.low)}, {format_significant(one.high)}]"


def _same(cases: pd.DataFrame, figure: PaperFigure) -> Iterable[pd.Series]:
    if not figure.model or figure.metric not in (*SPEEDS, *COUNTS) or cases.empty:
        return
    same = cases[(cases["model"] == figure.model) & (cases["image_px"] == figure.image_px)]
    if mode := _mode(figure):
        same = same[same["mode"] == mode]
    asked = what(dict(figure.options))
    same = same[same["options"].map(lambda text: what(json.loads(str(text))) == asked).astype(bool)]
    for _, group in same.groupby(["options", *SETTING], sort=False, dropna=False):
        yield group.sort_values("batch_size").iloc[-1]


def _mode(figure: PaperFigure) -> str:
    return next((one for one in ("train", "inference") if one in figure.conditions.split(", ")), "")


def _quoted(figure: PaperFigure, case: pd.Series) -> Quoted:
    metric = "throughput" if figure.metric in SPEEDS else figure.metric
    unit, factor = UNITS[figure.unit]
    value = figure.value * factor
    if figure.metric == "latency":
        unit, value = "image/s", STEP_IMAGES / figure.value
    here, low, high = (_number(case, f"{metric}{end}") for end in ("", "_low", "_high"))
    return Quoted(
        figure=figure,
        metric=metric,
        unit=unit,
        value=value,
        options=str(case["options"]),
        setting=tuple(str(case[name]) for name in SETTING),
        conditions=_here(case),
        here=here,
        here_low=low,
        here_high=high,
    )


def _here(case: pd.Series) -> str:
    """The conditions of a case in words."""
    devices = f"{int(case['devices'])} devices, " if case["devices"] != 1 else ""
    threads = f"{int(case['threads'])} thread{'s' if case['threads'] != 1 else ''}, " if case["device"] == "cpu" else ""
    how = f"{case['backend']}, {case['dtype']}, {case['layout']}"
    return f"{case['device_name']}, {devices}{threads}{how}, batch {int(case['batch_size'])}"


def _with_ratios(group: Sequence[Quoted], reference: str) -> Iterable[Quoted]:
    first = next((one for one in group if one.figure.model == reference), None)
    if group[0].metric != "throughput" or first is None:
        return group
    bottom = _estimate(first)
    return [
        replace(
            one,
            ratio=one.value / first.value,
            reference=first.figure.model,
            here_ratio=ratio(top, bottom) if (top := _estimate(one)) and bottom and one is not first else None,
        )
        for one in group
    ]


def _estimate(one: Quoted) -> Estimate | None:
    if one.here is None or one.here_low is None or one.here_high is None:
        return None
    return Estimate(
        value=one.here, low=one.here_low, high=one.here_high, confidence=0.95, samples=0, processes=1, covers=""
    )


def _number(case: pd.Series, key: str) -> float | None:
    value: Any = case.get(key)
    return None if value is None or pd.isna(value) else float(value)
