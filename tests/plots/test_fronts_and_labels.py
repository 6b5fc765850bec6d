"""Crowded figures stay readable: a front per environment, beaten points lighter, labels clear of each other."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lambdabench import plots
from lambdabench.analysis.pareto import pareto
from lambdabench.plots import pareto as figure

MODELS = (
    ("resnet50", 11.0, 80.4),
    ("resnet101", 6.4, 81.9),
    ("lambda_resnet50", 5.2, 78.4),
    ("lambda_resnet26t", 14.0, 79.1),
    ("botnet26t_256", 15.0, 79.3),
    ("halonet26t", 13.2, 79.1),
    ("deit_small_patch16_224", 12.5, 79.9),
    ("swin_tiny_patch4_window7_224", 9.0, 81.4),
    ("vit_base_patch16_224", 3.1, 85.1),
    ("efficientnet_b0", 28.0, 77.7),
    ("mobilenetv3_large_100", 64.0, 75.8),
    ("convnext_tiny", 8.3, 84.2),
)
SAME = {"batch_size": 1, "dtype": "float32", "mode": "inference", "device": "cpu", "fingerprint": "f", "status": "ok"}


def cases(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame(MODELS, columns=["model", "throughput", "top1"]).assign(**(SAME | changes))


def drawn(*frames: pd.DataFrame, notes: tuple[str, ...] = ()) -> plots.Drawing:
    points = pareto(pd.concat(frames, ignore_index=True))
    return figure.draw(points, x="throughput", y="top1", title="T", notes=notes)


@pytest.mark.parametrize("apart", [{"fingerprint": "g"}, {"dtype": "bfloat16"}, {"device": "cuda:0"}])
def test_cases_that_do_not_compare_have_stairs_apart(apart: dict[str, str]) -> None:
    slower = cases(**apart).assign(throughput=lambda frame: frame["throughput"] / 3)
    (axes,) = drawn(cases(), slower).figure.axes
    stairs = [one.get_xydata() for one in axes.lines if one.get_gid() == "front"]
    assert len(stairs) == 2
    assert all((np.diff(one, axis=0) * [1, -1] > 0).all() for one in stairs), "faster is less accurate along a front"


def test_beaten_points_are_lighter() -> None:
    (axes,) = drawn(cases()).figure.axes
    lighter = [one.lines[0].get_alpha() < 1 for one in axes.containers]
    assert lighter == [not on for on in pareto(cases())["on_front"]]


def test_labels_are_clear_of_each_other_in_every_panel() -> None:
    drawing = drawn(cases(), cases(batch_size=8), notes=("a long condition, " * 30,))
    drawing.figure.draw_without_rendering()
    for axes in drawing.figure.axes:
        boxes = [one.get_window_extent() for one in axes.texts if one.get_text()]
        assert len(boxes) == len(MODELS)
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_a_number_without_interval_is_drawn_without_bar() -> None:
    (axes,) = drawn(cases(top1_low=float("nan"), top1_high=float("nan"))).figure.axes
    assert not any(one.has_xerr or one.has_yerr for one in axes.containers)
