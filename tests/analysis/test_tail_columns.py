"""Quantiles of cases: columns of the wide table, of all calls of all visits of all processes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lambdabench as lb
from lambdabench import store
from lambdabench.analysis import table, tail_columns
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.record import Record, Visits, _columns_of

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "epyc-2-cores"
Rows = Callable[..., pd.DataFrame]


def visits_of(*counts: int) -> Visits:
    """So many calls in each visit."""
    visits = dataclasses.replace(_columns_of((), ()), samples=counts, round=tuple(range(len(counts))))
    nothing = tuple(0.0 for _ in counts)
    names = [field.name for field in dataclasses.fields(Visits) if field.name not in ("samples", "round")]
    return dataclasses.replace(
        visits, **{name: nothing for name in names if name not in ("cold", "throttle", "cold_s")}
    )


@pytest.fixture
def rows(make_record: Callable[..., Record], tmp_path: Path) -> Rows:
    """Rows of latency, one a process: its calls, and how many of them are of each visit."""

    def make(*processes: tuple[list[float], tuple[int, ...]], **changes: Any) -> pd.DataFrame:
        records: list[Record] = []
        for number, (calls, counts) in enumerate(processes):
            record = make_record("latency", float(np.median(calls)), replicate=number, case_id="c", **changes)
            assert record.measurement is not None
            measured = dataclasses.replace(
                record.measurement, samples=tuple(calls), visit_values=tuple(calls[: len(counts)])
            )
            visits = visits_of(*counts) if counts else None
            records.append(dataclasses.replace(record, measurement=measured, visits=visits))
        store.write(records, tmp_path / "a.parquet")
        return store.newest(store.read(tmp_path))

    return make


def test_all_calls_of_all_processes_count_disturbed_visits_too(rows: Rows) -> None:
    calm, disturbed = [0.010 + 1e-5 * (number % 7) for number in range(60)], [0.030, 0.031] * 6
    frame = rows((calm, (20, 20, 20)), (calm + disturbed, (30, 30, 12)))
    case = tail_columns.with_tails(table.wide(frame), frame, ("p50", "p95")).iloc[0]
    assert case["latency_calls"] == 132
    assert case["latency_p95"] == 0.030
    assert case["latency_p50"] < 0.0101
    assert case["latency_longest"] == 0.031
    assert np.isnan(case["latency_p95_high"]), "one visit of six was disturbed: who knows how many are"
    assert case["latency_p95_calls"] < 59


def test_a_visit_that_was_disturbed_counts_and_the_one_made_instead_does_not() -> None:
    row = {"samples": [1.0, 1.1, 5.0, 5.1, 1.2, 1.3], "visit_samples": [2, 2, 2], "visit_round": [4, 5, 5]}
    assert [floats.tolist() for floats in tail_columns.visits_of(row)] == [[1.0, 1.1], [5.0, 5.1]]


def test_a_bound_holds_what_processes_differ_by(rows: Rows) -> None:
    draw = np.random.default_rng(0)
    calls = [draw.lognormal(np.log(0.010), 0.01, 60).tolist() for _ in range(3)]
    frame = rows(*((call, (20, 20, 20)) for call in calls))
    cases = table.wide(frame)
    narrow, wide = (
        tail_columns.with_tails(cases.assign(latency_high=high), frame, ("p95",)).iloc[0]
        for high in (np.nan, 1.1 * cases["latency"].iloc[0])
    )
    assert narrow["latency_p95_low"] < narrow["latency_p95"] < narrow["latency_p95_high"] < 1.1 * narrow["latency_p95"]
    assert wide["latency_p95_high"] > 1.09 * narrow["latency_p95"]


def test_rows_in_one_piece_and_cases_without_calls(rows: Rows, make_record: Callable[..., Record]) -> None:
    frame = rows(([0.01] * 79 + [0.02], ()))
    assert tail_columns.with_tails(table.wide(frame), frame, ("p95",)).iloc[0]["latency_p95_high"] >= 0.01
    failed = store.frame([make_record(None, status="oom", reason="too large", case_id="d")])
    both = pd.concat([frame, failed], ignore_index=True)
    cases = tail_columns.with_limit(tail_columns.with_tails(table.wide(both), both, ("p95",)), both, 0.015)
    assert cases["latency_p95"].isna().tolist() == [False, True]
    assert cases["latency_over"].iloc[0] == pytest.approx(1 / 80)
    assert tail_columns.tail_of({str(key): item for key, item in cases.iloc[1].items()}, "p95") is None
    plain = table.wide(both)
    assert tail_columns.with_tails(plain, both.drop(columns="samples"), ("p95",)) is plain
    assert tail_columns.with_limit(plain, both, None) is plain


def test_quantiles_are_those_always_told_and_those_asked_for(rows: Rows) -> None:
    frame = rows(([0.01] * 60, (30, 30)), asked_at="p99.9")
    assert tail_columns.quantiles_of(frame, "p90") == ("p50", "p90", "p95", "p99", "p99.9")
    assert tail_columns.columns_in(lb.wide(frame)) == ("p50", "p95", "p99", "p99.9")
    assert tail_columns.columns_in(lb.wide(frame, quantiles="p90")) == ("p90",)
    assert tail_columns.columns_in(lb.wide(frame, quantiles=())) == ()
    with pytest.raises(LambdabenchError, match="quantiles: found '90', expected a quantile"):
        lb.wide(frame, quantiles="90")


def test_committed_rows_have_tails_and_were_asked_for_none() -> None:
    item = lb.read(REFERENCE)
    item = item[item["suite"] == "quickstart"]
    assert tail_columns.asked_in(item) == ()
    cases = lb.wide(item)
    timed = cases[cases["latency_p95"].notna()]
    assert len(timed) == 24
    assert (timed["latency_p50"] <= timed["latency_p95"]).all()
    assert (timed["latency_p95"] <= timed["latency_p99"]).all()
    assert (timed["latency_p99"] <= timed["latency_longest"]).all()
    assert (timed["latency_p50"] / timed["latency"] - 1).abs().max() < 0.08, (
        "the median of visits that were not disturbed"
    )
