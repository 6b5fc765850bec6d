"""What `recommend` prints: the picks, what cannot be told from the first, what was ruled out, what would change it."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from ..analysis.answers import text
from ..analysis.page import Column
from ..analysis.recommend import AT_SMALLEST, OF, Candidate, Change, Recommendation, Ruled
from ..commands import Advice, Agreed, agreed
from ..core import fields, foreign
from ..core.metric import metric
from ..core.units import format_significant
from .tables import fitted

WORDS = {
    "--max-latency": "too slow",
    "--min-throughput": "too few images a second",
    "--max-memory": "too much memory",
    "--min-top1": "not accurate enough",
    "--license": "by licence",
    "--train-data": "by training data",
}
BEST = {"latency": "fastest", "throughput": "fastest", "accuracy": "most accurate"}
NAMED = 8
BESIDE = 3
"""Machines in one table."""
BESIDE_ROWS = {"top1": "top-1 %", "latency": "ms", "throughput": "image/s", "peak_memory": "GiB"}
"""Metrics of what each machine answers first, and what their lines are called."""


def print_advice(console: Console, advice: Advice) -> None:
    """The table of picks and the lines under it; of several machines their first answers side by side, which of these agree, and then
    each machine's own."""
    if not advice.others:
        _print_machine(console, advice)
        return
    for start in range(0, len(advice.each), BESIDE):
        console.print(_beside(console, advice.each[start : start + BESIDE]))
    for line in agreement_lines(advice.each):
        console.print(foreign.visible(line), soft_wrap=True)
    for each in advice.each:
        console.print(f"\n{foreign.plain(each.machine)}", soft_wrap=True)
        _print_machine(console, each)


def _beside(console: Console, each: Sequence[Advice]) -> Any:
    """A column a machine: what it answers first, with its numbers."""
    columns = [Column(title=""), *(Column(title=foreign.plain(advice.machine)) for advice in each)]
    firsts = [advice.found.picks[0] if advice.found.picks else None for advice in each]
    rows: list[list[Any]] = [["take", *("nothing meets every limit" if pick is None else pick.name for pick in firsts)]]
    rows.append(["px", *("" if pick is None else str(int(pick.line["image_px"])) for pick in firsts)])
    for name, title in BESIDE_ROWS.items():
        rows.append([title, *("" if pick is None else _at_batch(pick, name) for pick in firsts)])
    rows.append(["licence", *("" if pick is None else text(pick.line, "top1_licence") or "unknown" for pick in firsts)])
    if any(advice.tied for advice in each):
        rows.append(["cannot be told from it", *(_names(advice.tied) for advice in each)])
    return fitted(columns, rows, console.width)


def _at_batch(pick: Candidate, name: str) -> str:
    """ "18.9 [18.3, 19.4], b=1"; an accuracy is of no batch."""
    words = pick.known[name].words()
    batch = pick.batches[0 if name in AT_SMALLEST else 1]
    return words if name == "top1" or pick.known[name].value is None else f"{words}, b={batch}"


def _names(tied: Sequence[Candidate]) -> str:
    names = [candidate.name for candidate in tied]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def agreement_lines(each: Sequence[Advice]) -> list[str]:
    """Which machines answer alike, and of which the answer of others cannot be told from their own."""
    known, count = agreed(each), len(each)
    silent = [advice.machine for advice in each if not advice.found.picks]
    if len(known) == 1 and not silent:
        return [f"agree: all {count} machines answer {known[0].name}"]
    texts = [f"{item.name} at {item.image_px} px: {_machines(item)}" for item in known]
    texts += [f"nothing meets every limit on {', '.join(silent)}"] if silent else []
    everywhere = [item.name for item in known if len({*item.first, *item.tied}) == count]
    head = "do not agree" if len(known) > 1 or silent else "agree"
    if everywhere:
        texts.append(f"first, or not to be told from the first, on all {count} machines: {', '.join(everywhere)}")
    if not known:
        return [f"nothing meets every limit on any of {count} machines"]
    return [f"{head}:", *(f"  {line}" for line in texts)]


def _machines(item: Agreed) -> str:
    tied = f"; not to be told from the first on {', '.join(item.tied)}" if item.tied else ""
    return f"first on {', '.join(item.first)}{tied}"


def _print_machine(console: Console, advice: Advice) -> None:
    recommendation = advice.found
    if recommendation.picks:
        console.print(_table(console, advice))
    if advice.tied:
        console.print(f"cannot be told from 1: {_names(advice.tied)}", soft_wrap=True)
    for line in lines(advice):
        console.print(line, soft_wrap=True)


def _table(console: Console, advice: Advice) -> Any:
    recommendation, priced = advice.found, advice.wanted.price_per_h is not None
    small, large = (sorted({pick.batches[place] for pick in recommendation.picks}) for place in (0, 1))
    varied = len(small) > 1 or len(large) > 1
    columns = [
        Column(title=""),
        Column(title="model"),
        *(Column(title=field.title) for field in _apart(recommendation)),
        Column(title="px", is_number=True, drop=4),
        Column(title="top-1 %", is_number=True),
        *([Column(title="batch", is_number=True)] if varied else []),
        Column(title="ms" if varied else f"ms, b={small[0]}", is_number=True),
        Column(title="image/s" if varied else f"image/s, b={large[0]}", is_number=True),
        *([Column(title="a million images", is_number=True, drop=1)] if priced else []),
        Column(title="GiB", is_number=True, drop=3),
        Column(title="licence", drop=2),
        Column(title=""),
    ]
    rows = [_row(candidate, place, advice, varied) for place, candidate in enumerate(recommendation.picks)]
    return fitted(columns, rows, console.width)


