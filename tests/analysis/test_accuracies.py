"""Which measured accuracy stands beside which speed, and when it does so before a published one."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis.table import wide
from lambdabench.core.evaluation import SUITE
from lambdabench.core.record import Measurement, Record

Make = Callable[..., Record]
PUBLISHED = "resnet50"
NOBODYS = "resnet18d_nobodys"


@pytest.fixture
def speed(make_record: Make) -> Make:
    return lambda **changes: make_record("throughput", 50.0, **{"model": NOBODYS} | changes)


@pytest.fixture
def accuracy(make_record: Make) -> Make:
    def make(value: float, **changes: Any) -> Record:
        known = {"suite": SUITE, "model": NOBODYS, "weights": "3f2a1b4c5d6e", "case_id": f"e{value}", "flags": ""}
        record = make_record("top1", value, **known | changes)
        measurement = Measurement(
            metric="top1", unit="%", value=value, low=value - 1, high=value + 1, source="100 images of val, 0123"
        )
        return dataclasses.replace(record, measurement=measurement)

    return make


def joined(records: Sequence[Record], weights: Sequence[str] = ("imagenet-1k",)) -> pd.DataFrame:
    """The cases of speed."""
    cases = wide(store.newest(store.frame(records)), weights)
    return cases[cases["suite"] != SUITE].reset_index(drop=True)


def top1_of(records: Sequence[Record], weights: Sequence[str] = ("imagenet-1k",)) -> list[float | None]:
    series = joined(records, weights)["top1"]
    return [None if pd.isna(value) else float(value) for value in series]


def test_a_measured_accuracy_stands_where_nothing_is_quoted(speed: Make, accuracy: Make) -> None:
    (row,) = joined([speed(), accuracy(70.0)]).to_dict("records")
    assert (row["top1"], row["top1_low"], row["top1_high"]) == (70.0, 69.0, 71.0)
    assert (row["top1_origin"], row["top1_tag"]) == ("measured", "3f2a1b4c5d6e")
    assert row["top1_source"] == "100 images of val, 0123"
    assert row["throughput"] == pytest.approx(50.0)
    assert joined([speed()])["top1_origin"].tolist() == [""]


def test_a_quoted_one_stands_unless_measured_is_asked_for(speed: Make, accuracy: Make) -> None:
    records = [speed(model=PUBLISHED), accuracy(70.0, model=PUBLISHED)]
    quoted = joined(records)
    assert quoted["top1_origin"].tolist() == ["quoted"]
    assert quoted["top1"].iloc[0] > 75
    for weights in (("measured",), ("measured", "imagenet-1k")):
        rows = joined(records, weights)
        assert rows["top1_origin"].tolist() == ["measured"]
        assert rows["top1"].tolist() == [70.0]
    assert joined(records, ("imagenet-1k", "measured"))["top1_origin"].tolist() == ["quoted"]


def test_measured_alone_leaves_a_hole_where_nothing_was(speed: Make, accuracy: Make) -> None:
    records = [speed(model=PUBLISHED), speed(), accuracy(70.0)]
    assert top1_of(records, ("measured",)) == [None, 70.0]
    both = joined(records, ("measured", "imagenet-1k"))
    assert both["top1_origin"].tolist() == ["quoted", "measured"]


@pytest.mark.parametrize(
    "changes",
    [
        {"image_px": 160},
        {"options": (("num_classes", 10),)},
        {"mode": "features"},
        {"model_hash": "0123456789ab"},
        {"weights": "another"},
    ],
)
def test_another_network_does_not_take_it(changes: dict[str, Any], speed: Make, accuracy: Make) -> None:
    assert top1_of([speed(**changes), accuracy(70.0)]) == [None]


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": "3f2a1b4c5d6e"},
        {"weights": "seeded", "options": (("weights", "seeded"),)},
        {"options": (("kernel", "portable"), ("fold", True))},
        {"fingerprint": "f99"},
        {"mode": "train"},
        {"backend": "torch_compile"},
    ],
)
def test_the_same_network_takes_it_however_it_was_timed(changes: dict[str, Any], speed: Make, accuracy: Make) -> None:
    assert top1_of([speed(**changes), accuracy(70.0)]) == [70.0]


def test_the_same_program_counts_before_float32_eager(speed: Make, accuracy: Make) -> None:
    eager, half = accuracy(70.0), accuracy(69.0, dtype="bfloat16")
    assert top1_of([speed(dtype="bfloat16"), eager, half]) == [69.0]
    assert top1_of([speed(), eager, half]) == [70.0]
    assert top1_of([speed(dtype="float16"), eager, half]) == [70.0]
    assert top1_of([speed(dtype="float16"), half]) == [None]


def test_all_images_count_before_a_part_and_the_newest_before_older_ones(speed: Make, accuracy: Make) -> None:
    part = accuracy(90.0, flags="limited", started_at="2026-03-01T00:00:00.000+00:00")
    old, new = accuracy(70.0), accuracy(71.0, started_at="2026-02-01T00:00:00.000+00:00")
    assert top1_of([speed(), part, new, old]) == [71.0]
    assert top1_of([speed(), part]) == [90.0]


def test_a_case_shows_what_it_measured_itself_and_its_suite_shares_it(speed: Make, accuracy: Make) -> None:
    """A suite that trains its networks."""
    own = speed(case_id="own", suite="small")
    trained = accuracy(98.0, case_id="own", suite="small", weights="trained", replicate=1)
    again = speed(case_id="further", suite="small", batch_size=8)
    elsewhere = speed(case_id="elsewhere", suite="another")
    assert top1_of([own, again, elsewhere, trained]) == [98.0, 98.0, None]
    published = [
        dataclasses.replace(record, case=dataclasses.replace(record.case, model=PUBLISHED)) for record in (own, trained)
    ]
    rows = joined(published)
    assert rows["top1_origin"].tolist() == ["measured"]


def test_several_trainings_are_taken_together(speed: Make, accuracy: Make) -> None:
    trainings = [
        accuracy(value, case_id="own", suite="small", weights="trained", replicate=number)
        for number, value in enumerate((94.0, 96.0, 98.0))
    ]
    (row,) = joined([speed(case_id="own", suite="small"), *trainings]).to_dict("records")
    assert (row["top1"], row["top1_low"], row["top1_high"]) == (96.0, 94.0, 98.0)


def test_an_evaluation_is_a_case_of_its_own_in_the_whole_table(accuracy: Make) -> None:
    (row,) = wide(store.newest(store.frame([accuracy(70.0, model=PUBLISHED)]))).to_dict("records")
    assert (row["top1"], row["top1_origin"], row["status"]) == (70.0, "measured", "ok")
    assert "top1_processes" not in row
