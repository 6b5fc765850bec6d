"""What moved between two sides: what all networks share is one number, and a network or a family moved where it stands beside that.

Sides are wide tables (`table.wide`, or a published table of the same columns). Pairs are cases of one network at one image size in one
mode, at equal batch; where each side ran in one way alone and these differ, that is a condition, and no reason to pair nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..core import fields
from ..core.errors import RequestError
from ..core.fields import Field
from ..core.metric import described
from .answers import answer
from .estimate import FEWEST_FOR_INTERVAL, Floats
from .families import family_of

MAD_TO_SD = 1.4826
"""Of a normal distribution's median absolute deviation."""
SPREADS, LEAST_MOVE = 4.0, np.log(1.1)
"""A network moved beyond so many spreads, and by no less than a tenth."""
FAMILY_SPREADS, FAMILY_LEAST_MOVE = 3.0, np.log(1.05)
"""The same of the median of a family."""
FEWEST_MEMBERS = 3
WORK = ("kind", "mode", "model", "image_px")
"""What is done, with the options that make another network: what differs here is no pair."""
HOW = tuple(field for field in fields.PARTING if field.name not in (*WORK, "fingerprint"))
"""How it is done. Where each side has one value of a field alone, and these differ, it is a condition; else it pairs equal values."""
CHOSEN_BY_FLAG = ("device", "dtype", "mode", "backend", "batch_size")
"""Fields that flags of `compare` choose cases by."""
PROGRAM = frozenset(field.name.removeprefix(fields.OPTION) for field in fields.PROGRAMS)

