"""Accuracies that were measured of the very case: where they stand, whose they are, and how surely a front knows them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import table
from lambdabench.analysis.front_membership import membership, top1_sd
from lambdabench.analysis.pareto import best, groups, pareto
from lambdabench.analysis.published_accuracy import accuracy_sources
from lambdabench.core.record import TRAINED, Measurement, Record

SOURCE = "some images, 899 test images, 5 trainings"


def measured(make_record: Callable[..., Record], value: float, **changes: object) -> Record:
    row = make_record(None, replicate=TRAINED, weights="trained", **changes)
    accuracy = Measurement(
        metric="top1", unit="%", value=value, low=value - 1, high=value + 0.8, samples=(value,) * 5, loops_per_sample=899,
        statistic="mean_share", source=SOURCE,
    )  # fmt: skip
    return Record(**{name: getattr(row, name) for name in Record.__slots__} | {"measurement": accuracy})


def wide_of(rows: list[Record], folder: Path) -> pd.DataFrame:
    store.write(rows, folder / "a.parquet")
    return table.wide(store.newest(store.read(folder, table.NEEDED, coded=True)))


def test_it_stands_beside_speed_of_its_network_and_of_no_other(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    mine = {"model": "digits_conv_s", "image_px": 8, "case_id": "a"}
    other = {"model": "digits_conv_s", "image_px": 8, "case_id": "b", "threads": 1}
    rows = [
        measured(make_record, 97.0, **mine),
        make_record("throughput", 10.0, **mine),
        make_record("throughput", 9.0, **other),
        make_record("throughput", 9.0, model="digits_conv_m", image_px=8, case_id="c"),
    ]
    wide = wide_of(rows, tmp_path).set_index("case_id")
    assert wide.loc["a", ["top1", "top1_low", "top1_high"]].tolist() == [97.0, 96.0, pytest.approx(97.8)]
    assert (wide.loc["a", "top1_origin"], wide.loc["a", "top1_source"]) == ("measured", SOURCE)
    assert (wide.loc["a", "weights"], wide.loc["a", "throughput"]) == ("random", pytest.approx(10.0))
    assert wide.loc["b", "top1"] == 97.0, "another program of the network"
    assert pd.isna(wide.loc["c", "top1"]), "another network"
    assert [column for column in wide.columns if column.startswith("top1_processes")] == []
    assert accuracy_sources(wide, "measured") == [SOURCE]
    assert accuracy_sources(wide, "quoted") == []


def test_a_case_shows_what_was_measured_of_itself_before_what_is_published(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    wide = wide_of([make_record("throughput", 10.0), measured(make_record, 12.0)], tmp_path)
    assert len(wide) == 1
    assert (wide.loc[0, "top1_origin"], wide.loc[0, "top1"]) == ("measured", 12.0)
    assert accuracy_sources(wide, "quoted") == []


def test_a_training_alone_is_a_case_with_an_accuracy_and_no_speed(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    wide = wide_of([measured(make_record, 97.0, model="digits_conv_s", image_px=8)], tmp_path)
    assert wide["status"].tolist() == ["ok"]
    assert wide["top1"].tolist() == [97.0]
    assert "throughput" not in wide


def points(high: float) -> pd.DataFrame:
    """Two networks, the second faster and less accurate by a percent, known to so much."""
    return pd.DataFrame(
        {
            "model": ["a", "b"],
            "throughput": [100.0, 100.1],
            "throughput_low": [99.0, 99.1],
            "throughput_high": [101.0, 101.1],
            "top1": [97.0, 96.0],
            "top1_low": [97.0 - high, 96.0 - high],
            "top1_high": [97.0 + high, 96.0 + high],
            "top1_origin": "measured",
            "top1_tag": "",
            "image_px": 8,
            "batch_size": 1,
            "status": "ok",
        }
    )


def test_a_front_knows_measured_accuracies_as_well_as_their_intervals_say() -> None:
    sure, unsure = (pareto(points(high)).set_index("model")["membership"] for high in (0.01, 2.0))
    assert sure["a"] > 0.999
    assert sure["b"] == pytest.approx(0.53, abs=0.05), "only where it is the faster one"
    assert 0.7 < unsure["a"] < 0.95
    assert unsure["b"] > sure["b"]
    narrow, wide = (best(pareto(points(high)), "throughput", "top1") for high in (0.01, 2.0))
    slow = 0
    assert wide["high"].iloc[slow] - wide["low"].iloc[slow] > 10 * (
        narrow["high"].iloc[slow] - narrow["low"].iloc[slow]
    )


def test_without_errors_of_their_own_accuracies_have_those_of_the_validation_images() -> None:
    speed, sd, top1 = np.log([100.0, 101.0, 90.0]), np.full(3, 0.01), np.array([80.0, 79.9, 80.1])
    groups = np.arange(3)
    assert np.array_equal(membership(speed, sd, top1, groups), membership(speed, sd, top1, groups, top1_sd(top1)))


def test_two_networks_of_equal_accuracy_and_parameters_are_no_twins_for_having_no_tag() -> None:
    alike = points(1.0).assign(top1=[97.0, 97.0], top1_low=96.0, top1_high=98.0, parameters=1000.0)
    shares = pareto(alike)["membership"]
    assert (shares > 0.5).all()
    assert (shares < 0.95).all(), "either may be the better one"


def test_networks_that_were_tested_on_other_images_have_a_front_of_their_own() -> None:
    rows = points(100.0)
    both = pd.concat(
        [rows.assign(top1_on=""), rows.assign(top1_on="scikit-learn's digits", top1=99.0)], ignore_index=True
    )
    result = groups(both)
    assert [len(group.members) for group in result] == [len(rows), len(rows)]
    assert [group.told for group in result] == ["", "scikit-learn's digits"]
