"""The closing table of a run: a line a model and size, best first."""

import json
from collections.abc import Sequence

import pandas as pd
from rich.table import Table

from ..analysis.answers import answer
from ..analysis.page import Column
from ..analysis.pareto import asked_batch
from ..analysis.published_accuracy import accuracy_sources
from ..analysis.resolution import mark
from ..core import fields
from ..core.options import differing, phrase
from ..core.units import format_significant
from .tables import fitted
from .tails_view import quantile_cell

MARKS = {True: "●", False: "·"}
WIDE = 120
"""Columns from which on a model's line has room for the tag of the quoted weights."""


def case_table(cases: pd.DataFrame, width: int, at: str = "") -> Table:
    """A line a model and size: throughput at its largest batch, latency at its smallest, with the quantile `at` where one is asked for;
    in `width` columns, from `WIDE` on with the tag of the quoted weights. What differs among the lines (machine, backend, mode, dtype,
    options, ...) has a column each."""
    rows = [{str(key): item for key, item in row.items()} for row in cases.to_dict("records")]
    varied = fields.varying(rows)
    names = {field.title: [fields.word(field, fields.value(row, field)) for row in rows] for field in varied}
    if cases["options"].nunique() > 1:
        names["options"] = _options(cases)
    cases = cases.assign(asked=asked_batch(cases), place=range(len(rows)))
    ok = cases[cases["status"] == "ok"]
    largest, smallest = int(cases["asked"].max()), int(cases["asked"].min())
    columns = [
        Column(title="front", drop=1),
        Column(title="model"),
        *(Column(title=key) for key in names),
        Column(title="px", is_number=True, drop=3),
        Column(title="top-1 %", is_number=True, drop=2),
        Column(title=f"image/s, b={largest}", is_number=True),
        Column(title=f"ms, b={smallest}", is_number=True),
        *([Column(title=f"ms {at}, b={smallest}", is_number=True)] if at else []),
        Column(title=f"GiB, b={largest}", is_number=True, drop=4),
    ]
    line = cases.groupby(["model", "image_px", *_keys(cases)], sort=False, dropna=False).ngroup()
    rates = ok[ok["asked"] == largest].get("throughput", pd.Series(dtype=float)).groupby(line).first()
    groups = sorted(cases.groupby(line, sort=False), key=lambda item: -float(rates.fillna(-1.0).get(item[0], -1.0)))
    lines = [
        _line(
            group, (largest, smallest), [texts[group["place"].iloc[0]] for texts in names.values()], width >= WIDE, at
        )
        for _, group in groups
    ]
    return fitted(columns, lines, width)


def accuracy_legend(cases: pd.DataFrame) -> list[str]:
    """Where the accuracies of a table are from, those of cases that did not run aside."""
    shown = cases[cases["status"] != "skipped"]
    quoted, measured = (accuracy_sources(shown, origin) for origin in ("quoted", "measured"))
    weights = " Speed was timed with random weights." if "random" in set(cases["weights"]) else ""
    lines = [f"q quoted ({'; '.join(quoted)}; 50,000 images).{weights}"] if quoted else []
    return [*lines, *([f"top-1 measured here: {'; '.join(measured)}."] if measured else [])]


def _keys(cases: pd.DataFrame) -> list[str]:
    """What parts the lines of a model and size."""
    return [name for name in (*(field.name for field in fields.SETTINGS), "options") if name in cases]


def _options(cases: pd.DataFrame) -> list[str]:
    """Each case's options as far as they tell it from others."""
    known = [(str(model), json.loads(text)) for model, text in zip(cases["model"], cases["options"], strict=True)]
    keys = differing(known)
    return [phrase(options, keys) for _, options in known]


def _line(
    group: pd.DataFrame, batches: tuple[int, int], names: Sequence[str], tagged: bool, at: str
) -> tuple[str, ...]:
    first, (largest, smallest) = group.iloc[0], batches
    big = group[(group["asked"] == largest) & (group["status"] == "ok")]
    small = group[(group["asked"] == smallest) & (group["status"] == "ok")]
    failed = bool((group["status"] != "ok").all())
    place = _mark(big) or ("✗" if failed else " ")
    tag = f".{first['top1_tag']}" if tagged and first.get("top1_tag") else ""
    size = f"{first['model']}{tag}"
    return (
        place,
        size,
        *names,
        str(int(first["image_px"])),
        answer(first, "top1").words(),
        _number(big, "throughput"),
        _number(small, "latency"),
        *([_quantile(small, at)] if at else []),
        _memory(big),
    )


def _quantile(rows: pd.DataFrame, at: str) -> str:
    return quantile_cell({str(key): item for key, item in rows.iloc[0].items()} if len(rows) else {}, at)


def _memory(rows: pd.DataFrame) -> str:
    """GiB at the peak, with the range of its processes where they differ in two digits."""
    return answer(rows.iloc[0], "peak_memory").words(digits=2) if len(rows) else format_significant(None)


def _mark(rows: pd.DataFrame) -> str:
    """How surely a point is on its front; by its figures alone where their errors are not known; empty for no point."""
    if rows.empty or "on_front" not in rows or pd.isna(rows.iloc[0]["on_front"]):
        return ""
    share = rows.iloc[0].get("membership")
    return MARKS[bool(rows.iloc[0]["on_front"])] if share is None or pd.isna(share) else mark(float(share))


def _number(rows: pd.DataFrame, name: str) -> str:
    if rows.empty or (known := answer(rows.iloc[0], name)).value is None:
        return format_significant(None)
    row = rows.iloc[0]
    fitted = "" if row["batch_size"] == row["asked"] else f" (b={row['batch_size']})"
    return f"{known.words()}{'' if known.interval else ' [one process, few samples]'}{fitted}"
