"""Visits of two runs are one case's where the second went on, and not where it began anew."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.core.record import Record, Visits


def visits(*rounds: int) -> Visits:
    none = {field.name: tuple(0.0 for _ in rounds) for field in dataclasses.fields(Visits)}
    text = {
        "round": rounds,
        "samples": tuple(1 for _ in rounds),
        "cold": tuple(0 for _ in rounds),
        "cold_s": (),
        "throttle": tuple("" for _ in rounds),
    }
    return Visits(**(none | text))  # pyright: ignore[reportArgumentType]


@pytest.fixture
def counted(make_record: Callable[..., Record], tmp_path: Path) -> Callable[..., set[tuple[str, str, int]]]:
    """(Run, metric, process) of the rows that count."""

    def count(*rows: tuple[str, int, str, int]) -> set[tuple[str, str, int]]:
        for run in {row[0] for row in rows}:
            records: list[Any] = []
            for name, order, metric, replicate in rows:
                if name != run:
                    continue
                is_crash = metric == "crash"
                text = {"status": "crash", "reason": "why"} if is_crash else {}
                seen = {"visits": visits(1, 2)} if metric in ("latency", "throughput") else {}
                known = {"run_id": run, "run_order": order, "replicate": replicate, "case_id": "c" * 12}
                known |= {"asked_metrics": "latency,throughput,parameters"}
                records.append(make_record(None if is_crash else metric, **known, **text, **seen))
            store.write(records, tmp_path / "s" / f"{run}.parquet")
        frame: pd.DataFrame = store.newest(store.read(tmp_path))
        return set(zip(frame["run_id"], frame["metric"].fillna("crash"), frame["replicate"], strict=True))

    return count


def test_a_run_that_goes_on_has_further_processes(counted: Callable[..., set[tuple[str, str, int]]]) -> None:
    assert counted(("a", 1, "latency", 0), ("a", 1, "latency", 1), ("b", 2, "latency", 2)) == {
        ("a", "latency", 0), ("a", "latency", 1), ("b", "latency", 2),
    }  # fmt: skip


def test_a_run_that_began_anew_leaves_nothing_of_the_one_before(
    counted: Callable[..., set[tuple[str, str, int]]],
) -> None:
    """It was ended in its first process."""
    rows = [("a", 1, "latency", 0), ("a", 1, "latency", 1), ("a", 1, "latency", 2), ("b", 2, "latency", 0)]
    assert counted(*rows) == {("b", "latency", 0)}


def test_a_metric_that_it_did_not_measure_is_the_older_ones(counted: Callable[..., set[tuple[str, str, int]]]) -> None:
    rows = [("a", 1, "latency", 0), ("a", 1, "throughput", 0), ("a", 1, "throughput", 1), ("b", 2, "latency", 0)]
    assert counted(*rows) == {("b", "latency", 0), ("a", "throughput", 0), ("a", "throughput", 1)}


def test_a_failure_of_a_further_process_is_gone_with_the_run_that_it_was_of(
    counted: Callable[..., set[tuple[str, str, int]]],
) -> None:
    """The second run had time for one process."""
    rows = [("a", 1, "latency", 0), ("a", 1, "parameters", 0), ("a", 1, "crash", 1)]
    rows += [("b", 2, "latency", 0), ("b", 2, "parameters", 0)]
    assert counted(*rows) == {("b", "latency", 0), ("b", "parameters", 0)}


def test_a_case_that_fails_when_it_is_begun_anew_keeps_no_visits_of_before(
    counted: Callable[..., set[tuple[str, str, int]]],
) -> None:
    rows = [("a", 1, "latency", 0), ("a", 1, "latency", 1), ("a", 1, "parameters", 1), ("b", 2, "crash", 0)]
    assert counted(*rows) == {("b", "crash", 0)}
