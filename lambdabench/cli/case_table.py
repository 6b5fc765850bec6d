"""The closing table of a run: a line a model and size, best first."""

from collections.abc import Sequence

import pandas as pd
from rich.table import Table

from ..analysis.pareto import asked_batch
from ..core.units import format_significant

TELLING = ["backend", "mode", "dtype", "layout", "options"]
KEYS = ["model", "image_px", *TELLING]
MARKS = {True: "●", False: "·"}


def case_table(cases: pd.DataFrame, tagged: bool) -> Table:
    """A line a model and size: throughput at its largest batch, latency at its smallest; `tagged`: with the tag of the quoted
    weights. What differs among the lines (backend, mode, dtype, layout, options) has a column each."""
    varied = [key for key in TELLING if cases[key].nunique() > 1]
    cases = cases.assign(asked=asked_batch(cases))
    ok = cases[cases["status"] == "ok"]
    largest, smallest = int(cases["asked"].max()), int(cases["asked"].min())
    table = Table(box=None, pad_edge=False)
    table.add_column("front")
    table.add_column("model", no_wrap=True)
    for key in varied:
        table.add_column(key, overflow="fold")
    for title in ("px", "top-1 %", f"image/s, b={largest}", f"ms, b={smallest}", f"GiB, b={largest}"):
        table.add_column(title, justify="right")
    order = ok[ok["asked"] == largest].set_index(KEYS).get("throughput", pd.Series(dtype=float))
    groups = sorted(cases.groupby(KEYS, sort=False), key=lambda item: -float(order.get(item[0], -1.0)))
    for _, group in groups:
        table.add_row(*_line(group, largest, smallest, tagged, varied))
    return table


def _line(group: pd.DataFrame, largest: int, smallest: int, tagged: bool, varied: Sequence[str]) -> tuple[str, ...]:
    first = group.iloc[0]
    big = group[(group["asked"] == largest) & (group["status"] == "ok")]
    small = group[(group["asked"] == smallest) & (group["status"] == "ok")]
    failed = bool((group["status"] != "ok").all())
    on_front = [bool(one) for one in big.get("on_front", ()) if one is not None and not pd.isna(one)]
    mark = MARKS[on_front[0]] if on_front else "✗" if failed else " "
    tag = f".{first['top1_tag']}" if tagged and first.get("top1_tag") else ""
    top1 = first.get("top1")
    quoted = (
        "–" if top1 is None or pd.isna(top1) else f"{top1:.1f} ±{(first['top1_high'] - first['top1_low']) / 2:.1f} q"
    )
    size = f"{first['model']}{tag}"
    peak = big.iloc[0].get("peak_memory") if len(big) else None
    return (
        mark,
        size,
        *("" if first[key] == "{}" else str(first[key]) for key in varied),
        str(int(first["image_px"])),
        quoted,
        _number(big, "throughput", 1.0),
        _number(small, "latency", 1e3),
        format_significant(None if peak is None or pd.isna(peak) else float(peak) / 2**30, 2),
    )


def _number(rows: pd.DataFrame, metric: str, factor: float) -> str:
    if rows.empty or pd.isna(rows.iloc[0].get(metric, float("nan"))):
        return "–"
    row = rows.iloc[0]
    text = format_significant(float(row[metric]) * factor)
    low, high = row.get(f"{metric}_low"), row.get(f"{metric}_high")
    fitted = "" if row["batch_size"] == row["asked"] else f" (b={row['batch_size']})"
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return f"{text} [one process, few samples]{fitted}"
    return f"{text} [{format_significant(float(low) * factor)}, {format_significant(float(high) * factor)}]{fitted}"
