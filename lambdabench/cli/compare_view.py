"""What `compare` prints: conditions first, then what all share, then who moved beside that."""

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from ..analysis.compare import FEWEST_MEMBERS, SIDES, Hole, Pair
from ..analysis.conditions import Difference
from ..analysis.equal_accuracy import SpeedUp
from ..analysis.page import Column
from ..commands import AtAccuracy, Compared, results_words
from ..core import codec, fields, foreign
from ..core.metric import described
from ..core.units import format_significant
from .tables import show

MOST = 20
"""Lines of a table that is not asked for whole."""
OUTSIDE = 0.05
"""Share of the draws beyond a curve from which on it is told."""
TOLD = tuple(one for one in fields.SETTINGS if one.name not in ("kind", "fingerprint", "model_hash"))
"""What tells pairs of one network apart."""


def print_compared(console: Console, found: Compared, *, show_all: bool = False) -> None:
    """In what the sides differ, the shift that networks share, networks and families beside it, and what was left out."""
    found = foreign.cleaned(found)
    for line in _head(found):
        console.print(line, soft_wrap=True)
    _print_moved(console, found, show_all=show_all)
    _print_families(console, found, show_all=show_all)
    for line in (*_holes(found.pairs.holes), *_end(found)):
        console.print(line, soft_wrap=True)


def _head(found: Compared) -> list[str]:
    shift, count = found.shift, len(found.pairs.equal)
    interval = "under six pairs: no interval" if shift.low is None else f"{_times(shift.low)}, {_times(shift.high)}"
    cases = f"{count:,} pair{'' if count == 1 else 's'} at equal batch"
    return [
        f"compare  A {found.a.name} → B {found.b.name}   {found.metric.replace('_', ' ')}, B over A · {cases}",
        f"differs  {_conditions(found)}",
        f"left out {_left_out(found)}",
        f"shift    {_times(shift.value)} [{interval}], the median of all pairs · single ones lie {100 * shift.spread:.1f} % beside it "
        "(1.4826 MAD)",
    ]


def _conditions(found: Compared) -> str:
    lines = [difference_phrase(one, len(found.pairs.equal)) for one in found.differences]
    if tables := [one.name for one in (found.a, found.b) if one.is_table]:
        lines.append(f"what {' and '.join(dict.fromkeys(tables))} ran on and with, no column tells")
    return (
        " · ".join(lines)
        or "nothing that is known: code, libraries, driver, device, clock, layout and threads are the same"
    )


def difference_phrase(one: Difference, pairs: int) -> str:
    """ "torch 2.14 → 2.15", with how many pairs it is of where it is not of all."""
    some = "" if one.pairs == pairs else f"{one.pairs:,} of {pairs:,} pairs"
    others = f"{one.others} other change{'' if one.others == 1 else 's'}" if one.others else ""
    behind = ", ".join(filter(None, (some, others)))
    return f"{one.name} {one.a or 'none'} → {one.b or 'none'}" + (f" ({behind})" if behind else "")


def _left_out(found: Compared) -> str:
    pairs = found.pairs
    counts = [
        f"{pairs.other_batch:,} at other batches",
        f"{pairs.only_a:,} only in A",
        f"{pairs.only_b:,} only in B",
    ]
    without = {side: sum(one.side == side for one in pairs.holes) for side in SIDES}
    counts += [f"{count:,} without a number in {side}" for side, count in without.items() if count]
    counts += [f"{pairs.neither:,} without a number in both"] if pairs.neither else []
    repeated = zip(SIDES, pairs.repeated, strict=True)
    counts += [f"{count:,} of {side} behind newer ones of another environment" for side, count in repeated if count]
    return " · ".join(counts)


def _print_moved(console: Console, found: Compared, *, show_all: bool) -> None:
    shift = found.shift
    beyond = f"by more than {_times(math.exp(shift.threshold))} beside the shift"
    held = f" · {shift.held:,} more whose own interval holds the shift" if shift.held else ""
    console.print()
    console.print(f"{len(shift.moved):,} of {len(found.pairs.equal):,} moved {beyond}{held}", soft_wrap=True)
    moved = [one.pair for one in shift.moved]
    by_distance = sorted(found.pairs.equal, key=lambda one: -abs(one.log_ratio - math.log(shift.value)))
    shown = by_distance if show_all else moved[:MOST]
    if not shown:
        return
    known = described(found.metric)
    tell = fields.teller([one.a for one in shown], TOLD)
    columns = [
        Column(title="model"),
        Column(title="px", is_number=True, drop=2),
        Column(title="batch", is_number=True, drop=3),
        Column(title=f"A {known.shown}", is_number=True),
        Column(title=f"B {known.shown}", is_number=True),
        Column(title="B/A", is_number=True),
        Column(title="beside the shift", is_number=True),
        Column(title=""),
    ]
    lines: list[tuple[str, ...]] = []
    for one in shown:
        own = math.exp(one.log_ratio) / shift.value
        word = _word(own, found.metric) if one in moved else ""
        lines.append((*_cells(one, found.metric, tell(one.a)), f"{own:.2f}", word))
    show(console, columns, lines)
    if not show_all and len(moved) > len(shown):
        console.print(f"and {len(moved) - len(shown):,} more: --show all")


