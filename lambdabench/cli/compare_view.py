"""What `compare` prints: conditions first, then what all share, then who moved beside that."""

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from ..analysis.between_machines import machines_section
from ..analysis.compare import FEWEST_MEMBERS, SIDES, Hole, Pair
from ..analysis.conditions import Difference
from ..analysis.equal_accuracy import SpeedUp
from ..analysis.page import Column, words
from ..commands import AtAccuracy, Compared, results_words
from ..core import codec, fields, foreign
from ..core.metric import described
from ..core.units import format_significant
from .tables import show

MOST = 20
"""Lines of a table that is not asked for whole."""
OUTSIDE = 0.05
"""Share of the draws beyond a curve from which on it is told."""
TOLD = tuple(field for field in fields.SETTINGS if field.name not in ("kind", "fingerprint", "model_hash"))
"""What tells pairs of one network apart."""


def print_compared(console: Console, compared: Compared, *, show_all: bool = False) -> None:
    """In what the sides differ, the shift that networks share, networks and families beside it, and what was left out."""
    compared = foreign.cleaned(compared)
    for line in _head(compared):
        console.print(line, soft_wrap=True)
    _print_moved(console, compared, show_all=show_all)
    _print_families(console, compared, show_all=show_all)
    for line in (*_holes(compared.pairs.holes), *_end(compared)):
        console.print(line, soft_wrap=True)


def print_several(console: Console, several: Sequence[Compared]) -> None:
    """In what each side differs from the first, a table with a column a side, and what moves from the first to each."""
    part = foreign.cleaned(machines_section([compared.between for compared in several]))
    for compared in foreign.cleaned(several):
        for line in _head(compared):
            console.print(line, soft_wrap=True)
    console.print()
    show(console, part.table.columns, [[words(cell) for cell in row] for row in part.table.rows])
    for line in part.legend:
        console.print(line, soft_wrap=True)


def _head(compared: Compared) -> list[str]:
    shift, count = compared.shift, len(compared.pairs.equal)
    interval = "under six pairs: no interval" if shift.low is None else f"{_times(shift.low)}, {_times(shift.high)}"
    cases = f"{count:,} pair{'' if count == 1 else 's'} at equal batch"
    return [
        f"compare  A {compared.a.name} → B {compared.b.name}   {compared.metric.replace('_', ' ')}, B over A · {cases}",
        f"differs  {_conditions(compared)}",
        *(f"nodes    {line}" for line in dict.fromkeys((*compared.a.of_nodes, *compared.b.of_nodes))),
        f"left out {_left_out(compared)}",
        f"shift    {_times(shift.value)} [{interval}], the median of all pairs · single ones lie {100 * shift.spread:.1f} % beside it "
        "(1.4826 MAD)",
    ]


def _conditions(compared: Compared) -> str:
    lines = [difference_phrase(difference, len(compared.pairs.equal)) for difference in compared.differences]
    if tables := [side.name for side in (compared.a, compared.b) if side.is_table]:
        lines.append(f"what {' and '.join(dict.fromkeys(tables))} ran on and with, no column tells")
    return (
        " · ".join(lines)
        or "nothing that is known: code, libraries, driver, device, clock, layout and threads are the same"
    )


def difference_phrase(difference: Difference, pairs: int) -> str:
    """ "torch 2.14 → 2.15", with how many pairs it is of where it is not of all."""
    some = "" if difference.pairs == pairs else f"{difference.pairs:,} of {pairs:,} pairs"
    others = f"{difference.others} other change{'' if difference.others == 1 else 's'}" if difference.others else ""
    behind = ", ".join(filter(None, (some, others)))
    return f"{difference.name} {difference.a or 'none'} → {difference.b or 'none'}" + (f" ({behind})" if behind else "")


