"""What a page answers, in a sentence with its numbers: the question, and an answer for each machine and program."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..analysis.answers import WIDTH, answer, lines
from ..analysis.pareto import Group, front, groups
from ..core.units import format_significant
from .charts import panel_title
from .pivot import Grid

QUESTIONS = {
    "front": "Which network is fastest at the accuracy you need?",
    "layer": "Which implementation of a layer is fastest, and by how much?",
    "test": "How long does a call of each benchmark take?",
    "speed": "How fast is each network here?",
}
SURE, PERHAPS = 0.95, 0.05
"""Shares of membership from which on a network is on the front, or may be."""
LARGEST = 4
"""Sentences at most; the figure has the rest."""


def of_fronts(points: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for each machine and program, of its largest batch."""
    largest: dict[str, Group] = {}
    for group in groups(points):
        if group.told not in largest or group.batch > largest[group.told].batch:
            largest[group.told] = group
    return _bounded([_front_sentence(points.loc[group.members], group) for group in largest.values()])


def _front_sentence(points: pd.DataFrame, group: Group) -> str:
    members = points.loc[front(points, "throughput", "top1")].sort_values("throughput", ascending=False)
    first, last = _member(members.iloc[0]), _member(members.iloc[-1])
    if len(points) == 1:
        return f"{panel_title(points, group)}: {first}."
    if len(members) == 1:
        return f"{panel_title(points, group)}: {first} is faster and more accurate than all others."
    return f"{panel_title(points, group)}: {_count(points, members)}, from {first} to {last}."


def _count(points: pd.DataFrame, members: pd.DataFrame) -> str:
    """How many are on the front: by probability where that is known."""
    share = pd.to_numeric(points["membership"])
    if share.isna().all():
        return f"{len(members)} of {len(points)} networks are on the front"
    perhaps = int(((share <= SURE) & (share >= PERHAPS)).sum())
    sure = f"{int((share > SURE).sum())} of {len(points)} networks are surely on the front"
    return f"{sure}, {perhaps} perhaps" if perhaps else sure


def _member(point: pd.Series) -> str:
    accuracy = answer(point, "top1")
    words = f"{accuracy.words().removesuffix(' q')} % top-1{', quoted' if accuracy.origin == 'quoted' else ''}"
    return f"{point['model']} ({answer(point, 'throughput').words()} image/s at {words})"


def of_layers(cases: pd.DataFrame, grids: Sequence[Grid]) -> tuple[str, ...]:
    """A sentence a machine: what is fastest most often, and its time over that of the best of the others."""
    rows = lines(cases)
    contested: dict[str, list[Row]] = {}
    for grid in grids:
        by_row: dict[int, Row] = {}
        for cell in grid.cells:
            if answer(rows[cell.case], "latency").value is not None:
                by_row.setdefault(cell.row, {})[cell.series] = rows[cell.case]
        for row in by_row.values():
            if len(row) > 1:
                contested.setdefault(str(next(iter(row.values()))["device_name"]), []).append(row)
    return _bounded([_layer_sentence(machine, mine) for machine, mine in sorted(contested.items())])


Row = dict[str, Mapping[str, Any]]
"""One layer's cases by who computed it."""


def _layer_sentence(machine: str, contested: Sequence[Row]) -> str:
    winners = [min(row, key=lambda name, row=row: float(row[name]["latency"])) for row in contested]
    best = max(sorted(set(winners)), key=winners.count)
    ratios = [_log_ratio(best, row) for row in contested if best in row]
    mean = float(np.mean([value for value, _ in ratios]))
    half = WIDTH * math.sqrt(sum(variance for _, variance in ratios)) / len(ratios)
    value, low, high = (format_significant(math.exp(end)) for end in (mean, mean - half, mean + half))
    least, most = (format_significant(math.exp(end(value for value, _ in ratios))) for end in (min, max))
    return (
        f"{machine}: {best} is fastest in {winners.count(best)} of {len(contested)} layers and conditions; it takes "
        f"{value} [{low}, {high}] times as long as the best of the others, geometric mean ({least} to {most})."
    )


def _log_ratio(name: str, row: Row) -> tuple[float, float]:
    """(Logarithm of its time over that of the fastest other, its variance)."""
    other = min((key for key in row if key != name), key=lambda key: float(row[key]["latency"]))
    variance = sum(_variance(row[key]) for key in (name, other))
    return math.log(float(row[name]["latency"]) / float(row[other]["latency"])), variance


def _variance(row: Mapping[str, Any]) -> float:
    """Of the logarithm of a time, by its interval; 0 where it has none."""
    known = answer(row, "latency").interval
    return 0.0 if known is None or known[0] <= 0 else (math.log(known[1] / known[0]) / (2 * WIDTH)) ** 2


def of_times(cases: pd.DataFrame) -> tuple[str, ...]:
    """A sentence a machine: how many have a number, the fastest and the slowest step."""
    if "latency" not in cases:
        return ()
    timed = cases[cases["latency"].notna()]
    return _bounded([_time_sentence(str(name), same) for name, same in timed.groupby("device_name", sort=True)])


def _time_sentence(machine: str, cases: pd.DataFrame) -> str:
    ranked = cases.sort_values("latency")
    first, last = _step(ranked.iloc[0]), _step(ranked.iloc[-1])
    if len(ranked) == 1:
        return f"{machine}: {first}."
    return f"{machine}: of {len(ranked)} cases the fastest is {first}, the slowest {last}."


def _step(case: pd.Series) -> str:
    batch = "" if case.get("kind") == "test" else f", batch {int(case['batch_size'])}"
    return f"{case['model']} ({answer(case, 'latency').words()} ms{batch})"


def _bounded(sentences: Sequence[str]) -> tuple[str, ...]:
    more = len(sentences) - LARGEST
    return tuple(sentences) if more <= 0 else (*sentences[:LARGEST], f"{more} more conditions: see the figure.")