def _cells(pair: Pair, metric: str, told: str) -> tuple[str, ...]:
    """A pair's name, size, batch, both numbers and their ratio."""
    numbers = [format_significant(float(one[metric]) * described(metric).factor) for one in (pair.a, pair.b)]
    ratio = f"{math.exp(pair.log_ratio):.3f}"
    if pair.log_low is not None and pair.log_high is not None:
        ratio += f" [{math.exp(pair.log_low):.3f}, {math.exp(pair.log_high):.3f}]"
    batch = pair.a["batch_size"] or pair.b["batch_size"]
    name = f"{pair.a['model']}{f' ({told})' if told else ''}"
    px = "" if pair.a["image_px"] is None else str(int(pair.a["image_px"]))
    return (name, px, "" if batch is None else str(int(batch)), *numbers, ratio)


def _print_families(console: Console, found: Compared, *, show_all: bool) -> None:
    families = found.shift.families
    if not families:
        return
    console.print()
    count = f"{len(families):,} famil{'y' if len(families) == 1 else 'ies'} of {FEWEST_MEMBERS} networks or more moved"
    console.print(f"{count}, by 5 % and by 3 spreads over the root of their pairs", soft_wrap=True)
    columns = [
        Column(title="family"),
        Column(title="models", is_number=True),
        Column(title="pairs", is_number=True),
        Column(title="beside the shift", is_number=True),
        Column(title=""),
    ]
    shown = families if show_all else families[:MOST]
    rows = [
        (one.name, f"{one.models:,}", f"{one.pairs:,}", f"{one.own:.3f}", _word(one.own, found.metric)) for one in shown
    ]
    show(console, columns, rows)
    if len(families) > len(shown):
        console.print(f"and {len(families) - len(shown):,} more: --show all")


def _holes(holes: Sequence[Hole]) -> list[str]:
    """Networks that have a number on one side alone, with the reason of the other."""
    tell = fields.teller([one.row for one in holes], TOLD)
    lines: list[str] = []
    for one in holes[:MOST]:
        told, reason = tell(one.row), str(one.row.get("reason") or "")
        where = f"{one.row['model']} at {one.row['image_px']} px, batch {one.row['batch_size']}{f' ({told})' if told else ''}"
        lines.append(f"no number in {one.side}: {where}, {one.row['status']}{': ' + reason if reason else ''}")
    return [*lines, *([f"and {len(holes) - MOST:,} more without a number"] if len(holes) > MOST else [])]


def _end(found: Compared) -> list[str]:
    moved = bool(found.shift.moved or found.shift.families)
    if not moved:
        return ["nothing moved beside what all share"]
    lines = ["what differs may be the reason: it need not reach all networks alike"] if found.differences else []
    places = [one.place for one in (found.b, found.a) if one.place is not None]
    if places and found.shift.moved:
        words = ["lambdabench", "show", str(found.shift.moved[0].pair.a["model"]), *results_words(places[0])]
        lines.append(f"next  {shlex.join(words)}")
    return lines


def _word(own: float, metric: str) -> str:
    if metric in ("throughput", "throughput_per_device", "latency"):
        return "faster" if (own > 1) == (described(metric).sign > 0) else "slower"
    return "more" if own > 1 else "less"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}x" if value < 10 else f"{format_significant(value, 4)}x"


def as_json(found: Compared) -> dict[str, Any]:
    """All of it for programs, every pair included."""
    shift = found.shift
    moved = {id(one.pair) for one in shift.moved}
    return foreign.cleaned(
        {
            "a": found.a.name,
            "b": found.b.name,
            "metric": found.metric,
            "paired_by": list(found.paired_by),
            "differences": codec.encode(found.differences),
            "counts": {
                "equal_batch": len(found.pairs.equal),
                "other_batch": found.pairs.other_batch,
                "only_a": found.pairs.only_a,
                "only_b": found.pairs.only_b,
                "without_number": len(found.pairs.holes) + found.pairs.neither,
                "behind_newer": list(found.pairs.repeated),
            },
            "shift": {"value": shift.value, "low": shift.low, "high": shift.high},
            "spread": shift.spread,
            "threshold": math.exp(shift.threshold),
            "moved": len(shift.moved),
            "held_by_interval": shift.held,
            "families": codec.encode(shift.families),
            "holes": [_named(one.row) | {"side": one.side, "status": one.row["status"]} for one in found.pairs.holes],
            "pairs": [_pair_as_json(one, found, id(one) in moved) for one in found.pairs.equal],
        }
    )


