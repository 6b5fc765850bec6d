"""Rows that were made in visits, as the wide table tells them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import table
from lambdabench.core.record import Record, Visits


def in_visits(record: Record, rounds: tuple[int, ...]) -> Record:
    """The record as if its samples had been made in visits, a value each."""
    assert record.measurement is not None
    values = tuple(record.measurement.value * (1 + 0.01 * number) for number in rounds)  # pyright: ignore[reportOptionalOperand]
    alike = {field.name: rounds for field in dataclasses.fields(Visits)} | {"throttle": ("",) * len(rounds)}
    visits = Visits(**alike)  # pyright: ignore[reportArgumentType]
    return dataclasses.replace(
        record, measurement=dataclasses.replace(record.measurement, visit_values=values), visits=visits
    )


def test_calls_of_one_visit_are_no_interval_of_its_case(make_record: Callable[..., Record], tmp_path: Path) -> None:
    """Beside a case that was measured in one piece, and one with visits enough."""
    rows: list[Any] = [
        in_visits(make_record("latency", 0.1, case_id="once"), (1,)),
        make_record("latency", 0.1, case_id="whole"),
        *(
            in_visits(
                make_record("latency", 0.2, case_id="often", replicate=number), tuple(range(3 * number, 3 * number + 3))
            )
            for number in range(3)
        ),
    ]
    store.write(rows, tmp_path / "a.parquet")
    wide: Any = table.wide(store.newest(store.read(tmp_path))).set_index("case_id").to_dict("index")
    once, whole, often = wide["once"], wide["whole"], wide["often"]
    assert once["latency"] == pytest.approx(0.1)
    assert all(pd.isna(once[name]) for name in ("latency_low", "latency_high", "latency_covers"))
    assert whole["latency_low"] < 0.1 < whole["latency_high"]
    assert often["latency_low"] < often["latency"] < often["latency_high"]
    assert often["latency_covers"] == "between processes"
