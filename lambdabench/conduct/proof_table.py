"""What the repetitions of `proof` say, as Markdown."""

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Any

Repetition = dict[str, Any]
REFERENCE = "resnet50"
HEAD = (
    "# Does a number repeat?",
    "",
    "Six networks (timm's, batch 1), the same seconds of calls each, in one piece or in rounds of visits: how far repetitions of a",
    "run are from each other. sd: standard deviation of the log over the repetitions; a network's and a ratio's are means over",
    "networks. The control pair is one architecture under two names, whose ratio is 1. Wrong: pairs of networks in the other order",
    "than the median of all repetitions under that condition has them, of those that are more than 10 % apart. Measured here; wall",
    "time.",
    "",
    "| machine | condition | way | repetitions | latency of a network, sd | its ratio to resnet50, sd | control pair, sd | its mean "
    "| wrong orders | no number | seconds, median | pressure, median |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
)
CONTROL = ("vit_small_patch16_224", "deit_small_patch16_224")


def page(repetitions: Sequence[Repetition]) -> str:
    """A table of all machines and conditions, each way a row."""
    lines = [*HEAD]
    order = sorted(repetitions, key=_place)
    for (machine, condition, way), group in itertools.groupby(order, key=_place):
        lines.append(
            _row(
                machine, condition, way, list(group), [one for one in order if _place(one)[:2] == (machine, condition)]
            )
        )
    return "\n".join(lines) + "\n"


def logs(one: Repetition) -> dict[str, float]:
    """Log latency of each network: the mean over its visits of the log of each one's median."""
    return {name: statistics.fmean(math.log(value) for _, _, value in visits) for name, visits in one["visits"].items()}


def log_ratio(one: Repetition, top: str, bottom: str) -> float:
    """Log of the ratio of two networks' latencies: the mean of the differences within rounds, where they share any."""
    mine, theirs = ({round_: math.log(value) for round_, _, value in one["visits"][name]} for name in (top, bottom))
    both = sorted(set(mine) & set(theirs))
    if not both:
        return logs(one)[top] - logs(one)[bottom]
    return statistics.fmean(mine[round_] - theirs[round_] for round_ in both)


def _place(one: Repetition) -> tuple[str, str, str]:
    return one["machine"], one["condition"], one["way"]


def _row(machine: str, condition: str, way: str, group: Sequence[Repetition], all_ways: Sequence[Repetition]) -> str:
    names = sorted({name for one in group for name in one["visits"]})
    found = [logs(one) for one in group]
    networks = [_sd([one[name] for one in found if name in one]) for name in names]
    ratios = [
        _sd([log_ratio(one, name, REFERENCE) for one in group if {name, REFERENCE} <= set(one["visits"])])
        for name in names
        if name != REFERENCE
    ]
    pairs = [log_ratio(one, *CONTROL) for one in group if set(CONTROL) <= set(one["visits"])]
    missing = sum(len(names) - len(one["visits"]) for one in group)
    cells = [
        machine,
        condition,
        way,
        str(len(group)),
        f"{100 * statistics.fmean(networks):.1f} %",
        f"{100 * statistics.fmean(ratios):.1f} %",
        f"{100 * _sd(pairs):.1f} %",
        f"{100 * statistics.fmean(pairs):+.1f} %",
        wrong_orders(group, all_ways),
        str(missing),
        f"{statistics.median(one['seconds'] for one in group):.0f}",
        f"{100 * statistics.median(one['pressure'] or 0.0 for one in group):.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def wrong_orders(group: Sequence[Repetition], all_ways: Sequence[Repetition]) -> str:
    """Pairs of networks in the wrong order, "3 of 140"."""
    found = [logs(one) for one in all_ways]
    names = sorted({name for one in found for name in one})
    truth = {name: statistics.median(one[name] for one in found if name in one) for name in names}
    wrong = tried = 0
    for one, (slow, quick) in itertools.product(group, itertools.permutations(names, 2)):
        if truth[slow] - truth[quick] > math.log(1.1) and {slow, quick} <= set(one["visits"]):
            tried += 1
            wrong += log_ratio(one, slow, quick) < 0
    return f"{wrong} of {tried}"


def _sd(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan
