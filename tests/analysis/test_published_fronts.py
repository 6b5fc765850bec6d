"""Fronts of the speeds that timm publishes, with the accuracies of facts: who is on them, and how probably.

The tables are timm's own and not here: LAMBDABENCH_TIMM_TABLES names a folder with the CSV files of
https://github.com/huggingface/pytorch-image-models/tree/main/results. Speeds are taken to be known to 3 %.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lambdabench.analysis.pareto import WIDTH, pareto
from lambdabench.analysis.published_accuracy import with_accuracy

TABLES = "LAMBDABENCH_TIMM_TABLES"
RTX_3090 = "benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv"
CORE_I9 = "benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo.csv"
SD = 0.03
OUTSIDE = 0.1

pytestmark = pytest.mark.skipif(TABLES not in os.environ, reason=f"set {TABLES} to a folder with timm's results")


def points_of(table: str) -> pd.DataFrame:
    """The table's networks that have an accuracy at the size that was timed, the best of their weights."""
    speeds = pd.read_csv(Path(os.environ[TABLES]) / table, thousands=",")
    cases = pd.DataFrame(
        {
            "model": speeds["model"],
            "image_px": speeds["infer_img_size"],
            "throughput": speeds["infer_samples_per_sec"],
            "parameters": speeds["param_count"],
        }
    ).assign(kind="model", mode="inference", backend="torch_eager", options="{}", status="ok", batch_size=1)
    reach = np.exp(WIDTH * SD)
    cases = cases.assign(throughput_low=cases["throughput"] / reach, throughput_high=cases["throughput"] * reach)
    rows = with_accuracy(cases, ["best"])
    return rows[rows["top1"].notna()].reset_index(drop=True)


@dataclass(frozen=True, kw_only=True)
class Told:
    """Of a table's front: its size, the expected one, its least probable member, how many others have more than `OUTSIDE`, and the most
    probable of these."""

    count: int
    size: int
    expected: float
    lowest: tuple[str, int, float]
    outside: int
    highest: tuple[str, int, float]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (
            RTX_3090,
            Told(
                count=1091,
                size=34,
                expected=33.98,
                lowest=("efficientvit_m2", 224, 0.583),
                outside=9,
                highest=("convnext_large_mlp", 256, 0.497),
            ),
        ),
        (
            CORE_I9,
            Told(
                count=1086,
                size=35,
                expected=36.23,
                lowest=("caformer_s36", 224, 0.266),
                outside=20,
                highest=("tf_mobilenetv3_small_minimal_100", 224, 0.452),
            ),
        ),
    ],
)
def test_the_front_of_a_published_table(table: str, text: Told) -> None:
    """In under a second of this thread's time."""
    points = points_of(table)
    assert len(points) == text.count
    begun = time.thread_time()
    rows = pareto(points)
    assert time.thread_time() - begun < 1.0
    on, off = rows[rows["on_front"]], rows[~rows["on_front"]]
    assert len(on) == text.size
    assert rows["membership"].sum() == pytest.approx(text.expected, abs=0.02)
    assert (off["membership"] > OUTSIDE).sum() == text.outside
    for row, (model, px, share) in (
        (on.loc[on["membership"].idxmin()], text.lowest),
        (off.loc[off["membership"].idxmax()], text.highest),
    ):
        assert (row["model"], row["image_px"]) == (model, px)
        assert row["membership"] == pytest.approx(share, abs=0.005)
