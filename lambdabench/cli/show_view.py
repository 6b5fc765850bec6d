"""What `show`, `list` and `doctor` print."""

import dataclasses
import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from rich.console import Console
from rich.padding import Padding

from ..analysis.legible import legible
from ..analysis.page import Column
from ..core import fields
from ..core.record import TRAINED, Effective, Noise
from ..core.units import format_significant, scale_of
from ..doctor import Diagnosis
from ..machine import libraries
from .load_view import load_lines
from .tables import fitted
from .tails_view import calls_line, over_line, tails_line
from .visits_view import device_line, noise_line, visits_line

SETTINGS = [
    "suite",
    *(name for field in fields.RUNNING for name in (*(["device_name"] if field.name == "device" else []), field.name)),
    "options",
    "weights",
    "model_hash",
    "fingerprint",
]
WHERE = ["env_cpu", "env_gpu", "env_driver", "env_lambdabench", "env_torch", "env_jax", "env_cuda", "env_compiler"]
UNTOLD = ("device", "devices", "autocast", "batch_size", "warmup_calls")
"""Effective settings that are not told: those that are checked against what was asked, and how it was warmed up."""
EFFECTIVE = [f"effective_{field.name}" for field in dataclasses.fields(Effective) if field.name not in UNTOLD]
TELLING = tuple(field for field in fields.FIELDS if field.name != "model")
"""What a case's first line tells where cases that are shown differ in it."""
INDENT = 2
NOISE = [f"noise_{field.name}" for field in dataclasses.fields(Noise)]


def print_cases(
    console: Console,
    cases: pd.DataFrame,
    rows: pd.DataFrame,
    repeat: Callable[[Mapping[str, Any]], str],
    limit_s: float | None = None,
) -> None:
    """Every number of each case with unit, interval, samples and origin; settings asked and found; its slowest calls, and how many are
    over a limit; how to repeat it."""
    cases, rows = legible(cases), legible(rows)
    names = fields.labels([{str(key): item for key, item in row.items()} for row in cases.to_dict("records")], TELLING)
    for (_, case), label in zip(cases.iterrows(), names, strict=True):
        mine = rows[(rows["case_id"] == case["case_id"]) & (rows["fingerprint"] == case["fingerprint"])]
        console.print(
            f"{case['model']}{f' ({label})' if label else ''}  case {case['case_id']}  {case['status']}"
            f"{': ' + case['reason'] if case['reason'] else ''}",
            soft_wrap=True,
        )
        console.print("  asked   " + _pairs(case, [name for name in SETTINGS if name in case], ""), soft_wrap=True)
        first = mine.iloc[0]
        console.print("  on      " + _pairs(first, _where(first), "env_"), soft_wrap=True)
        console.print("  found   " + _pairs(first, EFFECTIVE, "effective_"), soft_wrap=True)
        console.print("  noise   " + _pairs(first, NOISE, "noise_"), soft_wrap=True)
        for line in (visits_line(mine), noise_line(mine), device_line(mine)):
            if line:
                console.print(f"  visits  {line}", soft_wrap=True)
        for line in _tails(case, limit_s):
            console.print(f"  tails   {line}", soft_wrap=True)
        for line in load_lines({str(key): value for key, value in case.items()}):
            console.print(f"  load    {line}", soft_wrap=True)
        if case["flags"]:
            console.print(f"  flags   {case['flags']}")
        if isinstance(case.get("top1"), float) and not pd.isna(case["top1"]):
            names = ", ".join(filter(None, (case["top1_source"], case["top1_tag"])))
            console.print(f"  top-1   {case['top1']:.2f} % {case['top1_origin']} ({names})", soft_wrap=True)
        console.print(_metrics(mine, console.width))
        console.print(f"  repeat  {repeat({str(key): value for key, value in case.items()})}\n", soft_wrap=True)


def print_list(console: Console, things: list[dict[str, Any]], like: str) -> None:
    """A table of the things whose first column matches the glob."""
    kept = [thing for thing in things if fnmatch.fnmatchcase(str(next(iter(thing.values()))), like)]
    columns = [Column(title=title, is_number=isinstance(item, int)) for title, item in (kept or [{}])[0].items()]
    console.print(
        fitted(columns, [list(map(str, item.values())) for item in kept], console.width)
        if kept
        else f"none of {len(things)} matches {like!r}"
        if things
        else "none yet; lambdabench run makes them"
    )


def print_findings(console: Console, findings: tuple[Diagnosis, ...], verdict: tuple[str, str]) -> None:
    """A line a finding, the remedy behind an arrow, and what the machine is fit for."""
    columns = [Column(title="") for _ in range(4)]
    rows = [
        (finding.level, finding.topic, finding.text, f"→ {finding.remedy}" if finding.remedy else "")
        for finding in findings
    ]
    console.print(fitted(columns, rows, console.width, heads=False))
    console.print(f"fit for: {verdict[0]}.  not fit for: {verdict[1]}.", soft_wrap=True)


METRICS = (
    Column(title="metric"),
    Column(title="value", is_number=True),
    Column(title="95 % in process", is_number=True),
    Column(title="unit"),
    Column(title="samples", is_number=True, drop=3),
    Column(title="process", is_number=True, drop=2),
    Column(title="origin", drop=1),
)


def _where(row: pd.Series) -> list[str]:
    """What is told of a case's environment: `WHERE`, and the version of what its backend runs on."""
    runtime = f"env_{libraries.runtime(str(row['backend']))}"
    return [*WHERE, *([runtime] if runtime in row and runtime not in WHERE else [])]


def _metrics(rows: pd.DataFrame, width: int) -> Padding:
    lines: list[tuple[str, ...]] = []
    for _, row in rows[rows["metric"].notna()].sort_values(["metric", "replicate"]).iterrows():
        unit, factor = scale_of(row["unit"], row["value"])
        low, high = (format_significant(row[end] * factor, 4) for end in ("low", "high"))
        interval = "" if pd.isna(row["low"]) else f"[{low}, {high}]"
        samples = 0 if row["samples"] is None else len(row["samples"])
        source = f"{row['origin']}{': ' + row['source'] if row['source'] else ''}"
        if row.get("status") == "unsupported":
            source = f"unsupported: {row['reason']}"
        value = format_significant(row["value"] * factor, 4)
        process = "training" if row["replicate"] == TRAINED else str(row["replicate"])
        lines.append((row["metric"], value, interval, unit, str(samples or ""), process, source))
    return Padding(fitted(METRICS, lines, width - INDENT), (0, 0, 0, INDENT))


def _tails(case: pd.Series, limit_s: float | None) -> list[str]:
    """How long a case's slowest calls took, and how many were over a limit."""
    row = {str(key): value for key, value in case.items()}
    over = [] if limit_s is None else [over_line(row, limit_s)]
    return [name for name in (tails_line(row), calls_line(row), *over) if name]


def _pairs(row: pd.Series, names: list[str], prefix: str) -> str:
    known = {name.removeprefix(prefix): row[name] for name in names if not pd.isna(row[name]) and row[name] != ""}
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in known.items()
    )