def _row(candidate: Candidate, place: int, advice: Advice, varied: bool) -> list[Any]:
    recommendation, rate = advice.found, candidate.known["throughput"].value
    price = advice.wanted.price_per_h
    cost = [] if price is None else [format_significant(None if not rate else price / 3600 / rate * 1e6, 2)]
    labels = [BEST[recommendation.objective]] if place == 0 else []
    last = place == len(recommendation.picks) - 1 and place
    labels += [BEST["accuracy" if recommendation.objective != "accuracy" else "latency"]] if last else []
    labels += ["likely: by its value alone"] if recommendation.fits[place] == "likely" else []
    return [
        str(place + 1),
        candidate.name,
        *(fields.word(field, fields.value(candidate.line, field)) for field in _apart(recommendation)),
        str(int(candidate.line["image_px"])),
        candidate.known["top1"],
        *([_batches(candidate)] if varied else []),
        candidate.known["latency"],
        candidate.known["throughput"],
        *cost,
        candidate.known["peak_memory"],
        text(candidate.line, "top1_licence") or "unknown",
        ", ".join(labels),
    ]


def _apart(recommendation: Recommendation) -> tuple[fields.Field, ...]:
    """In what programs or machines the feasible networks differ."""
    return fields.varying([candidate.line for candidate in recommendation.feasible], fields.PARTING)


def _batches(candidate: Candidate) -> str:
    """ "1 to 8": that of its latency, and of the rest."""
    small, large = candidate.batches
    return str(small) if small == large else f"{small} to {large}"


def lines(advice: Advice) -> list[str]:
    """What was ruled out, on what it rests, what would change it, how to confirm it."""
    recommendation = advice.found
    said: list[str] = []
    if out := [_ruled(ruled) for ruled in recommendation.ruled_out if ruled.count]:
        said.append(f"ruled out of {recommendation.candidates}: {' · '.join(out)}")
    quoted = any(candidate.known["top1"].origin == "quoted" for candidate in recommendation.feasible)
    said.append(f"basis: {advice.basis}{'; q accuracy as published, speed of random weights' if quoted else ''}")
    said += advice.of_nodes
    said += [_change(change, recommendation) for change in recommendation.changes]
    if advice.confirm:
        said.append(f"confirm: {advice.confirm}")
    return said


def _ruled(ruled: Ruled) -> str:
    words = f"{ruled.count} {WORDS[ruled.flag]}"
    if ruled.unknown:
        words += f" ({ruled.unknown} unknown)"
    if ruled.nearest is not None and ruled.miss is not None:
        words += f" (nearest {ruled.nearest.name}, by {format_significant(100 * (ruled.miss - 1), 2)} %)"
    return words


def _change(change: Change, recommendation: Recommendation) -> str:
    known = metric(change.metric)
    shown = f"{format_significant(change.value * known.factor)} {known.shown}".replace(" %", "%")
    better = change.candidate.known[OF[recommendation.objective]].words()
    return f"changes if: {change.flag} {shown.replace(' ', '')} → {change.candidate.name} ({better})"


def as_json(advice: Advice, code: int) -> dict[str, Any]:
    """The same facts as one object; missing numbers are null. Of several machines an object each, and which answers agree."""
    if not advice.others:
        return _machine_as_json(advice) | {"exit_code": code}
    return {
        "machines": [_machine_as_json(each) for each in advice.each],
        "first_answers": [
            {
                "name": item.name,
                "image_px": item.image_px,
                "first_on": list(item.first),
                "cannot_be_told_from_the_first_on": list(item.tied),
            }
            for item in agreed(advice.each)
        ],
        "exit_code": code,
    }


def _machine_as_json(advice: Advice) -> dict[str, Any]:
    recommendation = advice.found
    return {
        "machine": advice.machine,
        "objective": recommendation.objective,
        "candidates": recommendation.candidates,
        "picks": [
            _datum(candidate) | {"fit": fit}
            for candidate, fit in zip(recommendation.picks, recommendation.fits, strict=True)
        ],
        "cannot_be_told_from_the_first": [candidate.name for candidate in advice.tied],
        "ruled_out": [
            {
                "flag": ruled.flag,
                "count": ruled.count,
                "unknown": ruled.unknown,
                "nearest": None if ruled.nearest is None else ruled.nearest.name,
                "miss": ruled.miss,
            }
            for ruled in recommendation.ruled_out
        ],
        "changes": [
            {
                "flag": change.flag,
                "value": change.value,
                "unit": metric(change.metric).unit,
                "model": change.candidate.name,
            }
            for change in recommendation.changes
        ],
        "basis": advice.basis,
        "nodes": list(advice.of_nodes),
        "confirm": advice.confirm,
    }


def _datum(candidate: Candidate) -> dict[str, Any]:
    numbers = {
        name: None
        if known.value is None
        else {
            "value": known.value,
            "low": known.low,
            "high": known.high,
            "unit": known.metric.unit,
            "origin": known.origin,
        }
        for name, known in candidate.known.items()
    }
    return {
        "model": str(candidate.line["model"]),
        "name": candidate.name,
        "image_px": int(candidate.line["image_px"]),
        **numbers,
    }
