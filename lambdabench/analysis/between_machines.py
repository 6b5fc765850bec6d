"""What moves between the machines of one table: the ratio of each network that two have, what all of these share, and who stands beside
it (`compare`)."""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ..core import fields
from ..core.errors import RequestError
from ..core.metric import described
from ..core.row_flags import HALVED, has_flag
from ..core.units import format_significant
from . import compare
from .answers import answer
from .compare import Common, Moved, Pair, Pairs, Row, Swap
from .page import Cell, Ratio, Section, section

TITLE = "Between machines"
METRICS = ("throughput", "latency")
"""The first of them that several machines have is compared."""
TOLD = tuple(field for field in fields.SETTINGS if field.name not in ("kind", "fingerprint", "model_hash"))
"""What tells cases of one network apart."""
MEAN = "geometric mean of all"
UP, DOWN = "▲", "▼"
WORDS = ("faster", "slower")
NAMED = 3
"""Swaps, and networks beside what all share, that are named of each machine."""
LEGEND = (
    "Ratios, [low, high]: 95 % interval of both measurements, as if independent; that of the geometric mean holds these measurements and "
    "says nothing of other networks.",
    f"{UP} {DOWN}: better or worse there than what all share, by more than both intervals; of cases that are equal one in twenty is so by "
    "chance.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """Machine `b` over machine `a` in one metric, of the cases that both have."""

    a: str
    b: str
    metric: str
    pairs: Pairs
    common: Common
    swaps: tuple[Swap, ...]
    """Networks that change places, the farthest apart first."""


def between_machines(cases: pd.DataFrame) -> tuple[Between, ...]:
    """Each machine of a table of answers over the one that has the most numbers; none where there is one machine, or no case that two
    have."""
    if cases.empty or "device_name" not in cases or cases["device_name"].nunique() < 2:
        return ()
    cases = cases[[not has_flag(flags, HALVED) for flags in cases.get("flags", [""] * len(cases))]]
    for metric in METRICS:
        usable = cases[cases[metric].notna() & (cases["status"] == "ok")] if metric in cases else cases.iloc[:0]
        counts = usable.groupby("device_name").size()
        if len(counts) > 1:
            return _over_first(
                cases, sorted(counts.index, key=lambda name, counts=counts: (-counts[name], name)), metric
            )
    return ()


def _over_first(cases: pd.DataFrame, names: Sequence[str], metric: str) -> tuple[Between, ...]:
    first, *others = ({name: compare.rows_of(cases[cases["device_name"] == name]) for name in names}).items()
    result: list[Between] = []
    for name, rows in others:
        pairs = _pairs(first[1], rows, metric)
        if pairs is not None and pairs.equal:
            swaps = tuple(compare.swaps(pairs.equal, metric))
            common = compare.common(pairs.equal)
            result.append(Between(a=first[0], b=name, metric=metric, pairs=pairs, common=common, swaps=swaps))
    return tuple(result)


def _pairs(a: Sequence[Row], b: Sequence[Row], metric: str) -> Pairs | None:
    """The cases of two machines in pairs; where a network that one has alone ran there in several ways, of those that both have; None where
    nobody can tell which of several is meant."""
    shared = {str(row["model"]) for row in a} & {str(row["model"]) for row in b}
    for rows in ((a, b), tuple([row for row in side if row["model"] in shared] for side in (a, b))):
        with contextlib.suppress(RequestError):
            return compare.pairs(rows[0], rows[1], metric)
    return None


def machines_section(betweens: Sequence[Between], command: Callable[[str, str], str] | None = None) -> Section:
    """The table: a line a case, a column a machine and the ratio of each over the first, the mean of all below; and what moves in
    sentences. `command`: what compares two machines."""
    metric, first = described(betweens[0].metric), betweens[0].a
    rows = {id(pair.a): pair.a for between in betweens for pair in between.pairs.equal}
    tell = fields.teller(list(rows.values()), TOLD)
    by_case = [{id(pair.a): pair for pair in between.pairs.equal} for between in betweens]
    far = [{id(moved.pair): moved for moved in between.common.outside} for between in betweens]
    order = sorted(rows, key=lambda key: _order(rows[key], [pairs.get(key) for pairs in by_case]))
    lines = [_line(rows[key], tell, [pairs.get(key) for pairs in by_case], far, metric.name) for key in order]
    names = [f"{name}: {metric.column}" for name in (first, *(between.b for between in betweens))]
    titles = ["model", "px", "batch", *names, *(f"{between.b} over {first}" for between in betweens)]
    means = [Ratio(value=item.common.value, low=item.common.low, high=item.common.high) for item in betweens]
    lines.append([MEAN, "", "", *(answer({}, metric.name) for _ in names), *means])
    said = [text for between in betweens for text in sentences(between, command)]
    return section(TITLE, titles, lines, (*said, *LEGEND))


def _order(row: Row, pairs: Sequence[Pair | None]) -> tuple[bool, float, str]:
    """By how much the first machine that has it moves it, the most first."""
    ratios = [pair.log_ratio for pair in pairs if pair is not None]
    return (pairs[0] is None, -ratios[0] if ratios else 0.0, str(row["model"]))


def _line(
    row: Row,
    tell: Callable[[Row], str],
    pairs: Sequence[Pair | None],
    far: Sequence[Mapping[int, Moved]],
    metric: str,
) -> list[Cell]:
    numbers = [answer(row, metric), *(answer({} if pair is None else pair.b, metric) for pair in pairs)]
    ratios = [
        Ratio() if pair is None else _ratio(pair, moved.get(id(pair)), metric)
        for pair, moved in zip(pairs, far, strict=True)
    ]
    name = _name_of(row, tell)
    sizes = [str(int(row[size])) if row[size] else "" for size in ("image_px", "batch_size")]
    return [name, *sizes, *numbers, *ratios]


def _ratio(pair: Pair, moved: Moved | None, metric: str) -> Ratio:
    ends = [None if end is None else math.exp(end) for end in (pair.log_low, pair.log_high)]
    mark = "" if moved is None else UP if _is_better(moved.own, metric) else DOWN
    return Ratio(value=math.exp(pair.log_ratio), low=ends[0], high=ends[1], mark=mark)


def _is_better(own: float, metric: str) -> bool:
    return (own > 1) == (described(metric).sign > 0)


def sentences(between: Between, command: Callable[[str, str], str] | None = None) -> list[str]:
    """What moves from one machine to the other, in words."""
    tell = fields.teller([pair.a for pair in between.pairs.equal], TOLD)
    lines = [_shared(between, tell), _swapped(between, tell)]
    pairs = between.pairs
    left = {
        "at another batch": pairs.other_batch,
        f"on {between.a} alone": pairs.only_a,
        f"on {between.b} alone": pairs.only_b,
        "without a number on one of the two": len(pairs.holes),
        "without a number on both": pairs.neither,
    }
    if any(left.values()):
        lines.append(f"No ratio: {', '.join(f'{number} {what}' for what, number in left.items() if number)}.")
    if command is not None:
        lines.append(f"In what the two differ is said by {command(between.a, between.b)}.")
    return lines


def _shared(between: Between, tell: Callable[[Row], str]) -> str:
    """What all cases share, and who is the farthest from it."""
    common, count = between.common, len(between.pairs.equal)
    mean = Ratio(value=common.value, low=common.low, high=common.high).words()
    names = [
        f"{_name(item.pair, tell)}{_at(item.pair)} ({format_significant(item.own)} of it)"
        for item in common.outside[:NAMED]
    ]
    far = f", the farthest {', '.join(names)}" if names else ""
    cases = f"{count} case{'' if count == 1 else 's'}"
    return (
        f"{between.b} over {between.a}: {described(between.metric).title.lower()} {mean}, the geometric mean of {cases}; "
        f"{len(common.outside) or 'none'} beside it by more than the intervals{far}."
    )


def _swapped(between: Between, tell: Callable[[Row], str]) -> str:
    """Who changes places."""
    if not between.swaps:
        return f"No two change places on {between.b}, beyond their intervals."
    more, less = WORDS if between.metric in METRICS else ("better", "worse")
    texts = [
        f"{_name(swap.better, tell)}{_at(swap.better)} is {more} than {_name(swap.worse, tell)} on {between.a} "
        f"({_values(swap, 'a', between.metric)}) and {less} on {between.b} ({_values(swap, 'b', between.metric)})"
        for swap in between.swaps[:NAMED]
    ]
    count = len(between.swaps)
    head = f"{count:,} pair{' changes' if count == 1 else 's change'} places on {between.b}, beyond their intervals"
    further = f"; and {count - NAMED:,} more" if count > NAMED else ""
    return f"{head}: {'; '.join(texts)}{further}."


def _values(swap: Swap, side: str, metric: str) -> str:
    """ "36.4 to 31.5 image/s"."""
    known = described(metric)
    pair = [format_significant(getattr(item, side)[metric] * known.factor) for item in (swap.better, swap.worse)]
    return f"{' to '.join(pair)} {known.shown}"


def _name(pair: Pair, tell: Callable[[Row], str]) -> str:
    return _name_of(pair.a, tell)


def _at(pair: Pair) -> str:
    """The batch, where a side tells it."""
    batch = pair.a["batch_size"] or pair.b["batch_size"]
    return f" at batch {int(batch)}" if batch else ""


def _name_of(row: Row, tell: Callable[[Row], str]) -> str:
    text = tell(row)
    return f"{row['model']} ({text})" if text else str(row["model"])