def _pair_as_json(one: Pair, found: Compared, has_moved: bool) -> dict[str, Any]:
    return _named(one.a) | {
        "a": float(one.a[found.metric]),
        "b": float(one.b[found.metric]),
        "ratio": math.exp(one.log_ratio),
        "low": None if one.log_low is None else math.exp(one.log_low),
        "high": None if one.log_high is None else math.exp(one.log_high),
        "own": math.exp(one.log_ratio) / found.shift.value,
        "moved": has_moved,
    }


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = {key: None if row.get(key) is None else int(row[key]) for key in ("image_px", "batch_size")}
    return {"model": row["model"], **counts, "options": row.get("options")}


def print_curves(console: Console, found: Sequence[AtAccuracy], mine: str, theirs: str, figure: str) -> None:
    """A table a setting: the speed-up at each accuracy and over the range that both curves have, with both intervals; and the command
    that draws them."""
    for place, one in enumerate(foreign.cleaned(found)):
        if place:
            console.print()
        setting = ", ".join(filter(None, (f"batch {one.batch}", one.told)))
        console.print(
            f"compare  A {mine} ({one.counts[0]}) over B {theirs} ({one.counts[1]}) at equal accuracy · {setting}",
            soft_wrap=True,
        )
        _print_speed_ups(console, one)
        for line in _limits(one):
            console.print(line, soft_wrap=True)
    covers = ", ".join(sorted({cover for one in found for cover in one.covers})) or "not known"
    console.print(
        f"q quoted. Above 1 A is faster. Intervals: 95 %, speeds drawn again ({covers}), then accuracies too (50,000 images)",
        soft_wrap=True,
    )
    console.print(f"next  {figure}", soft_wrap=True)


def _print_speed_ups(console: Console, one: AtAccuracy) -> None:
    columns = [
        Column(title="top-1 % q", is_number=True),
        Column(title="that of", drop=1),
        Column(title="A over B", is_number=True),
        Column(title="speeds", is_number=True),
        Column(title="and accuracies", is_number=True),
        Column(title=""),
    ]
    rows = [(f"{at.top1:.2f}", one.name_at(at.top1), *_speed_up(at)) for at in one.comparison.at if at.top1 is not None]
    low, high = _range(one)
    if low == high:
        ends = [line.ends for line in (one.comparison.theirs, one.comparison.mine) if len(line.top1) == 1]
        rows.append((low, "".join(one.name_at(top1) for top1, _ in ends[:1]), *_speed_up(one.comparison.mean)))
    else:
        rows.append((f"{low} to {high}", "geometric mean", *_speed_up(one.comparison.mean)))
    show(console, columns, rows)


def _range(one: AtAccuracy) -> tuple[str, str]:
    """The accuracies that both curves have; dashes where there are none."""
    mine, theirs = one.comparison.mine.ends, one.comparison.theirs.ends
    low, high = max(mine[0], theirs[0]), min(mine[1], theirs[1])
    return (f"{low:.2f}", f"{high:.2f}") if low <= high else ("–", "–")


def _speed_up(one: SpeedUp) -> tuple[str, str, str, str]:
    if one.value is None:
        return ("–", "", "", "outside of a curve")
    shares = [(one.speed_outside, "of the draws of speeds"), (one.both_outside, "of those with accuracies")]
    said = [f"{100 * share:.0f} % {what}" for share, what in shares if share > OUTSIDE]
    speed, both = ("–" if ends is None else f"[{ends[0]:.2f}, {ends[1]:.2f}]" for ends in (one.speed, one.both))
    return (f"{one.value:.2f}x", speed, both, f"{', '.join(said)} fell outside" if said else "")


def _limits(one: AtAccuracy) -> list[str]:
    found = one.comparison
    ends = [
        f"{name} {low:.2f} to {high:.2f} %"
        for name, (low, high) in zip(SIDES, (found.mine.ends, found.theirs.ends), strict=True)
    ]
    lines = [f"curves: {', '.join(ends)}; beyond nothing is told"]
    if found.least is not None and found.most is not None and found.least < found.most:
        lines.append(f"over the shared range from {found.least:.2f}x to {found.most:.2f}x")
    return lines


def curves_as_json(found: Sequence[AtAccuracy]) -> dict[str, Any]:
    """All of it for programs."""
    return foreign.cleaned(
        {
            "settings": [
                {
                    "batch_size": one.batch,
                    "told": one.told,
                    "models": list(one.counts),
                    "covers": list(one.covers),
                    "curves": {
                        side: {"top1": line.top1.tolist(), "log_seconds": line.log_seconds.tolist()}
                        for side, line in zip(SIDES, (one.comparison.mine, one.comparison.theirs), strict=True)
                    },
                    "at": codec.encode(one.comparison.at),
                    "mean": codec.encode(one.comparison.mean),
                    "least": one.comparison.least,
                    "most": one.comparison.most,
                }
                for one in found
            ]
        }
    )
