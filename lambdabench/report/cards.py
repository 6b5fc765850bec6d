"""What a page says of single cases, and by what its reader picks some of them."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from ..analysis.answers import Line, answer, lines, number, text
from ..analysis.node_tables import MEASURED_ON, NODES
from ..analysis.page import CaseCard, MachineSummary
from ..core import fields
from ..core.metric import Metric, metrics
from ..plots import _style as style

TITLES = {"device_name": "machine", "backend": "runtime"}
"""Of facets, where these differ from the column's."""
PICKED_BY = (fields.NAMED["device_name"], *(field for field in fields.RUNNING if field in fields.FIELDS))
LICENCE, FAMILY, IMPLEMENTATION = "licence", "family", "implementation"
UNKNOWN = "unknown"
FIRST = ("top1", "throughput", "latency")
"""Metrics that a card begins with."""


def cards(cases: pd.DataFrame, command_of: Callable[[Mapping[str, Any]], str] | None) -> tuple[CaseCard, ...]:
    """A card a case, in their order. `command_of` a case: what measures it again."""
    rows = lines(cases)
    tell = fields.teller(rows, of_model=(fields.NAMED["image_px"], fields.NAMED["batch_size"]))
    return tuple(
        CaseCard(
            name=str(row["model"]),
            lines=tuple(_lines(row, tell(row))),
            facets=_facets(row),
            command=command_of(row) if command_of is not None else "",
        )
        for row in rows
    )


def machines(cases: pd.DataFrame) -> tuple[MachineSummary, ...]:
    """What there is of each machine, by its name."""
    if cases.empty or "device_name" not in cases:
        return ()
    days = cases["started_at"] if "started_at" in cases else pd.Series(dtype="str")
    return tuple(
        MachineSummary(
            name=str(name),
            cases=len(same),
            with_number=int((same["status"] == "ok").sum()),
            last=max(map(str, days.reindex(same.index).dropna()), default="")[:10],
        )
        for name, same in cases.groupby("device_name", sort=True)
    )


def family_of(row: Line) -> str:
    """The family of a network; of what is none, its implementation or itself."""
    if text(row, "kind") in ("", "model"):
        return style.family(str(row["model"]))
    return implementation_of(row)


def implementation_of(row: Line) -> str:
    """Who computes a layer: its kernel, the library that it is of, else the layer itself."""
    given = fields.options(row)
    return str(next((given[key] for key in ("kernel", "library") if key in given), row["model"]))


def _facets(row: Line) -> dict[str, str]:
    facets = {FAMILY if text(row, "kind") in ("", "model") else IMPLEMENTATION: family_of(row)}
    for field in PICKED_BY:
        value = fields.value(row, field)
        if value != "":
            facets[TITLES.get(field.name, field.title)] = str(value)
    if text(row, "top1_tag") or text(row, "top1_licence"):
        facets[LICENCE] = text(row, "top1_licence") or UNKNOWN
    return facets


def _lines(row: Line, name: str) -> list[tuple[str, str]]:
    ordered = sorted(metrics(), key=lambda known: known.name not in FIRST)
    numbers = [(known.title, _number(row, known)) for known in ordered]
    result = [(title, words) for title, words in numbers if words]
    if (share := row.get("membership")) is not None and not pd.isna(share):
        result.append(("On the front", f"with probability {_probability(float(share))}"))
    if text(row, "status") not in ("", "ok"):
        result.append(("No number", f"{row['status']}: {row['reason']}"))
    if text(row, "flags"):
        result.append(("Flags", text(row, "flags")))
    if (nodes := number(row, NODES)) is not None:
        result.append(("Nodes", f"an average of {nodes:.0f}, measured on {number(row, MEASURED_ON) or 0:.0f} of them"))
    return [*result, ("Conditions", _conditions(row, name))]


def _probability(share: float) -> str:
    """Two places; never surer than the draws that it was counted in."""
    return "over 0.99" if share > 0.99 else "under 0.01" if share < 0.01 else f"{share:.2f}"


def _number(row: Line, known: Metric) -> str:
    """ "30.5 [29.4, 31.7] image/s"; of accuracies where they are from; empty for none."""
    number = answer(row, known.name)
    if number.value is None:
        return ""
    if known.unit != "%":
        return f"{number.words()} {known.shown if known.unit != '1' else 'M' if known.column else ''}".strip()
    origin = "quoted" if number.origin == "quoted" else "measured"
    besides = [origin, *(text(row, f"{known.name}{end}") for end in ("_tag", "_source", "_licence"))]
    return f"{number.words().removesuffix(' q')} %, {', '.join(filter(None, besides))}"


def _conditions(row: Line, name: str) -> str:
    """Machine, size, batch and how it ran, with what tells it from others behind."""
    wanted = ("device_name", "image_px", "batch_size", "dtype", "backend", "mode", "threads")
    words = [fields.word(field, fields.value(row, field)) for field in map(fields.NAMED.__getitem__, wanted)]
    return ", ".join(dict.fromkeys(word for word in (*words, *name.split(", "), text(row, "started_at")[:10]) if word))
