"""Which rows count: the newest of each metric, in an order that a clock which was ahead does not decide."""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import lambdabench as lb
from lambdabench import plan, store
from lambdabench.cli.app import app
from lambdabench.conduct.resume import done_in
from lambdabench.core.record import Outcome, Record, Visits, order_at, records_of
from lambdabench.core.row_flags import HALVED
from lambdabench.store.newest_rows import lined_up

DAY = "2026-01-{:02d}T00:00:00.000+00:00"
Rows = list[tuple[str, Any]]
"""(metric, value or status) of one run."""


def counted(runs: list[Rows], make_record: Callable[..., Record], folder: Path) -> Rows:
    """The rows that count of runs of one case, a day each, as they were given."""
    for day, rows in enumerate(runs, start=1):
        text = {"run_id": f"run{day}", "started_at": DAY.format(day)}
        made = [
            make_record(metric or None, status=item, reason="why", **text)
            if isinstance(item, str)
            else make_record(metric, item, **text)
            for metric, item in rows
        ]
        store.write(made, folder / f"{day}.parquet")
    newest = store.newest(store.read(folder))
    return [
        (
            "" if item["metric"] != item["metric"] else item["metric"],
            item["value"] if item["status"] == "ok" else item["status"],
        )
        for item in newest.to_dict("records")
    ]


