"""Tables in narrow terminals: no number is cut; what has no room is named."""

import dataclasses
import io
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from lambdabench import store
from lambdabench.analysis import table, tail_columns
from lambdabench.analysis.page import Column
from lambdabench.cli import beside_view, run_view, show_view
from lambdabench.cli.case_labels import teller
from lambdabench.cli.case_table import case_table
from lambdabench.cli.tables import LONG, fitted, show
from lambdabench.core import fields
from lambdabench.core.record import Record
from lambdabench.core.spec import Case

WIDTHS = pytest.mark.parametrize("width", [60, 80, 150])


def case(model: str, batch_size: int, **changes: object) -> dict[str, object]:
    speed = 1234.5 / batch_size
    row = {
        "model": model,
        "image_px": 224,
        "backend": "torch_eager",
        "mode": "inference",
        "dtype": "float32",
        "layout": "contiguous",
        "options": "{}",
        "batch_size": batch_size,
        "requested_batch_size": batch_size,
        "status": "ok",
        "on_front": True,
        "top1": 81.53,
        "top1_low": 81.19,
        "top1_high": 81.87,
        "top1_origin": "quoted",
        "top1_tag": "augreg_in21k_ft_in1k",
        "throughput": speed,
        "throughput_low": 0.94 * speed,
        "throughput_high": 1.07 * speed,
        "latency": 1 / speed,
        "latency_low": 0.94 / speed,
        "latency_high": 1.07 / speed,
        "peak_memory": 1.23 * 2**28,
    }
    return row | changes


CASES = pd.DataFrame(
    [
        *(case("vit_small_patch16_224", batch) for batch in (1, 64)),
        *(case("lambda_resnet26t", batch, options='{"kernel":"conv2d","scope":23}') for batch in (1, 64)),
        *(case("lambda_resnet26t", batch, options='{"kernel":"einsum","scope":23}') for batch in (1, 64)),
        case("halonet26t", 64, throughput_low=None, throughput_high=None, mode="train"),
    ]
)


def rendered(table: Table, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), markup=False, highlight=False)
    console.print(table)
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    return text


@WIDTHS
def test_the_closing_table_is_never_cut(width: int) -> None:
    text = rendered(case_table(CASES, width), width)
    for part in ("[18.1, 20.6]", "19.3", "[0.761, 0.867]", "0.810"):
        assert part in text
    assert ("no room for: " in text) == (width == 80)
    assert ("19.3 [18.1, 20.6]" in text) == (width != 80), "under its value"
    assert ("top-1 %        81.5 ±0.3 q" in text) == (width == 60), "a line a cell"
    assert "scope" not in text, "all that have it have one"


def test_networks_alone_are_a_table_in_60_columns() -> None:
    text = rendered(case_table(CASES[:2], 60), 60)
    assert "no room for: px, top-1 %, GiB, b=64" in " ".join(text.split())
    assert "19.3 [18.1, 20.6]  0.810 [0.761, 0.867]" in text


@WIDTHS
def test_the_numbers_of_a_case_are_never_cut(width: int) -> None:
    rows = pd.DataFrame(
        {
            "metric": ["extra_memory", "latency", "throughput_per_device", "interaction_memory"],
            "unit": ["B", "s/step", "image/s/device", "B"],
            "value": [1e6, 0.0109, 91743.1, 123.0],
            "low": [None, 0.01071, 91001.2, None],
            "high": [None, 0.01102, 92222.3, None],
            "samples": [None, [0.1] * 120, None, None],
            "replicate": [0, 1, 0, 0],
            "origin": ["measured", "measured", "derived", "derived"],
            "source": ["", "", "of latency", "arXiv 2102.08602, Table 4"],
        }
    )
    console = Console(width=width, file=io.StringIO())
    console.print(show_view._metrics(rows, width))  # pyright: ignore[reportPrivateUsage]
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for part in ("[10.71, 11.02]", "10.90", "91,740", "[91,000, 92,220]", "0.0009313", "extra_memory"):
        assert part in text
    assert ("no room for: samples" in text) == (width < 150)


@WIDTHS
def test_what_stands_beside_a_run_is_never_cut(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=width, file=io.StringIO())
    monkeypatch.setattr(beside_view.paper_comparison, "cells", lambda item: item)
    monkeypatch.setattr(beside_view.paper_comparison, "legend", lambda result: ())
    line = (
        "Table 13",
        "resnet50_llll",
        "224",
        "1,160 image/s",
        "0.160",
        "64",
        "10.0 [9.90, 10.1] image/s",
        "0.50 [0.48, 0.52]",
    )
    beside_view.print_quoted(console, [line])  # pyright: ignore[reportArgumentType]
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert "…" not in text
    assert {"224", "1,160", "0.160", "10.0", "0.50"} <= set(text.split())


