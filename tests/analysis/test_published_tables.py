"""Figures that must come out of timm's published tables of speed, where a folder of them is given: LAMBDABENCH_TIMM_TABLES."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lambdabench.analysis.compare import pairs, rows_of, shift
from lambdabench.analysis.equal_accuracy import Points, compared
from lambdabench.facts import accuracies
from lambdabench.store.published_speeds import read_speeds

VARIABLE = "LAMBDABENCH_TIMM_TABLES"
"""A folder of timm's benchmark tables, https://github.com/huggingface/pytorch-image-models/tree/main/results."""
TABLES = {
    "3090": "benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv",
    "3090n": "benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv",
    "5090c": "benchmark-infer-amp-nchw-pt291-cu130-5090-dynamo.csv",
    "i9": "benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo.csv",
}
EFFICIENTNET = {
    224: "b0.aa",
    240: "b1.aa",
    260: "b2.aa",
    300: "b3.aa",
    380: "b4.aa",
    456: "b5.ra",
    528: "b6.aa",
    600: "b7.ra",
}
"""The recipes of 2019 by image size: the curve that the paper compares with."""


@pytest.fixture
def table() -> Callable[[str], pd.DataFrame]:
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} names no folder of timm's benchmark tables")
    return lambda name: read_speeds(Path(folder, TABLES[name]))


@pytest.mark.parametrize(
    ("b", "counts", "value", "spread", "moved", "first", "families"),
    [
        (
            "3090n",
            (1316, 114, 13, 0),
            1.0832,
            0.1087,
            15,
            ("efficientnet_b3_gn", 288, 0.45),
            {"convmixer": 0.463, "mobilevitv2": 0.805},
        ),
        (
            "5090c",
            (1162, 278, 3, 187),
            3.4408,
            0.1766,
            8,
            ("efficientformerv2_s0", 224, 6.47),
            {"efficientformerv2": 5.60, "convmixer": 0.354, "mobileone": 2.02, "lambda": 0.545},
        ),
    ],
)
def test_published_tables(  # noqa: PLR0917 (a row of what is expected)
    b: str,
    counts: tuple[int, ...],
    value: float,
    spread: float,
    moved: int,
    first: tuple[str, int, float],
    families: dict[str, float],
    table: Callable[[str], pd.DataFrame],
) -> None:
    result = pairs(rows_of(table("3090")), rows_of(table(b)), "throughput")
    assert (len(result.equal), result.other_batch, result.only_a, result.only_b) == counts
    text = shift(result.equal, {})
    assert text.value == pytest.approx(value, abs=5e-5)
    assert text.spread == pytest.approx(spread, abs=5e-5)
    assert text.low is not None
    assert text.high is not None
    assert text.low < text.value < text.high < 1.05 * text.low
    assert len(text.moved) == moved
    farthest = text.moved[0]
    assert (farthest.pair.a["model"], farthest.pair.a["image_px"]) == first[:2]
    assert farthest.own == pytest.approx(first[2], abs=0.006)
    known = {family.name: family.own for family in text.families}
    assert {name: known[name] for name in families} == pytest.approx(families, abs=0.006)


def test_a_cpu_at_batch_1_and_a_gpu_at_256_have_no_pair(table: Callable[[str], pd.DataFrame]) -> None:
    result = pairs(rows_of(table("3090")), rows_of(table("i9")), "throughput")
    assert result.equal == ()
    assert result.other_batch > 1000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("3090", {"lambda_resnet50ts": 1.01, "lambda_resnet26t": 0.87, "lambda_resnet26rpt_256": 0.61}),
        ("5090c", {"lambda_resnet50ts": 0.74, "lambda_resnet26t": 0.68, "lambda_resnet26rpt_256": 0.90}),
        ("i9", {"lambda_resnet50ts": 1.11, "lambda_resnet26t": 1.72, "lambda_resnet26rpt_256": 1.49}),
    ],
)
def test_timms_lambda_networks_over_efficientnet_at_equal_accuracy(
    name: str, expected: dict[str, float], table: Callable[[str], pd.DataFrame]
) -> None:
    speeds = {(series["model"], series["image_px"]): series["throughput"] for _, series in table(name).iterrows()}
    known = {(f"{accuracy.architecture}.{accuracy.tag}", accuracy.eval_px): accuracy.value for accuracy in accuracies()}
    curve = [
        (1 / speeds[key], known[f"tf_efficientnet_{recipe}_in1k", px])
        for px, recipe in EFFICIENTNET.items()
        if (key := (f"tf_efficientnet_{recipe[:2]}", px)) in speeds
    ]
    for model, value in expected.items():
        top1 = next(
            accuracy.value for accuracy in accuracies() if (accuracy.architecture, accuracy.eval_px) == (model, 256)
        )
        seconds, accuracy = np.array([(1 / speeds[model, 256], top1), *curve]).T
        points = Points(
            seconds=seconds, log_sd=np.full(len(seconds), math.nan), top1=accuracy, weights=np.arange(len(seconds))
        )
        comparison = compared(points, np.array([0]), np.arange(1, len(seconds)))
        assert comparison.at == ()
        assert comparison.mean.value == pytest.approx(value, abs=0.006)