@pytest.mark.parametrize(
    ("runs", "kept"),
    [
        ([[("latency", 1.0), ("throughput", 1.0)], [("latency", 2.0)]], [("latency", 2.0), ("throughput", 1.0)]),
        ([[("latency", 1.0)], [("throughput", 2.0)]], [("throughput", 2.0), ("latency", 1.0)]),
        ([[("latency", 1.0)], [("", "crash")]], [("", "crash")]),
        ([[("latency", 1.0)], [("latency", "wrong_output")]], [("latency", "wrong_output")]),
        ([[("latency", 1.0), ("throughput", 1.0)], [("", "crash")], [("latency", 3.0)]], [("latency", 3.0)]),
        ([[("throughput", "wrong_output")], [("latency", 2.0)]], [("latency", 2.0)]),
        ([[("latency", 1.0)], [("", "skipped")]], [("latency", 1.0)]),
        ([[("", "skipped")], [("", "skipped")]], [("", "skipped")]),
        ([[("", "crash")], [("", "skipped")]], [("", "crash")]),
        ([[("latency", 1.0), ("flops", 5.0)], [("latency", "noisy")]], [("latency", "noisy"), ("flops", 5.0)]),
        ([[("throughput", "noisy"), ("flops", 5.0)], [("latency", 2.0)]], [("latency", 2.0), ("flops", 5.0)]),
        ([[("flops", 1.0)], [("flops", "noisy")], [("latency", 2.0)]], [("latency", 2.0)]),
    ],
)
def test_the_newest_of_each_metric_counts_and_a_failure_of_the_whole_leaves_nothing_older(
    runs: list[Rows], kept: Rows, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    assert counted(runs, make_record, tmp_path) == kept


def test_processes_and_environments_have_a_newest_row_each(make_record: Callable[..., Record], tmp_path: Path) -> None:
    old, new = ({"run_id": f"run{day}", "started_at": DAY.format(day)} for day in (1, 2))
    rows = [make_record("latency", 1.0, **old), make_record("latency", 2.0, replicate=1, **old)]
    rows += [make_record("latency", 3.0, fingerprint="f01", **old), make_record("latency", 4.0, replicate=1, **new)]
    store.write(rows, tmp_path / "a.parquet")
    assert sorted(store.newest(store.read(tmp_path))["value"]) == [1.0, 3.0, 4.0]


def test_an_answer_of_fewer_metrics_takes_no_column_from_the_table(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    store.write([make_record("latency", 1.0), make_record("throughput", 1.0)], tmp_path / "a.parquet")
    store.write([make_record("latency", 2.0, run_id="run2", started_at=DAY.format(9))], tmp_path / "b.parquet")
    (row,) = lb.wide(lb.read(tmp_path)).to_dict("records")
    assert (row["latency"], row["throughput"], row["status"]) == (pytest.approx(2.0), pytest.approx(1.0), "ok")


FUTURE = "2099-01-01T00:00:00.000+00:00"


@pytest.mark.parametrize("version", [5, 6])
def test_a_clock_that_was_ahead_hides_nothing_that_is_measured_later(
    version: int, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    order = order_at(FUTURE) if version == 6 else None
    store.write(
        [make_record("latency", 4.0, started_at=FUTURE, run_id="ahead", run_order=order)], tmp_path / "s" / "a.parquet"
    )
    for count, value in enumerate((0.04, 0.05)):
        least = store.next_order(tmp_path)
        assert least > 4e12
        now = make_record("latency", value, run_id=f"run{count}", started_at=DAY.format(1), run_order=least)
        store.write([now], tmp_path / "s" / f"{count}.parquet")
        assert store.newest(store.read(tmp_path))["value"].tolist() == [value]
    assert store.read(tmp_path)["run_id"].tolist() == ["ahead", "run0", "run1"]


def test_where_clocks_agree_the_order_is_that_of_time(make_record: Callable[..., Record], tmp_path: Path) -> None:
    outcome = Outcome(job_id="j", status="oom", started_at=DAY.format(2))
    record = make_record(None)
    common = {
        name: getattr(record, name) for name in ("run_id", "suite", "case_id", "fingerprint", "replicate", "case")
    }
    rest = {"requested_batch_size": 1, "device_name": "a cpu", "environment": record.environment}
    (row,) = records_of(outcome, **common, **rest, run_order=7)
    assert row.run_order == 1767312000000
    (row,) = records_of(outcome, **common, **rest, run_order=1767312000001)
    assert row.run_order == 1767312000001
    store.write([make_record("latency", 1.0, started_at=DAY.format(1), run_id="old")], tmp_path / "a.parquet")
    store.write(
        [make_record("latency", 2.0, started_at=DAY.format(2), run_order=row.run_order)], tmp_path / "b.parquet"
    )
    assert store.newest(store.read(tmp_path))["value"].tolist() == [2.0]


def test_an_unreadable_file_of_another_suite_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing")
    assert store.next_order(tmp_path) == 1
    assert store.next_order(tmp_path / "absent") == 1


VISITS = Visits(**{field.name: (1, 2, 3) for field in dataclasses.fields(Visits)} | {"throttle": ("",) * 3})


def test_what_a_folder_answers_is_told_by_cell(make_record: Callable[..., Record], tmp_path: Path) -> None:
    rows = [
        make_record("latency", 1.0, case_id="a", asked_metrics="latency,compile", flags="unfinished", visits=VISITS),
        make_record("flops", 1.0, case_id="a", asked_metrics="latency,compile"),
        make_record("latency", 1.0, case_id="a", replicate=1),
        make_record(None, case_id="b", status="oom", flags=f"x,{HALVED}", asked_metrics="latency"),
        make_record("latency", 1.0, case_id="c", fingerprint="elsewhere"),
    ]
    store.write(rows, tmp_path / "a.parquet")
    assert done_in(tmp_path, "f00", ["latency", "throughput", "compile", "flops"]) == {
        ("a", 0): plan.Done(status="ok", visits=3, unfinished=True, metrics=frozenset({"latency", "compile", "flops"})),
        ("a", 1): plan.Done(status="ok"),
        ("b", 0): plan.Done(status="oom", halved=True, metrics=frozenset({"latency"})),
    }
    assert done_in(tmp_path / "absent", "f00", ["latency"]) == {}
    assert done_in(tmp_path, "nobody", ["latency"]) == {}


SUITE = """
schema = 1
title = "Scripted"
metrics = [{metrics}]
[defaults]
backend = "fake"
[[grid]]
model = "resnet50"
batch_size = [1, 4]
"""


def test_a_metric_that_is_added_to_a_suite_is_measured_on_the_next_run(away: Path) -> None:
    def run(metrics: str) -> str:
        (away / "mine.toml").write_text(SUITE.format(metrics=metrics))
        with contextlib.chdir(away):
            return CliRunner().invoke(app, ["run", "--suite", "mine.toml", "--dry-run"]).output + str(
                CliRunner().invoke(app, ["run", "--suite", "mine.toml"]).exit_code
            )

    assert "2 cases" in run('"latency", "parameters"')
    assert "0 cases" in run('"latency", "parameters"')
    assert "2 cases" in run('"latency", "parameters", "compile"')
    assert "0 cases" in run('"latency", "parameters", "compile"'), "which this backend has not"
    assert "0 cases" in run('"latency"')
    wide = lb.wide(lb.read(away / "results"))
    assert wide["parameters"].notna().all()


def test_rows_are_lined_up_by_order_then_time_then_run() -> None:
    drawn = np.random.default_rng(2)
    size = 400
    frame = pd.DataFrame(
        {
            "run_order": drawn.integers(1, 4, size),
            "started_at": [f"2026-01-01T00:00:0{second}.000+00:00" for second in drawn.integers(0, 3, size)],
            "run_id": [f"run{number}" for number in drawn.integers(0, 12, size)],
        }
    )
    expected = frame.sort_values(["run_order", "started_at", "run_id"], kind="stable")
    for rows in (frame, frame.astype({"started_at": "category", "run_id": "category"})):
        assert lined_up(rows).tolist() == expected.index.tolist()
        again = rows.loc[expected.index].reset_index(drop=True)
        assert lined_up(again).tolist() == list(range(size))