def test_a_list_keeps_its_numbers_whole() -> None:
    console = Console(width=40, file=io.StringIO())
    show_view.print_list(
        console, [{"run": "20261124T030343Z-6e7d" * 2, "cases": 123456, "device": "a long name " * 4}], "*"
    )
    assert "123456" in console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_columns_go_in_order_and_are_named() -> None:
    columns = [
        Column(title="a"),
        *(Column(title=name, is_number=True, drop=drop) for name, drop in (("b", 0), ("c", 1), ("d", 2))),
    ]
    row = ("text " * 8, "1,000", "2,000", "3,000")
    assert "no room" not in rendered(fitted(columns, [row], 60), 60)
    assert "no room for: d" in rendered(fitted(columns, [row], 28), 28)
    assert "no room for: c, d" in re.sub(r"\s+", " ", rendered(fitted(columns, [row], 20), 20))


def test_all_in_which_lines_differ_has_a_column_and_no_line_is_of_two_machines() -> None:
    others = ({"device_name": "a gpu"}, {"fingerprint": "beef00000000"}, {"threads": 4}, {"devices": 8})
    for other in others:
        plain = {"device_name": "a cpu", "fingerprint": "f00d00000000", "threads": 2, "devices": 1}
        cases = pd.DataFrame([case("levit_256", 64, **plain), case("levit_256", 64, **(plain | other))])
        text = rendered(case_table(cases, 150), 150)
        lines = [line for line in text.splitlines() if "levit_256" in line]
        assert len(lines) == 2, other
        assert lines[0] != lines[1]
        (name,) = other
        assert fields.NAMED[name].title in text.splitlines()[0]


def test_memory_has_its_range_over_processes() -> None:
    gib = 2.0**30
    wide = pd.DataFrame([case("a", 1, peak_memory=gib, peak_memory_least=0.9 * gib, peak_memory_most=1.3 * gib)])
    assert "1.0 (0.90 to 1.3)" in rendered(case_table(wide, 150), 150)
    alike = rendered(case_table(wide.assign(peak_memory_least=gib, peak_memory_most=gib), 150), 150)
    assert alike.splitlines()[1].endswith(" 1.0")


def test_of_cases_on_two_machines_each_first_line_says_which(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    records = [make_record(fingerprint=name, device_name=f"cpu {name}", case_id="c") for name in ("f00", "f01")]
    store.write(records, tmp_path / "a.parquet")
    rows = store.newest(store.read(tmp_path))
    console = Console(width=150, file=io.StringIO())
    show_view.print_cases(console, table.wide(rows), rows, lambda case: "again")
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert "resnet50 (cpu f00)  case c  ok" in text
    assert "resnet50 (cpu f01)  case c  ok" in text
    assert text.count("fingerprint f0") == 2


def test_progress_and_failures_tell_cases_of_one_model_apart() -> None:
    eager, compiled = (
        Case(model="a", backend=name, image_px=px) for name, px in (("torch_eager", 224), ("torch_compile", 320))
    )
    message = teller([eager, compiled])
    assert [message(eager), message(compiled)] == [" (torch_eager, 224 px)", " (torch_compile, 320 px)"]
    console = Console(width=150, file=io.StringIO())
    failed = pd.DataFrame(
        [
            case("a", 1, flags=""),
            case("a", 1, flags="", backend="torch_compile", status="oom", reason="too large"),
        ]
    )
    run_view._print_failed(console, failed, failed["status"] == "skipped")  # pyright: ignore[reportPrivateUsage]
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert text == "✗ a (torch_compile) b=1  oom: too large\n"


def test_show_tells_the_tail_of_latency_and_whether_enough_calls_bound_it(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    calls = tuple([0.03] * 90 + [0.3] * 10)
    record = make_record("latency", 0.03, case_id="c")
    measured = dataclasses.replace(record.measurement, samples=calls, value=0.03)
    store.write([dataclasses.replace(record, measurement=measured)], tmp_path / "a.parquet")
    rows = store.newest(store.read(tmp_path))
    cases = tail_columns.with_limit(tail_columns.with_tails(table.wide(rows), rows, ("p50", "p95", "p99")), rows, 0.025)
    console = Console(width=150, file=io.StringIO())
    show_view.print_cases(console, cases, rows, lambda case: "again", 0.025)
    getvalue = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert "tails   p50 30.0 ms not bounded: 3 of 5 calls (100 that come in bursts)" in getvalue
    assert "p95 300 ms not bounded" in getvalue
    assert "longest 300 ms" in getvalue
    assert "tails   of 100 calls, each end of an interval with 95 % confidence by itself, in one piece" in getvalue
    assert "tails   100 % [44, 100] of the calls took longer than 25 ms" in getvalue


def test_a_long_table_reads_as_a_short_one() -> None:
    columns = [Column(title="model"), Column(title="≈ s", is_number=True), Column(title="options")]
    rows = [(f"resnet{place}", f"{place}.5", "" if place % 2 else "scope=7") for place in range(LONG + 1)]
    string_io = io.StringIO()
    console = Console(file=string_io, width=80)
    show(console, columns, rows)
    plainly = string_io.getvalue().splitlines()
    console.print(fitted(columns, rows, 80))
    assert plainly == [line.rstrip() for line in string_io.getvalue().splitlines()[len(plainly) :]]
    assert len(plainly) == LONG + 2
