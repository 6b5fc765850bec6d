"""What a run can tell: the ratios that it knows and how well, a control whose truth is known, and whether it may rank anything."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .estimate import Estimate, median
from .pareto import asked_batch, groups
from .visit_tables import against, fits
from .visits import Fit

METRICS = ("throughput", "latency")
"""The first of them that was measured is what cases are ranked by."""
SURE = 0.99
"""Confidence with which the control must be off before a run is called void, shared out among its pairs: of a hundred runs on a good
machine one is."""
NEGLIGIBLE = 1.01
"""Nobody claims ratios closer to 1 than that: a control is off where its whole interval lies beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The ratio of the pair that is one architecture under two names, at one batch size and whatever else `told` tells."""

    batch: int
    told: str
    ratio: Estimate
    is_off: bool
    """Whether its interval at `SURE` lies beyond 1 and what is negligible beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a run can tell. `margin`: the factor within which half of its ratios to the reference are known (1.04: to 4 %); None where
    nothing can be said of that. `ties`: cases that follow each other and cannot be told apart, by case id, in groups."""

    margin: float | None = None
    controls: tuple[Control, ...] = ()
    drift: float | None = None
    """The reference in the second half of its rounds over itself in the first."""
    ties: tuple[tuple[str, ...], ...] = ()
    problem: str = ""
    """Why nothing is ranked; empty where all is well, or where nothing tells."""


def resolution(
    rows: pd.DataFrame, cases: pd.DataFrame, *, reference: str, control: Sequence[str] | None, factor: float
) -> Resolution:
    """Of the newest rows of a run's cases and their wide table: `reference` and `control` are models, `factor` the ratio that a run
    must be able to tell before it ranks anything. Rows of files that were measured in one piece tell nothing."""
    metric = next((name for name in METRICS if (rows["metric"] == name).any()), "")
    timed = rows[(rows["metric"] == metric) & (rows["status"] == "ok") & rows["visit_round"].notna()]
    usable = cases[(cases["status"] == "ok") & cases["case_id"].isin(timed["case_id"])]
    if timed.empty or usable.empty:
        return Resolution()
    result = list(fits(timed.assign(case=timed["case_id"])))
    usable = usable.assign(asked_batch_size=asked_batch(usable))
    parted = [(group.batch, group.told, usable.loc[group.members]) for group in groups(usable)]
    margins = [margin for _, _, mine in parted for margin in _margins(result, mine, reference)]
    controls = tuple(item for part in parted for item in _controls(result, part, control, len(parted)))
    known = median(margins) if margins else None
    return Resolution(
        margin=known,
        controls=controls,
        drift=_drift(result, usable, reference),
        ties=tuple(tie for _, _, mine in parted for tie in _ties(result, mine, metric)),
        problem=_problem(known, controls, factor),
    )


def _margins(result: Sequence[Fit], mine: pd.DataFrame, reference: str) -> list[float]:
    """The margin of each ratio to the reference, as a factor."""
    names = dict(zip(mine["case_id"], mine["model"], strict=True))
    bottom = next((case for case, model in names.items() if model == reference), None)
    if bottom is None:
        return []
    ratios = [against(result, case, bottom) for case in names if case != bottom]
    return [math.sqrt(ratio.high / ratio.low) for ratio in ratios if ratio is not None]


def _controls(
    result: Sequence[Fit], part: tuple[int, str, pd.DataFrame], control: Sequence[str] | None, parts: int
) -> list[Control]:
    batch, name, mine = part
    pair = [mine.loc[mine["model"] == model, "case_id"].tolist() for model in control or ()]
    if len(pair) != 2 or any(len(items) != 1 for items in pair):
        return []
    (top,), (bottom,) = pair
    ratio = against(result, top, bottom)
    if ratio is None:
        return []
    sure = against(result, top, bottom, confidence=1 - (1 - SURE) / parts) or ratio
    return [Control(batch=batch, told=name, ratio=ratio, is_off=sure.low > NEGLIGIBLE or sure.high < 1 / NEGLIGIBLE)]


def _drift(result: Sequence[Fit], usable: pd.DataFrame, reference: str) -> float | None:
    """Of the reference's values, by the medians of its halves; None where it had under four visits."""
    mine = usable.loc[usable["model"] == reference, "case_id"]
    ratios: list[float] = []
    for fit in result:
        for place, name in enumerate(fit.cases):
            logs = fit.values[place][np.isfinite(fit.values[place])]
            if name in set(mine) and len(logs) >= 4:
                half = len(logs) // 2
                ratios.append(math.exp(float(np.median(logs[-half:]) - np.median(logs[:half]))))
    return median(ratios) if ratios else None


def _ties(result: Sequence[Fit], mine: pd.DataFrame, metric: str) -> list[tuple[str, ...]]:
    """Groups of cases, the best first, of which each cannot be told from the one before."""
    ordered = mine.sort_values(metric, ascending=metric == "latency")["case_id"].tolist()
    tied: list[list[str]] = [[item] for item in ordered[:1]]
    for before, case in itertools.pairwise(ordered):
        ratio = against(result, case, before)
        if ratio is not None and ratio.low <= 1 <= ratio.high:
            tied[-1].append(case)
        else:
            tied.append([case])
    return [tuple(names) for names in tied if len(names) > 1]


def _problem(margin: float | None, controls: Sequence[Control], factor: float) -> str:
    for control in controls:
        if control.is_off:
            where = f"b={control.batch}{f', {control.told}' if control.told else ''}"
            return (
                f"the control pair, one architecture under two names, is {control.ratio.value:.3f} "
                f"[{control.ratio.low:.3f}, {control.ratio.high:.3f}] at {where}, and not 1"
            )
    if margin is not None and margin > factor:
        return f"ratios are known to a factor of {margin:.2f} only, and {factor:g} must be told to rank anything"
    return ""


def phrase(item: Resolution) -> str:
    """ "ratios to 4 %"; empty where nothing is known."""
    return "" if item.margin is None else f"ratios to {100 * (item.margin - 1):.1f} %"


def mark(share: float) -> str:
    """● almost surely on the front, · almost surely not, else ◐ with the share."""
    return "●" if share > 0.95 else "·" if share < 0.05 else f"◐ {100 * share:.0f} %"