SIDES = ("A", "B")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One case on both sides at one batch. `log_ratio`: of b over a; `log_low`, `log_high`: its 95 % interval, where both sides have
    one."""

    a: Row
    b: Row
    log_ratio: float
    log_low: float | None = None
    log_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A case that has a number on one side, and on the other none."""

    side: str
    """ "A" or "B", which has none."""
    row: Row
    """That side's: its status and reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """What can be held against each other of two sides, and counts of what cannot."""

    equal: tuple[Pair, ...]
    other_batch: int
    """Networks that both sides have, at different batch sizes alone."""
    only_a: int
    only_b: int
    holes: tuple[Hole, ...]
    neither: int
    """Without a number on both sides."""
    repeated: tuple[int, int]
    """Cases left out of each side since a newer one of another environment stands for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A network beside what all share. `own`: its ratio over the shift."""

    pair: Pair
    ratio: float
    own: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Networks of one family that stand beside what all share together: the median of their ratios over the shift."""

    name: str
    models: int
    pairs: int
    own: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The ratio of b over a that the networks share: the median's, its 95 % interval by order statistics (None under six pairs), and how
    far single networks are from it: 1.4826 times the median absolute deviation of log ratios."""

    value: float
    low: float | None
    high: float | None
    spread: float
    threshold: float
    """Log ratio beside the shift beyond which a network moved."""
    moved: tuple[Moved, ...]
    """The farthest first."""
    families: tuple[Family, ...]
    held: int
    """Networks beyond the threshold whose own interval holds the shift: not moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The geometric mean of the ratios of pairs. Its 95 % interval holds the errors of these measurements, as if they were independent, and
    says nothing of other networks; None where a pair has no interval."""

    value: float
    low: float | None
    high: float | None
    outside: tuple[Moved, ...]
    """Whose ratio is beside it by more than both intervals, the farthest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Two networks, run in one way, of which `better` is the better one on side a and the worse one on side b, by more than their
    intervals on each."""

    better: Pair
    worse: Pair


def pairs(a: Sequence[Row], b: Sequence[Row], metric: str) -> Pairs:
    """The cases of two sides, as `rows_of` has them, paired.

    A side that tells no batch size of any case stands with the one batch of the other. Raises LambdabenchError where a side has several
    cases of one network and batch that differ in how they ran, of which the other side tells nothing.
    """
    rows, how = (a, b), shared_how(a, b)
    blind = any(all(row["batch_size"] is None for row in side) for side in rows)
    (mine, again_a), (theirs, again_b) = (
        _cells(side, how, name, blind) for side, name in zip(rows, SIDES, strict=True)
    )
    met: list[tuple[Row, Row]] = []
    other_batch, only_a, only_b = 0, 0, 0
    for key in dict.fromkeys([*mine, *theirs]):
        left, right = mine.get(key, {}), theirs.get(key, {})
        met += [(left[batch], right[batch]) for batch in left if batch in right]
        rest_a, rest_b = len(left.keys() - right.keys()), len(right.keys() - left.keys())
        other = min(rest_a, rest_b)
        other_batch, only_a, only_b = other_batch + other, only_a + rest_a - other, only_b + rest_b - other
    judged = [_met(*rows, metric) for rows in met]
    return Pairs(
        equal=tuple(pair for pair in judged if isinstance(pair, Pair)),
        holes=tuple(pair for pair in judged if isinstance(pair, Hole)),
        neither=sum(pair is None for pair in judged),
        other_batch=other_batch,
        only_a=only_a,
        only_b=only_b,
        repeated=(again_a, again_b),
    )


def shared_how(a: Sequence[Row], b: Sequence[Row]) -> tuple[Field, ...]:
    """The fields of `HOW` that pair cases: those of which both sides have some value in common, or one has several and the other some."""
    return tuple(field for field in HOW if _pairs_by(*_values(a, b, field)))


def apart(a: Sequence[Row], b: Sequence[Row]) -> dict[str, tuple[list[str], list[str]]]:
    """The values of both sides, by title, of the fields by which cases are paired and of which the sides have none in common."""
    names: dict[str, tuple[list[str], list[str]]] = {}
    for field in shared_how(a, b):
        mine, theirs = _values(a, b, field)
        if not mine & theirs:
            names[field.title] = (sorted(map(str, mine)), sorted(map(str, theirs)))
    return names


def _values(a: Sequence[Row], b: Sequence[Row], field: Field) -> tuple[set[Any], set[Any]]:
    return {fields.value(row, field) for row in a} - {""}, {fields.value(row, field) for row in b} - {""}


def _pairs_by(mine: set[Any], theirs: set[Any]) -> bool:
    return bool(mine & theirs) or (bool(mine and theirs) and max(len(mine), len(theirs)) > 1)


def rows_of(side: pd.DataFrame) -> list[Row]:
    """A side's cases, of a table with columns as `table.wide` has them, or of a published one as far as it tells them; None for null."""
    plain = side.astype(object).where(side.notna(), None)
    return [{str(key): item for key, item in row.items()} for row in plain.to_dict("records")]


Cells = dict[tuple[Any, ...], dict[int, Row]]
"""Of each network and way of running it, what it came to at each batch."""


def _cells(rows: Sequence[Row], how: Sequence[Field], side: str, blind: bool) -> tuple[Cells, int]:
    """(A side's cases, how many of them stand behind a newer one)."""
    result: Cells = {}
    repeated = 0
    for row in rows:
        network = {key: value for key, value in fields.options(row).items() if key not in PROGRAM}
        key = (*(row.get(name) for name in WORK), json.dumps(network, sort_keys=True))
        cells = result.setdefault((*key, *(fields.value(row, field) for field in how)), {})
        batch = 0 if blind else int(row["batch_size"] or 0)
        if (other := cells.get(batch)) is not None:
            _refuse_several(other, row, side)
            repeated += 1
            if str(row.get("started_at", "")) <= str(other.get("started_at", "")):
                continue
        cells[batch] = row
    return result, repeated


