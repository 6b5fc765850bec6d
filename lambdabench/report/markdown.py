"""reports/<suite>/index.md: one suite's cases as a Markdown page."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from ..analysis import accuracies, agreement
from ..analysis import quoted as the_paper
from ..analysis.agreement import Agreement
from ..analysis.quoted import Quoted
from ..analysis.resolution import mark
from ..analysis.tailed import columns_in
from ..core import fields, folders, foreign
from ..core.options import differing, phrase
from ..core.spec import Sampling, Suite
from ..core.units import SCALES, format_significant, format_time
from . import tails

TEMPLATE = """# {{ title }}

{% if source %}Source: {{ source }}.

{% endif %}{% for figure in figures %}![{{ figure }}]({{ figure }})

{% endfor %}| {{ titles | join(" | ") }} |
|{% for one in titles %}---|{% endfor %}
{% for row in rows %}| {{ row | join(" | ") }} |
{% endfor %}
{{ legend }}

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
{% endif %}{% if tails %}## The slowest calls

| {{ tails.titles | join(" | ") }} |
|{% for one in tails.titles %}---|{% endfor %}
{% for one in tails.rows %}| {{ one | join(" | ") }} |
{% endfor %}
{% for line in tails.legend %}- {{ line }}
{% endfor %}
{% endif %}## Conditions

{% for line in notes %}- {{ line }}
{% endfor %}
## How a number was made

