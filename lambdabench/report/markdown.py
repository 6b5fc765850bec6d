"""reports/<suite>/index.md: one suite's cases as a Markdown page."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from ..analysis import agreement
from ..analysis import quoted as the_paper
from ..analysis.agreement import Agreement
from ..analysis.quoted import Quoted
from ..core import folders, foreign
from ..core.spec import Suite
from ..core.units import SCALES, format_significant

TEMPLATE = """# {{ title }}

{% if source %}Source: {{ source }}.

{% endif %}{% for figure in figures %}![{{ figure }}]({{ figure }})

{% endfor %}| model | px | batch | top-1 % | {% for one in columns %}{{ one.title }} | {% endfor %}status |
|---|---|---|---|{% for one in columns %}---|{% endfor %}---|
{% for row in rows %}| {{ row.model }} | {{ row.px }} | {{ row.batch }} | {{ row.top1 }} | \
{% for cell in row.cells %}{{ cell }} | {% endfor %}{{ row.status }} |
{% endfor %}
**q** quoted, never measured here. [low, high]: 95 % interval.
**●** on the front of accuracy against throughput at its batch size.
A number without an interval was read once a process.

{% if quoted %}## What the paper prints

| {{ quoted.titles | join(" | ") }} |
|{% for one in quoted.titles %}---|{% endfor %}
{% for one in quoted.rows %}| {{ one | join(" | ") }} |
{% endfor %}
{% for line in quoted.legend %}- {{ line }}
{% endfor %}
{% endif %}{% if agreements %}## One network on two frameworks

| {{ agreements.titles | join(" | ") }} |
|{% for one in agreements.titles %}---|{% endfor %}
{% for one in agreements.rows %}| {{ one | join(" | ") }} |
{% endfor %}
{% for line in agreements.legend %}- {{ line }}
{% endfor %}
{% endif %}## Conditions

{% for line in notes %}- {{ line }}
{% endfor %}
## How a number was made

A fresh process per model; first call apart; warm-up until block medians agree; single synchronised calls until the
median's 95 % order-statistic interval is within {{ "%g" % (100 * suite.sampling.target_precision) }} % or
{{ "%g" % suite.sampling.case_budget_s }} s are out. Throughput on a CPU is derived from latency.
Settings were read back from the live network; outputs were checked.
Repeat: {{ repeat }}
"""
COLUMNS = {
    "throughput": ("image/s", "image/s"),
    "latency": ("ms a step", "s/step"),
    "first_call": ("first call, s", "s"),
    "compile": ("compile, s", "s"),
    "peak_memory": ("peak memory, GiB", "B"),
    "parameters": ("parameters, M", "1"),
    "flops": ("GFLOP an image (2 x MAC)", "FLOP/image"),
}


def write(
    cases: pd.DataFrame,
    suite: Suite,
    folder: Path,
    *,
    figures: Sequence[Path],
    notes: Sequence[str],
    quoted: Sequence[Quoted] = (),
    agreements: Sequence[Agreement] = (),
    repeat: str = "",
) -> Path:
    """Writes index.md into `folder` and returns its path. `cases` is the wide table with `on_front`, `repeat` the command that
    measures them again. Raises StoreError."""
    metrics = [name for name in COLUMNS if name in cases]
    page = jinja2.Template(TEMPLATE.replace("\\\n", ""), keep_trailing_newline=True).render(
        suite=suite,
        title=foreign.markdown(suite.title or suite.name),
        source=foreign.markdown(suite.source),
        figures=[one.name for one in figures if one.suffix == ".svg"],
        columns=[{"title": COLUMNS[name][0]} for name in metrics],
        rows=[_row(row, metrics) for _, row in cases.sort_values(["model", "batch_size"]).iterrows()],
        notes=[foreign.markdown(one) for one in notes],
        repeat=foreign.code(repeat or f"lambdabench run --suite {suite.name} --fresh"),
        quoted=_section(the_paper.TITLES, map(the_paper.cells, quoted), the_paper.legend(quoted)),
        agreements=_section(
            agreement.TITLES,
            map(agreement.cells, agreements),
            agreement.legend(agreements),
        ),
    )
    path = folder / "index.md"
    with folders.writing(path, "free space, or give another folder"):
        path.write_text(page, encoding="utf-8")
    return path


def _section(titles: Sequence[str], rows: Iterable[tuple[str, ...]], legend: Sequence[str]) -> dict[str, Any] | None:
    """A table with its legend; None without rows."""
    texts = [[foreign.markdown(cell) for cell in one] for one in rows]
    return {"titles": titles, "rows": texts, "legend": legend} if texts else None


def _row(row: pd.Series, metrics: Sequence[str]) -> dict[str, Any]:
    top1 = row.get("top1")
    mark = " ●" if row.get("on_front") is True else ""
    return {
        "model": f"{foreign.markdown(row['model'])}{mark}",
        "px": int(row["image_px"]),
        "batch": int(row["batch_size"]),
        "top1": "–" if top1 is None or pd.isna(top1) else f"{top1:.1f} q ({foreign.markdown(row['top1_tag'])})",
        "cells": [_cell(row, name) for name in metrics],
        "status": row["status"] if row["status"] == "ok" else f"{row['status']}: {foreign.markdown(row['reason'])}",
    }


def _cell(row: pd.Series, metric: str) -> str:
    factor = SCALES[COLUMNS[metric][1]][1]
    value, low, high = (row.get(f"{metric}{end}") for end in ("", "_low", "_high"))
    if value is None or pd.isna(value):
        return "–"
    text = format_significant(float(value) * factor)
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return text
    return f"{text} [{format_significant(float(low) * factor)}, {format_significant(float(high) * factor)}]"