def _left_out(compared: Compared) -> str:
    pairs = compared.pairs
    counts = [
        f"{pairs.other_batch:,} at other batches",
        f"{pairs.only_a:,} only in A",
        f"{pairs.only_b:,} only in B",
    ]
    without = {side: sum(hole.side == side for hole in pairs.holes) for side in SIDES}
    counts += [f"{count:,} without a number in {side}" for side, count in without.items() if count]
    counts += [f"{pairs.neither:,} without a number in both"] if pairs.neither else []
    repeated = zip(SIDES, pairs.repeated, strict=True)
    counts += [f"{count:,} of {side} behind newer ones of another environment" for side, count in repeated if count]
    return " · ".join(counts)


def _print_moved(console: Console, compared: Compared, *, show_all: bool) -> None:
    shift = compared.shift
    beyond = f"by more than {_times(math.exp(shift.threshold))} beside the shift"
    held = f" · {shift.held:,} more whose own interval holds the shift" if shift.held else ""
    console.print()
    console.print(f"{len(shift.moved):,} of {len(compared.pairs.equal):,} moved {beyond}{held}", soft_wrap=True)
    moved = [moved.pair for moved in shift.moved]
    by_distance = sorted(compared.pairs.equal, key=lambda pair: -abs(pair.log_ratio - math.log(shift.value)))
    shown = by_distance if show_all else moved[:MOST]
    if not shown:
        return
    known = described(compared.metric)
    tell = fields.teller([pair.a for pair in shown], TOLD)
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
    for item in shown:
        own = math.exp(item.log_ratio) / shift.value
        word = _word(own, compared.metric) if item in moved else ""
        lines.append((*_cells(item, compared.metric, tell(item.a)), f"{own:.2f}", word))
    show(console, columns, lines)
    if not show_all and len(moved) > len(shown):
        console.print(f"and {len(moved) - len(shown):,} more: --show all")


def _cells(pair: Pair, metric: str, text: str) -> tuple[str, ...]:
    """A pair's name, size, batch, both numbers and their ratio."""
    numbers = [format_significant(float(row[metric]) * described(metric).factor) for row in (pair.a, pair.b)]
    ratio = f"{math.exp(pair.log_ratio):.3f}"
    if pair.log_low is not None and pair.log_high is not None:
        ratio += f" [{math.exp(pair.log_low):.3f}, {math.exp(pair.log_high):.3f}]"
    batch = pair.a["batch_size"] or pair.b["batch_size"]
    name = f"{pair.a['model']}{f' ({text})' if text else ''}"
    px = "" if pair.a["image_px"] is None else str(int(pair.a["image_px"]))
    return (name, px, "" if batch is None else str(int(batch)), *numbers, ratio)


def _print_families(console: Console, compared: Compared, *, show_all: bool) -> None:
    families = compared.shift.families
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
        (
            family.name,
            f"{family.models:,}",
            f"{family.pairs:,}",
            f"{family.own:.3f}",
            _word(family.own, compared.metric),
        )
        for family in shown
    ]
    show(console, columns, rows)
    if len(families) > len(shown):
        console.print(f"and {len(families) - len(shown):,} more: --show all")


def _holes(holes: Sequence[Hole]) -> list[str]:
    """Networks that have a number on one side alone, with the reason of the other."""
    tell = fields.teller([item.row for item in holes], TOLD)
    lines: list[str] = []
    for hole in holes[:MOST]:
        name, reason = tell(hole.row), str(hole.row.get("reason") or "")
        where = f"{hole.row['model']} at {hole.row['image_px']} px, batch {hole.row['batch_size']}{f' ({name})' if name else ''}"
        lines.append(f"no number in {hole.side}: {where}, {hole.row['status']}{': ' + reason if reason else ''}")
    return [*lines, *([f"and {len(holes) - MOST:,} more without a number"] if len(holes) > MOST else [])]


def _end(compared: Compared) -> list[str]:
    moved = bool(compared.shift.moved or compared.shift.families)
    if not moved:
        return ["nothing moved beside what all share"]
    lines = ["what differs may be the reason: it need not reach all networks alike"] if compared.differences else []
    places = [side.place for side in (compared.b, compared.a) if side.place is not None]
    if places and compared.shift.moved:
        words = ["lambdabench", "show", str(compared.shift.moved[0].pair.a["model"]), *results_words(places[0])]
        lines.append(f"next  {shlex.join(words)}")
    return lines