{{ how }}
Repeat: {{ repeat }}
"""
LEGEND = """**q** quoted, never measured here; top-1 without it was measured. [low, high]: 95 % interval.
**●** on the front of accuracy against throughput at its batch size, of one program on one machine, with a probability over 0.95; **◐** with
the one it shows.
A number without an interval was read once a process; (least to most): of several processes."""
HOW = """Rounds of visits: every case is opened in {processes} fresh process{es}, and each round visits all of them once, in random
order; {rounds} visits and {budget_s:g} s a case, single synchronised calls, those at a visit's start apart. Intervals hold visits,
processes and rounds; rows that were measured in one piece hold the spread of processes, or say so. Throughput on a CPU is derived
from latency. Settings were read back from the live network; outputs were checked."""
OF_TESTS = """Times of one call in pytest-benchmark's own rounds, in the process of the tests; [low, high]: 95 % order-statistic interval
of their median within that process. Two processes differ by more. Nothing but the test itself says what it timed."""
COLUMNS = {
    "throughput": ("image/s", "image/s"),
    "latency": ("ms a step", "s/step"),
    "first_call": ("first call, s", "s"),
    "compile": ("compile, s", "s"),
    "peak_memory": ("peak memory, GiB", "B"),
    "parameters": ("parameters, M", "1"),
    "flops": ("GFLOP an image (2 x MAC)", "FLOP/image"),
}

ORDER = ("model", "image_px", "batch_size", "device_name", "backend", "mode", "dtype", "options")


def _how(sampling: Sampling) -> str:
    es = "" if sampling.processes == 1 else "es"
    return HOW.format(processes=sampling.processes, es=es, rounds=sampling.rounds, budget_s=sampling.case_budget_s)


def _mark(row: Any) -> str:
    """A model's place on its front, behind its name."""
    share = row.get("membership")
    if share is None or pd.isna(share):
        return " ●" if row.get("on_front") is True else ""
    return f" {mark(float(share))}" if mark(float(share)) != "·" else ""


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
    of_tests = len(cases) > 0 and "kind" in cases and bool((cases["kind"] == "test").all())
    cases = cases.sort_values([one for one in ORDER if one in cases], kind="stable")
    titles, rows = _tests(cases) if of_tests else _networks(cases)
    how = _how(suite.sampling)
    page = jinja2.Template(TEMPLATE.replace("\\\n", ""), keep_trailing_newline=True).render(
        suite=suite,
        title=foreign.markdown(suite.title or suite.name),
        source=foreign.markdown(suite.source),
        figures=[one.name for one in figures if one.suffix == ".svg"],
        titles=titles,
        rows=rows,
        legend="[low, high]: 95 % interval." if of_tests else LEGEND,
        how=OF_TESTS if of_tests else how,
        notes=[foreign.markdown(one) for one in notes],
        repeat=foreign.code(repeat or f"lambdabench run --suite {suite.name} --fresh"),
        quoted=_section(the_paper.TITLES, map(the_paper.cells, quoted), the_paper.legend(quoted)),
        tails=_tails(cases),
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


def _tails(cases: pd.DataFrame) -> dict[str, Any] | None:
    """The quantiles of latency with what names each case; None where cases have none."""
    if not columns_in(cases):
        return None
    heads, told = _apart(cases)
    sizes = zip(cases["model"], told, cases["image_px"], cases["batch_size"], strict=True)
    named = [(str(model), *words, str(int(px)), str(int(batch))) for model, words, px, batch in sizes]
    return _section(["model", *heads, "px", "batch", *tails.titles(cases)], tails.cells(cases, named), tails.LEGEND)


Table = tuple[list[str], list[list[str]]]


def _networks(cases: pd.DataFrame) -> Table:
    """(Titles, rows) of cases: model and all in which they differ, accuracy, numbers, status."""
    metrics = [name for name in COLUMNS if name in cases]
    heads, told = _apart(cases)
    titles = ["model", *heads, "px", "batch", "top-1 %", *(COLUMNS[name][0] for name in metrics), "status"]
    rows = [
        [
            f"{foreign.markdown(row['model'])}{_mark(row)}",
            *words,
            str(int(row["image_px"])),
            str(int(row["batch_size"])),
            _accuracy(row),
            *(_cell(row, name) for name in metrics),
            _status(row),
        ]
        for (_, row), words in zip(cases.iterrows(), told, strict=True)
    ]
    return titles, rows


def _tests(cases: pd.DataFrame) -> Table:
    """(Titles, rows) of benchmarks: name and all in which they differ, time, status."""
    heads, told = _apart(cases)
    rows = [
        [foreign.markdown(str(row["model"])), *words, _time(row), _status(row)]
        for (_, row), words in zip(cases.iterrows(), told, strict=True)
    ]
    return ["test", *heads, "time of a call", "status"], rows


def _apart(cases: pd.DataFrame) -> Table:
    """(Titles, words of each row) of the fields in which cases differ, and of their options as far as these do."""
    known = [one for one in (*(field.name for field in fields.FIELDS), "options") if one in cases]
    rows = [{str(key): one for key, one in row.items()} for row in cases[known].to_dict("records")]
    varied = fields.varying(rows)
    told = [[foreign.markdown(fields.word(one, fields.value(row, one))) for one in varied] for row in rows]
    given = [fields.options(row) for row in rows]
    keys = differing([(str(row["model"]), one) for row, one in zip(rows, given, strict=True)])
    if not keys:
        return [one.title for one in varied], told
    spelled = [foreign.markdown(phrase(one, keys)) for one in given]
    return [*(one.title for one in varied), "options"], [[*one, text] for one, text in zip(told, spelled, strict=True)]


def _accuracy(row: pd.Series) -> str:
    top1 = row.get("top1")
    told = foreign.markdown(str(row.get("top1_tag", "")))
    return "–" if top1 is None or pd.isna(top1) else f"{top1:.1f}{accuracies.mark(row)} ({told})"


def _status(row: pd.Series) -> str:
    return str(row["status"]) if row["status"] == "ok" else f"{row['status']}: {foreign.markdown(row['reason'])}"


def _time(row: pd.Series) -> str:
    """Seconds in the unit that suits them, "1.2 ms [1.1 ms, 1.3 ms]"."""
    value, low, high = (row.get(f"latency{end}") for end in ("", "_low", "_high"))
    if value is None or pd.isna(value):
        return "–"
    bounds = "" if low is None or pd.isna(low) else f" [{format_time(float(low))}, {format_time(float(high or 0))}]"
    return f"{format_time(float(value))}{bounds}"


def _cell(row: pd.Series, metric: str) -> str:
    factor = SCALES[COLUMNS[metric][1]][1]
    value, low, high = (row.get(f"{metric}{end}") for end in ("", "_low", "_high"))
    if value is None or pd.isna(value):
        return "–"
    text = format_significant(float(value) * factor)
    if low is not None and high is not None and not pd.isna(low) and not pd.isna(high):
        return f"{text} [{format_significant(float(low) * factor)}, {format_significant(float(high) * factor)}]"
    least, most = row.get(f"{metric}_least"), row.get(f"{metric}_most")
    if least is None or most is None or pd.isna(least) or pd.isna(most) or least == most:
        return text
    return f"{text} ({format_significant(float(least) * factor)} to {format_significant(float(most) * factor)})"
