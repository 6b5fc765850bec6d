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
    found = advice.found
    if found.picks:
        console.print(_table(console, advice))
    if advice.tied:
        names = [one.name for one in advice.tied]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        console.print(f"cannot be told from 1: {', '.join(names[:NAMED])}{more}", soft_wrap=True)
    for line in lines(advice):
        console.print(line, soft_wrap=True)


def _table(console: Console, advice: Advice) -> Any:
    found, priced = advice.found, advice.wanted.price_per_h is not None
    small, large = (sorted({one.batches[place] for one in found.picks}) for place in (0, 1))
    varied = len(small) > 1 or len(large) > 1
    columns = [
        Column(title=""),
        Column(title="model"),
        *(Column(title=field.title) for field in _apart(found)),
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
    rows = [_row(one, place, advice, varied) for place, one in enumerate(found.picks)]
    return fitted(columns, rows, console.width)


def _row(one: Candidate, place: int, advice: Advice, varied: bool) -> list[Any]:
    found, rate = advice.found, one.known["throughput"].value
    price = advice.wanted.price_per_h
    cost = [] if price is None else [format_significant(None if not rate else price / 3600 / rate * 1e6, 2)]
    labels = [BEST[found.objective]] if place == 0 else []
    last = place == len(found.picks) - 1 and place
    labels += [BEST["accuracy" if found.objective != "accuracy" else "latency"]] if last else []
    labels += ["likely: by its value alone"] if found.fits[place] == "likely" else []
    return [
        str(place + 1),
        one.name,
        *(fields.word(field, fields.value(one.line, field)) for field in _apart(found)),
        str(int(one.line["image_px"])),
        one.known["top1"],
        *([_batches(one)] if varied else []),
        one.known["latency"],
        one.known["throughput"],
        *cost,
        one.known["peak_memory"],
        text(one.line, "top1_licence") or "unknown",
        ", ".join(labels),
    ]


def _apart(found: Recommendation) -> tuple[fields.Field, ...]:
    """In what programs or machines the feasible networks differ."""
    return fields.varying([one.line for one in found.feasible], fields.PARTING)


def _batches(one: Candidate) -> str:
    """ "1 to 8": that of its latency, and of the rest."""
    small, large = one.batches
    return str(small) if small == large else f"{small} to {large}"


def lines(advice: Advice) -> list[str]:
    """What was ruled out, on what it rests, what would change it, how to confirm it."""
    found = advice.found
    said: list[str] = []
    if out := [_ruled(one) for one in found.ruled_out if one.count]:
        said.append(f"ruled out of {found.candidates}: {' · '.join(out)}")
    quoted = any(one.known["top1"].origin == "quoted" for one in found.feasible)
    said.append(f"basis: {advice.basis}{'; q accuracy as published, speed of random weights' if quoted else ''}")
    said += [_change(one, found) for one in found.changes]
    if advice.confirm:
        said.append(f"confirm: {advice.confirm}")
    return said


def _ruled(one: Ruled) -> str:
    words = f"{one.count} {WORDS[one.flag]}"
    if one.unknown:
        words += f" ({one.unknown} unknown)"
    if one.nearest is not None and one.miss is not None:
        words += f" (nearest {one.nearest.name}, by {format_significant(100 * (one.miss - 1), 2)} %)"
    return words


def _change(one: Change, found: Recommendation) -> str:
    known = metric(one.metric)
    shown = f"{format_significant(one.value * known.factor)} {known.shown}".replace(" %", "%")
    better = one.candidate.known[OF[found.objective]].words()
    return f"changes if: {one.flag} {shown.replace(' ', '')} → {one.candidate.name} ({better})"


def as_json(advice: Advice, code: int) -> dict[str, Any]:
    """The same facts as one object; missing numbers are null."""
    found = advice.found
    return {
        "objective": found.objective,
        "candidates": found.candidates,
        "picks": [_datum(one) | {"fit": fit} for one, fit in zip(found.picks, found.fits, strict=True)],
        "cannot_be_told_from_the_first": [one.name for one in advice.tied],
        "ruled_out": [
            {
                "flag": one.flag,
                "count": one.count,
                "unknown": one.unknown,
                "nearest": None if one.nearest is None else one.nearest.name,
                "miss": one.miss,
            }
            for one in found.ruled_out
        ],
        "changes": [
            {"flag": one.flag, "value": one.value, "unit": metric(one.metric).unit, "model": one.candidate.name}
            for one in found.changes
        ],
        "basis": advice.basis,
        "confirm": advice.confirm,
        "exit_code": code,
    }


def _datum(one: Candidate) -> dict[str, Any]:
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
        for name, known in one.known.items()
    }
    return {"model": str(one.line["model"]), "name": one.name, "image_px": int(one.line["image_px"]), **numbers}
