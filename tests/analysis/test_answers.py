"""A line of the table of answers reads as typed answers: values with what they are known to, from where, and how they are told."""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import answers as answering
from lambdabench.analysis import table
from lambdabench.analysis.answers import answer
from lambdabench.core.record import Record

GIB = 2.0**30


@pytest.fixture
def cases(make_record: Callable[..., Record], tmp_path: Path) -> pd.DataFrame:
    records = [
        make_record("latency", 0.02, case_id="a", replicate=0),
        make_record("latency", 0.021, case_id="a", replicate=1),
        make_record("peak_memory", 1.0 * GIB, case_id="a", replicate=0),
        make_record("peak_memory", 1.5 * GIB, case_id="a", replicate=1),
        make_record("parameters", 25e6, case_id="b", model="other", image_px=31),
    ]
    store.write(records, tmp_path / "a.parquet")
    return table.wide(store.newest(store.read(tmp_path)))


def test_a_value_comes_with_its_interval_or_its_range(cases: pd.DataFrame) -> None:
    first, second = answering.lines(cases)
    time, memory = answer(first, "latency"), answer(first, "peak_memory")
    assert time.estimate is not None
    assert time.estimate.low < 0.02 < 0.021 < time.estimate.high
    assert time.estimate.processes == 2
    assert time.covers == "between processes"
    assert (memory.interval, memory.extremes) == (None, (GIB, 1.5 * GIB))
    assert memory.words() == "1.25 (1.00 to 1.50)"
    assert time.words().startswith("20.5 [")
    absent = answer(second, "latency")
    assert (absent.value, absent.estimate, absent.bounds, absent.words()) == (None, None, None, "–")
    assert answer(second, "parameters").words() == "25.0"


def test_origins_are_of_rows_and_of_facts(cases: pd.DataFrame) -> None:
    line = answering.lines(cases)[0]
    assert answer(line, "latency").origin == "measured"
    quoted = answer({"top1": 80.4, "top1_low": 80.0, "top1_high": 80.8, "top1_origin": "quoted"}, "top1")
    assert quoted.words() == "80.4 ±0.4 q"
    assert answer({"top1": 80.4}, "top1").words() == "80.4"


def test_all_answers_are_those_that_have_a_number(cases: pd.DataFrame) -> None:
    every = list(answering.answers(cases))
    names = [(item.metric.name, item.status) for item in every]
    assert [item.case["case_id"] for item in every] == ["a", "a", "a", "b"]
    assert names == [("latency", "ok"), ("peak_memory", "ok"), ("top1", "ok"), ("parameters", "ok")]


def test_an_error_beside_other_cases_is_taken_before_that_of_the_interval() -> None:
    cases = pd.DataFrame({"throughput": [10.0, 20.0], "throughput_low": [9.0, 18.0], "throughput_high": [11.0, 22.0]})
    wide = answering.log_sd(cases, "throughput")
    assert wide is not None
    assert wide == pytest.approx([math.log(11 / 9) / 3.92] * 2, rel=1e-3)
    known = answering.log_sd(cases.assign(throughput_sd=[0.01, math.nan]), "throughput")
    assert known is not None
    assert known == pytest.approx([0.01, wide[1]])
    assert answering.log_sd(cases.assign(throughput_low=[9.0, math.nan]), "throughput") is None
