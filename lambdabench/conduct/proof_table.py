"""What the repetitions of `proof` say, as Markdown."""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..analysis import rounds
from ..analysis.estimate import Estimate
from ..analysis.visits import Fit, Visit, fit
from ..core.cpu_contention import DISTURBED

Repetition = dict[str, Any]
REFERENCE = "resnet50"
HEAD = (
    "# Does a number repeat?",
    "",
    "Six networks (timm's, batch 1), the same seconds of calls each, in one piece or in rounds of visits: how far repetitions of a",
    "run are from each other. sd: standard deviation of the log over the repetitions; a network's and a ratio's are means over",
    "networks. Figures of rounds are those that a run tells (`analysis/rounds.py`). The control pair is one architecture under two",
    "names, whose ratio is 1; its interval: middle half width, and how many hold 1. Wrong: pairs of networks in the other order than",
    "the median of all repetitions under that condition has them, of those that are more than 10 % apart. Disturbed: visits in which",
    "others had over 6 % of the CPU, of all. Measured here; wall time. Written by `python -m lambdabench.conduct.proof`.",
    "",
    "| machine | condition | way | repetitions | latency of a network, sd | its ratio to resnet50, sd | control pair, sd | its mean "
    "| its interval | holds 1 | wrong orders | no number | disturbed | seconds, median | pressure, median |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
)
CONTROL = ("vit_small_patch16_224", "deit_small_patch16_224")


QUICKSTART = (
    "",
    "## Quickstart",
    "",
    "The suite as a person runs it, under the same conditions: 12 networks at two batch sizes.",
    "",
    "| machine | condition | seconds | exit code | cases | ratios to | control pair, whose ratio is 1 |",
    "|---|---|---|---|---|---|---|",
)


def page(repetitions: Sequence[Repetition], runs: Sequence[dict[str, Any]] = ()) -> str:
    """A table of all machines and conditions, each way a row; then one of the suite's runs."""
    lines = [*HEAD]
    order = sorted(repetitions, key=_place)
    for (machine, condition, way), group in itertools.groupby(order, key=_place):
        lines.append(
            _row(
                machine,
                condition,
                way,
                list(group),
                [repetition for repetition in order if _place(repetition)[:2] == (machine, condition)],
            )
        )
    if runs:
        lines += [*QUICKSTART, *(_run(run) for run in sorted(runs, key=lambda run: (run["machine"], run["condition"])))]
    return "\n".join(lines) + "\n"


def _run(item: dict[str, Any]) -> str:
    text = item["resolution"]
    controls = [
        f"b={each['batch_size']} {each['ratio']:.3f} [{each['low']:.3f}, {each['high']:.3f}]"
        for each in sorted(text["control"], key=lambda each: each["batch_size"])
    ]
    cells = (
        item["machine"],
        item["condition"],
        f"{item['seconds']:.0f}",
        str(item["exit_code"]),
        ", ".join(f"{count} {status}" for status, count in item["counts"].items()),
        "" if text["ratios_to"] is None else f"{100 * text['ratios_to']:.1f} %",
        ", ".join(controls),
    )
    return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one repetition tells: logarithms of latencies, and ratios to each network."""

    logs: dict[str, float]
    ratios: dict[tuple[str, str], Estimate]

    def log_ratio(self, top: str, bottom: str) -> float:
        """Log of the ratio of two networks' latencies: from rounds that they share, else of their own figures."""
        estimate = self.ratios.get((top, bottom))
        return self.logs[top] - self.logs[bottom] if estimate is None else math.log(estimate.value)


def fitted(visits: Mapping[str, Sequence[Sequence[Any]]]) -> Fit:
    """The table of visits (round, process, seconds, share that others had of its CPU) by network."""
    return fit(
        [
            Visit(case=name, round_=round_, process=process, log_value=math.log(value), lost=lost)
            for name, mine in visits.items()
            for round_, process, value, lost in mine
        ]
    )


def told(repetition: Repetition) -> Told:
    """The figures of a repetition, as a run tells them."""
    result = fitted(repetition["visits"])
    means = np.nanmean(result.undisturbed(), axis=1)
    own = {name: float(mean) for name, mean in zip(result.cases, means, strict=True)}
    own |= {name: math.log(each.value) for name, each in rounds.absolute(result).items()}
    ratios = {(top, base): each for base in result.cases for top, each in rounds.paired(result, base).items()}
    return Told(logs=own, ratios=ratios)


def _place(repetition: Repetition) -> tuple[str, str, str]:
    return repetition["machine"], repetition["condition"], repetition["way"]


def _row(machine: str, condition: str, way: str, group: Sequence[Repetition], all_ways: Sequence[Repetition]) -> str:
    tolds, names = (
        [told(repetition) for repetition in group],
        sorted({name for repetition in group for name in repetition["visits"]}),
    )
    networks = [_sd([item.logs[name] for item in tolds if name in item.logs]) for name in names]
    ratios = [
        _sd([item.log_ratio(name, REFERENCE) for item in tolds if {name, REFERENCE} <= item.logs.keys()])
        for name in names
        if name != REFERENCE
    ]
    pairs = [item.log_ratio(*CONTROL) for item in tolds if set(CONTROL) <= item.logs.keys()]
    controls = [item.ratios[CONTROL] for item in tolds if CONTROL in item.ratios]
    widths = [math.sqrt(control.high / control.low) - 1 for control in controls]
    visits = [lost for repetition in group for each in repetition["visits"].values() for *_, lost in each]
    cells = [
        machine,
        condition,
        way,
        str(len(group)),
        _percent(statistics.fmean(networks)),
        _percent(statistics.fmean(ratios)),
        _percent(_sd(pairs)),
        f"{100 * statistics.fmean(pairs):+.1f} %",
        f"±{100 * statistics.median(widths):.1f} %" if widths else "none",
        f"{sum(control.low <= 1 <= control.high for control in controls)} of {len(controls)}" if controls else "",
        wrong_orders(tolds, [told(all_way) for all_way in all_ways]),
        str(sum(len(names) - len(repetition["visits"]) for repetition in group)),
        f"{100 * statistics.fmean(visit >= DISTURBED for visit in visits):.0f} %",
        f"{statistics.median(repetition['seconds'] for repetition in group):.0f}",
        f"{100 * statistics.median(repetition['pressure'] or 0.0 for repetition in group):.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def wrong_orders(group: Sequence[Told], all_ways: Sequence[Told]) -> str:
    """Pairs of networks in the wrong order, "3 of 140"."""
    names = sorted({name for all_way in all_ways for name in all_way.logs})
    truth = {
        name: statistics.median(all_way.logs[name] for all_way in all_ways if name in all_way.logs) for name in names
    }
    wrong = tried = 0
    for item, (slow, quick) in itertools.product(group, itertools.permutations(names, 2)):
        if truth[slow] - truth[quick] > math.log(1.1) and {slow, quick} <= item.logs.keys():
            tried += 1
            wrong += item.log_ratio(slow, quick) < 0
    return f"{wrong} of {tried}"


def _sd(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan


def _percent(sd: float) -> str:
    """ "1.5 %"; an en dash where one repetition says nothing of others."""
    return "–" if math.isnan(sd) else f"{100 * sd:.1f} %"