def _refuse_several(row: Row, other: Row, side: str) -> None:
    """Raises LambdabenchError where two cases of a side differ in more than their environment."""
    for field in (*HOW, fields.NAMED["batch_size"]):
        pair = fields.value(row, field), fields.value(other, field)
        if pair[0] != pair[1]:
            name = field.name.removeprefix(fields.OPTION)
            choose = f"choose with --{name.replace('_', '-')}" if name in CHOSEN_BY_FLAG else "give a run that has one"
            raise RequestError(
                f"{side} has {row['model']} at {row['image_px']} px with {name} {pair[0]} and {pair[1]}, and nothing on the "
                f"other side says which is meant; {choose}"
            )


def _met(a: Row, b: Row, metric: str) -> Pair | Hole | None:
    """What two cases of one network and batch come to; None where neither has a number."""
    mine, theirs = answer(a, metric), answer(b, metric)
    top, bottom = (
        item.value if item.status == "ok" and item.value and item.value > 0 else None for item in (theirs, mine)
    )
    if top is None or bottom is None:
        if top is bottom:
            return None
        return Hole(side=SIDES[0], row=a) if bottom is None else Hole(side=SIDES[1], row=b)
    middle = float(np.log(top / bottom))
    if mine.interval is None or theirs.interval is None or min(*mine.interval, *theirs.interval) <= 0:
        return Pair(a=a, b=b, log_ratio=middle)
    reach = float(np.hypot(*(np.log(high / low) / 2 for low, high in (mine.interval, theirs.interval))))
    return Pair(a=a, b=b, log_ratio=middle, log_low=middle - reach, log_high=middle + reach)


def _holds(pair: Pair, log_shift: float) -> bool:
    """Whether a pair's own interval holds what all share."""
    return pair.log_low is not None and pair.log_high is not None and pair.log_low <= log_shift <= pair.log_high


def shift(equal: Sequence[Pair], ours: Mapping[str, str]) -> Shift:
    """What pairs share, and what stands beside it; `ours` as `families.family_of` takes it. Raises ValueError for no pairs.

    The interval takes pairs as independent: of networks that are relatives it is too narrow, and says nothing of other networks.
    """
    if not equal:
        raise ValueError("what no pairs share")
    logs = np.array([pair.log_ratio for pair in equal])
    middle = float(np.median(logs))
    own = logs - middle
    spread = MAD_TO_SD * float(np.median(np.abs(own)))
    threshold = max(SPREADS * spread, LEAST_MOVE)
    beyond = [place for place in np.argsort(-np.abs(own), kind="stable") if abs(own[place]) > threshold]
    moved = [place for place in beyond if not _holds(equal[place], middle)]
    interval = median_interval_of(logs)
    return Shift(
        value=float(np.exp(middle)),
        low=None if interval is None else float(np.exp(interval[0])),
        high=None if interval is None else float(np.exp(interval[1])),
        spread=spread,
        threshold=float(threshold),
        moved=tuple(
            Moved(pair=equal[place], ratio=float(np.exp(logs[place])), own=float(np.exp(own[place]))) for place in moved
        ),
        families=families(equal, own, spread, ours),
        held=len(beyond) - len(moved),
    )


def families(equal: Sequence[Pair], own: Floats, spread: float, ours: Mapping[str, str]) -> tuple[Family, ...]:
    """The families of three networks or more whose median stands beside the shift by more than 3 spreads over the root of their pairs,
    and by a twentieth; the farthest first. `own`: each pair's log ratio beside the shift."""
    members: dict[str, list[int]] = {}
    for place, pair in enumerate(equal):
        if pair.a["kind"] == "model" and (name := family_of(str(pair.a["model"]), ours)):
            members.setdefault(name, []).append(place)
    result: list[Family] = []
    for name, places in members.items():
        models = len({str(equal[place].a["model"]) for place in places})
        middle = float(np.median(own[places]))
        least = max(FAMILY_SPREADS * spread / np.sqrt(len(places)), FAMILY_LEAST_MOVE)
        if models >= FEWEST_MEMBERS and abs(middle) > least:
            result.append(Family(name=name, models=models, pairs=len(places), own=float(np.exp(middle))))
    return tuple(sorted(result, key=lambda family: -abs(np.log(family.own))))


def median_interval_of(values: Floats, confidence: float = 0.95) -> tuple[float, float] | None:
    """The order-statistic interval of the median of independent values in any order, as `estimate.median_interval` has it of a series;
    None under six."""
    count = len(values)
    rank = int(stats.binom.ppf((1 - confidence) / 2, count, 0.5))
    if count < FEWEST_FOR_INTERVAL or rank < 1:
        return None
    ordered = np.sort(values)
    return float(ordered[rank - 1]), float(ordered[count - rank])


def common(equal: Sequence[Pair]) -> Common:
    """What pairs have in common, and which of them differ from it. Raises ValueError for no pairs."""
    if not equal:
        raise ValueError("what no pairs have in common")
    logs, half = np.array([pair.log_ratio for pair in equal]), np.array([_half(pair) for pair in equal])
    middle, margin = float(logs.mean()), float(np.sqrt((np.nan_to_num(half) ** 2).sum()) / len(half))
    own, reach = np.abs(logs - middle), np.hypot(half, margin)
    beyond = [place for place in np.argsort(-own, kind="stable") if own[place] > reach[place]]
    is_known = not np.isnan(half).any()
    return Common(
        value=float(np.exp(middle)),
        low=float(np.exp(middle - margin)) if is_known else None,
        high=float(np.exp(middle + margin)) if is_known else None,
        outside=tuple(
            Moved(pair=equal[place], ratio=float(np.exp(logs[place])), own=float(np.exp(logs[place] - middle)))
            for place in beyond
        ),
    )


def _half(pair: Pair) -> float:
    """Half a pair's interval on the log scale; NaN where it has none."""
    return float("nan") if pair.log_low is None or pair.log_high is None else (pair.log_high - pair.log_low) / 2


def swaps(equal: Sequence[Pair], metric: str) -> list[Swap]:
    """The networks that change places between the sides, the farthest apart on both first; of layers implementations of one shape."""
    groups: dict[tuple[Any, ...], list[Pair]] = {}
    for pair in equal:
        groups.setdefault(_contest(pair.a), []).append(pair)
    ranked: list[tuple[float, Swap]] = []
    for group in groups.values():
        (a, half_a), (b, half_b) = (_places([getattr(pair, side) for pair in group], metric) for side in ("a", "b"))
        gain, loss = a[:, None] - a[None, :], b[None, :] - b[:, None]
        is_swapped = (gain > np.hypot.outer(half_a, half_a)) & (loss > np.hypot.outer(half_b, half_b))
        ranked += [
            (float(min(gain[better, worse], loss[better, worse])), Swap(better=group[better], worse=group[worse]))
            for better, worse in np.argwhere(is_swapped)
        ]
    return [item for _, item in sorted(ranked, key=lambda pair: -pair[0])]


def _contest(row: Row) -> tuple[Any, ...]:
    """What those have alike that are held against each other: how and at which batch they ran, and of a layer its shape."""
    how = [fields.value(row, field) for field in HOW if field.name not in ("device_name", "options.kernel")]
    shape = {key: value for key, value in fields.options(row).items() if key not in PROGRAM and key != "library"}
    of_layer = (row["image_px"], json.dumps(shape, sort_keys=True)) if row.get("kind") == "layer" else ()
    return (row.get("kind"), row.get("mode"), row["batch_size"], *how, *of_layer)


def _places(rows: Sequence[Row], metric: str) -> tuple[Floats, Floats]:
    """(Logarithms of a metric, upwards where it is better, half their intervals): NaN where there is none, beyond which nothing is."""
    known = [answer(row, metric) for row in rows]
    logs = np.array([np.log(item.value or np.nan) for item in known]) * described(metric).sign
    half = [np.log(item.interval[1] / item.interval[0]) / 2 if item.interval else np.nan for item in known]
    return logs, np.array(half)
