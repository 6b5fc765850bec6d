"""What `recommend` prints: the picks, what cannot be told from the first, what was ruled out, what would change it."""

from typing import Any

from rich.console import Console

from ..analysis.answers import text
from ..analysis.page import Column
from ..analysis.recommend import OF, Candidate, Change, Recommendation, Ruled
from ..commands import Advice
from ..core import fields
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


def print_advice(console: Console, advice: Advice) -> None:
    """The table of picks and the lines under it."""
    recommendation = advice.found
    if recommendation.picks:
        console.print(_table(console, advice))
    if advice.tied:
        names = [candidate.name for candidate in advice.tied]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        console.print(f"cannot be told from 1: {', '.join(names[:NAMED])}{more}", soft_wrap=True)
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
    """The same facts as one object; missing numbers are null."""
    recommendation = advice.found
    return {
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
        "confirm": advice.confirm,
        "exit_code": code,
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
