"""One row a case: numbers with their intervals, accuracy joined where size and name agree, failures kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import table
from lambdabench.core.record import Record
from lambdabench.core.spec import options_from


def frame_of(records: list[Record], folder: Path) -> pd.DataFrame:
    store.write(records, folder / "a.parquet")
    return store.newest(store.read(folder))


def test_metrics_become_columns_and_accuracy_joins_on_size(make_record: Callable[..., Record], tmp_path: Path) -> None:
    rows = [
        make_record("latency", 0.1),
        make_record("throughput", 10.0),
        make_record("latency", 0.1, image_px=200, case_id="x"),
    ]
    wide = table.wide(frame_of(rows, tmp_path)).set_index("case_id")
    joined = wide.loc["resnet50-1"]
    assert joined["latency"] == pytest.approx(0.1)
    assert joined["throughput_low"] < 10 < joined["throughput_high"]
    assert joined["top1_source"].startswith("timm")
    assert joined["top1_low"] < joined["top1"] < joined["top1_high"]
    assert pd.isna(wide.loc["x", "top1"]), "no accuracy is published at 200 px"


def test_several_weights_give_several_points(make_record: Callable[..., Record], tmp_path: Path) -> None:
    frame = frame_of([make_record()], tmp_path)
    everything = table.wide(frame, ["all"])
    assert len(everything) > 5
    assert everything["top1_tag"].is_unique
    assert table.wide(frame, ["a1_in1k"]).iloc[0]["top1"] == 80.382


@pytest.mark.parametrize(
    ("weights", "tag", "data"),
    [
        (["imagenet-1k"], "ap_in1k", ""),
        (["best"], "ns_jft_in1k", "JFT-300M"),
        (["ra_in1k", "aa_in1k", "best"], "aa_in1k", ""),
        (["a1_in1k"], "", ""),
    ],
)
def test_more_data_is_no_property_of_an_architecture(
    weights: list[str], tag: str, data: str, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    frame = frame_of([make_record(model="tf_efficientnet_b6", image_px=528)], tmp_path)
    row = table.wide(frame, weights).iloc[0]
    assert (row["top1_tag"], row["top1_data"]) == (tag, data)
    assert table.wide(frame).iloc[0]["top1_tag"] == "ap_in1k", "what is compared has seen ImageNet-1k alone"
    if not tag:
        assert "ns_jft_in1k" in row["top1_elsewhere"]


def test_options_make_another_network_without_a_published_accuracy(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    wide = table.wide(frame_of([make_record(model="resnet50_llll", options=(("scope", 9),), case_id="x")], tmp_path))
    assert pd.isna(wide.iloc[0]["top1"])
    assert wide.iloc[0]["options.scope"] == 9
    assert json.loads(wide.iloc[0]["options"]) == {"scope": 9}


def test_a_failed_case_is_a_hole_with_its_reason(make_record: Callable[..., Record], tmp_path: Path) -> None:
    wide = table.wide(frame_of([make_record(None, status="oom", reason="too big")], tmp_path))
    assert wide.iloc[0]["status"] == "oom"
    assert wide.iloc[0]["reason"] == "too big"
    assert "latency" not in wide


def test_processes_of_a_case_tell_the_spread(make_record: Callable[..., Record], tmp_path: Path) -> None:
    rows: list[Any] = [make_record("latency", 0.1 * (1 + 0.02 * number), replicate=number) for number in range(3)]
    frame = frame_of([*rows, make_record("latency", 0.5, model="levit_256")], tmp_path)
    spread = table.spread(frame)
    assert spread is not None
    assert spread.dof == 2
    wide = table.wide(frame).set_index("model")
    assert wide.loc["resnet50", "latency_processes"] == 3
    assert set(wide["latency_covers"]) == {"between processes"}


def test_whatever_is_timed_has_an_interval(make_record: Callable[..., Record], tmp_path: Path) -> None:
    """Throughput of one device of several too."""
    rows: list[Any] = [
        make_record(metric, 10 * (1 + 0.02 * number), replicate=number)
        for metric in table.timed()
        for number in range(3)
    ]
    (row,) = table.wide(frame_of(rows, tmp_path)).to_dict("records")
    for metric in table.timed():
        assert row[f"{metric}_low"] < row[metric] < row[f"{metric}_high"]


def test_one_machines_spread_says_nothing_of_anothers(make_record: Callable[..., Record], tmp_path: Path) -> None:
    rows: list[Any] = [make_record("latency", 0.1 * (1 + 0.001 * number), replicate=number) for number in range(3)]
    elsewhere = [
        make_record("latency", 0.2, fingerprint="f01"),
        make_record("latency", 0.3, device="cuda:0", case_id="g"),
    ]
    wide = table.wide(frame_of([*rows, *elsewhere], tmp_path))
    covers = dict(zip(zip(wide["fingerprint"], wide["device"], strict=True), wide["latency_covers"], strict=True))
    here = rows[0].fingerprint
    assert covers == {
        (here, "cpu"): "between processes",
        ("f01", "cpu"): "one process",
        (here, "cuda:0"): "one process",
    }


@pytest.mark.parametrize(
    ("options", "top1"),
    [
        ({}, 78.4),
        ({"kernel": "einsum", "drop_rate": 0.2}, 78.4),
        ({"key_depth": 8}, 77.9),
        ({"shared_embeddings": True}, 78.0),
        ({"scope": 7, "kernel": "conv2d"}, 78.1),
        ({"key_depth": 5}, None),
    ],
)
def test_a_network_with_options_has_the_accuracy_that_was_published_of_it(
    options: dict[str, Any], top1: float | None, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    rows = table.wide(frame_of([make_record(model="resnet50_llll", options=options_from(options))], tmp_path))
    assert rows["top1"].tolist() == [top1]


def test_a_process_that_was_left_out_takes_nothing_from_one_that_ran(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    rows = [make_record(None, status="skipped", reason="budget", replicate=1), make_record("latency", 0.1)]
    wide = table.wide(frame_of(rows, tmp_path))
    assert wide.iloc[0]["status"] == "ok"
    assert wide.iloc[0]["latency"] == pytest.approx(0.1)


def test_processes_far_apart_leave_no_number(make_record: Callable[..., Record], tmp_path: Path) -> None:
    values = {"latency": (1 / 31, 1 / 5973, 1 / 41), "throughput": (31, 5973, 41), "peak_memory": (7, 7, 7)}
    rows = [make_record(key, item, replicate=at) for key, result in values.items() for at, item in enumerate(result)]
    row = table.wide(frame_of(rows, tmp_path)).iloc[0]
    assert row["status"] == "noisy"
    assert row["reason"].startswith(
        "latency of its 3 processes differs by a factor of 192.7; measure again with --fresh"
    )
    assert "throughput" not in row
    assert row["peak_memory"] == 7
    near = [make_record("latency", value, replicate=at) for at, value in enumerate((0.1, 0.19))]
    assert table.wide(frame_of(near, tmp_path)).iloc[0]["status"] == "ok"


def test_memory_of_several_processes_has_its_range(make_record: Callable[..., Record], tmp_path: Path) -> None:
    rows = [make_record("peak_memory", value, replicate=place) for place, value in enumerate((100.0, 130.0, 110.0))]
    rows.append(make_record("peak_memory", 7.0, case_id="once"))
    wide = table.wide(frame_of(rows, tmp_path)).set_index("case_id")
    several = wide.loc["resnet50-1"]
    assert (several["peak_memory_least"], several["peak_memory_most"]) == (100.0, 130.0)
    assert several["peak_memory"] == pytest.approx(340 / 3)
    assert pd.isna(wide.loc["once", "peak_memory_least"])


def test_a_case_keeps_all_that_its_environment_is(make_record: Callable[..., Record], tmp_path: Path) -> None:
    (row,) = table.wide(frame_of([make_record(model_hash="abc")], tmp_path)).to_dict("records")
    assert (row["model_hash"], row["env_lambdabench"], row["env_cores"]) == ("abc", "0.1.0+src.abc", 2)