def _word(own: float, metric: str) -> str:
    if metric in ("throughput", "throughput_per_device", "latency"):
        return "faster" if (own > 1) == (described(metric).sign > 0) else "slower"
    return "more" if own > 1 else "less"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}x" if value < 10 else f"{format_significant(value, 4)}x"


def as_json(compared: Compared) -> dict[str, Any]:
    """All of it for programs, every pair included."""
    shift, between = compared.shift, compared.between
    common = between.common
    moved = {id(moved.pair) for moved in shift.moved}
    return foreign.cleaned(
        {
            "a": compared.a.name,
            "b": compared.b.name,
            "metric": compared.metric,
            "nodes": list(dict.fromkeys((*compared.a.of_nodes, *compared.b.of_nodes))),
            "paired_by": list(compared.paired_by),
            "differences": codec.encode(compared.differences),
            "counts": {
                "equal_batch": len(compared.pairs.equal),
                "other_batch": compared.pairs.other_batch,
                "only_a": compared.pairs.only_a,
                "only_b": compared.pairs.only_b,
                "without_number": len(compared.pairs.holes) + compared.pairs.neither,
                "behind_newer": list(compared.pairs.repeated),
            },
            "shift": {"value": shift.value, "low": shift.low, "high": shift.high},
            "geometric_mean": {"value": common.value, "low": common.low, "high": common.high},
            "beside_the_mean": len(common.outside),
            "swapped": len(between.swaps),
            "swaps": [
                {"better_on_a": _named(swap.better.a), "better_on_b": _named(swap.worse.a)}
                for swap in between.swaps[:MOST]
            ],
            "spread": shift.spread,
            "threshold": math.exp(shift.threshold),
            "moved": len(shift.moved),
            "held_by_interval": shift.held,
            "families": codec.encode(shift.families),
            "holes": [
                _named(hole.row) | {"side": hole.side, "status": hole.row["status"]} for hole in compared.pairs.holes
            ],
            "pairs": [_pair_as_json(pair, compared, id(pair) in moved) for pair in compared.pairs.equal],
        }
    )


def _pair_as_json(pair: Pair, compared: Compared, has_moved: bool) -> dict[str, Any]:
    return _named(pair.a) | {
        "a": float(pair.a[compared.metric]),
        "b": float(pair.b[compared.metric]),
        "ratio": math.exp(pair.log_ratio),
        "low": None if pair.log_low is None else math.exp(pair.log_low),
        "high": None if pair.log_high is None else math.exp(pair.log_high),
        "own": math.exp(pair.log_ratio) / compared.shift.value,
        "moved": has_moved,
    }


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = {key: None if row.get(key) is None else int(row[key]) for key in ("image_px", "batch_size")}
    return {"model": row["model"], **counts, "options": row.get("options")}


def print_curves(console: Console, at_accuracies: Sequence[AtAccuracy], mine: str, theirs: str, figure: str) -> None:
    """A table a setting: the speed-up at each accuracy and over the range that both curves have, with both intervals; and the command
    that draws them."""
    for place, accuracy in enumerate(foreign.cleaned(at_accuracies)):
        if place:
            console.print()
        setting = ", ".join(filter(None, (f"batch {accuracy.batch}", accuracy.told)))
        console.print(
            f"compare  A {mine} ({accuracy.counts[0]}) over B {theirs} ({accuracy.counts[1]}) at equal accuracy · {setting}",
            soft_wrap=True,
        )
        _print_speed_ups(console, accuracy)
        for line in _limits(accuracy):
            console.print(line, soft_wrap=True)
    covers = ", ".join(sorted({cover for at_accuracy in at_accuracies for cover in at_accuracy.covers})) or "not known"
    console.print(
        f"q quoted. Above 1 A is faster. Intervals: 95 %, speeds drawn again ({covers}), then accuracies too (50,000 images)",
        soft_wrap=True,
    )
    console.print(f"next  {figure}", soft_wrap=True)


def _print_speed_ups(console: Console, at_accuracy: AtAccuracy) -> None:
    columns = [
        Column(title="top-1 % q", is_number=True),
        Column(title="that of", drop=1),
        Column(title="A over B", is_number=True),
        Column(title="speeds", is_number=True),
        Column(title="and accuracies", is_number=True),
        Column(title=""),
    ]
    rows = [
        (f"{at.top1:.2f}", at_accuracy.name_at(at.top1), *_speed_up(at))
        for at in at_accuracy.comparison.at
        if at.top1 is not None
    ]
    low, high = _range(at_accuracy)
    if low == high:
        ends = [
            line.ends for line in (at_accuracy.comparison.theirs, at_accuracy.comparison.mine) if len(line.top1) == 1
        ]
        rows.append(
            (low, "".join(at_accuracy.name_at(top1) for top1, _ in ends[:1]), *_speed_up(at_accuracy.comparison.mean))
        )
    else:
        rows.append((f"{low} to {high}", "geometric mean", *_speed_up(at_accuracy.comparison.mean)))
    show(console, columns, rows)


def _range(at_accuracy: AtAccuracy) -> tuple[str, str]:
    """The accuracies that both curves have; dashes where there are none."""
    mine, theirs = at_accuracy.comparison.mine.ends, at_accuracy.comparison.theirs.ends
    low, high = max(mine[0], theirs[0]), min(mine[1], theirs[1])
    return (f"{low:.2f}", f"{high:.2f}") if low <= high else ("–", "–")


def _speed_up(speed_up: SpeedUp) -> tuple[str, str, str, str]:
    if speed_up.value is None:
        return ("–", "", "", "outside of a curve")
    shares = [(speed_up.speed_outside, "of the draws of speeds"), (speed_up.both_outside, "of those with accuracies")]
    said = [f"{100 * share:.0f} % {what}" for share, what in shares if share > OUTSIDE]
    speed, both = (
        "–" if ends is None else f"[{ends[0]:.2f}, {ends[1]:.2f}]" for ends in (speed_up.speed, speed_up.both)
    )
    return (f"{speed_up.value:.2f}x", speed, both, f"{', '.join(said)} fell outside" if said else "")


def _limits(at_accuracy: AtAccuracy) -> list[str]:
    comparison = at_accuracy.comparison
    ends = [
        f"{name} {low:.2f} to {high:.2f} %"
        for name, (low, high) in zip(SIDES, (comparison.mine.ends, comparison.theirs.ends), strict=True)
    ]
    lines = [f"curves: {', '.join(ends)}; beyond nothing is told"]
    if comparison.least is not None and comparison.most is not None and comparison.least < comparison.most:
        lines.append(f"over the shared range from {comparison.least:.2f}x to {comparison.most:.2f}x")
    return lines


def curves_as_json(at_accuracies: Sequence[AtAccuracy]) -> dict[str, Any]:
    """All of it for programs."""
    return foreign.cleaned(
        {
            "settings": [
                {
                    "batch_size": at_accuracy.batch,
                    "told": at_accuracy.told,
                    "models": list(at_accuracy.counts),
                    "covers": list(at_accuracy.covers),
                    "curves": {
                        side: {"top1": line.top1.tolist(), "log_seconds": line.log_seconds.tolist()}
                        for side, line in zip(
                            SIDES, (at_accuracy.comparison.mine, at_accuracy.comparison.theirs), strict=True
                        )
                    },
                    "at": codec.encode(at_accuracy.comparison.at),
                    "mean": codec.encode(at_accuracy.comparison.mean),
                    "least": at_accuracy.comparison.least,
                    "most": at_accuracy.comparison.most,
                }
                for at_accuracy in at_accuracies
            ]
        }
    )
