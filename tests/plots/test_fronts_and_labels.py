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
SAME = {
    "batch_size": 1,
    "image_px": 224,
    "dtype": "float32",
    "mode": "inference",
    "device": "cpu",
    "device_name": "a cpu",
    "backend": "torch_eager",
    "layout": "contiguous",
    "threads": 2,
    "options": "{}",
    "fingerprint": "f",
    "status": "ok",
}


def cases(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame(MODELS, columns=["model", "throughput", "top1"]).assign(**(SAME | changes))


def drawn(*frames: pd.DataFrame, notes: tuple[str, ...] = ()) -> plots.Drawing:
    points = pareto(pd.concat(frames, ignore_index=True))
    return figure.draw(points, x="throughput", y="top1", title="T", notes=notes)


APART = pytest.mark.parametrize(
    ("apart", "names"),
    [
        ({"fingerprint": "g"}, ("env f", "env g")),
        ({"dtype": "bfloat16"}, ("bfloat16", "float32")),
        ({"device": "cuda:0"}, ("cpu", "cuda:0")),
        ({"device_name": "another cpu"}, ("a cpu", "another cpu")),
        ({"backend": "torch_compile"}, ("torch_compile", "torch_eager")),
        ({"layout": "channels_last"}, ("channels_last", "contiguous")),
        ({"options": '{"fold":true}'}, ("fold=false", "fold=true")),
        ({"options": '{"kernel":"conv2d"}'}, ("kernel=auto", "kernel=conv2d")),
        ({"options": '{"compile_mode":"max-autotune"}'}, ("compile_mode=default", "compile_mode=max-autotune")),
        ({"mode": "train"}, ("inference", "train")),
        ({"threads": 1}, ("1 thread", "2 threads")),
    ],
)


@APART
def test_other_programs_and_machines_have_panels_with_stairs_of_their_own(
    apart: dict[str, str], names: tuple[str, str]
) -> None:
    slower = cases(**apart).assign(throughput=lambda frame: frame["throughput"] / 3)
    drawing = drawn(cases(), slower)
    assert [axes.get_title("left") for axes in drawing.figure.axes] == [f"{name}, batch 1" for name in names]
    for axes in drawing.figure.axes:
        (stairs,) = [line.get_xydata() for line in axes.lines if line.get_gid() == "front"]
        assert (np.diff(stairs, axis=0) * [1, -1] > 0).all(), "faster is less accurate along a front"
    numbers = drawing.numbers
    assert dict(numbers["front"].value_counts()) == dict.fromkeys(names, len(MODELS))
    on = numbers[numbers["on_front"]].groupby("front")["model"].apply(set)
    assert on.iloc[0] == on.iloc[1], "three times as slow is a front of its own"
    (field,) = apart
    assert set(numbers[field]) == {apart[field], SAME[field]}


@pytest.mark.parametrize(("option", "other"), [("backend", "torch_compile"), ("options", '{"fold":true}')])
def test_one_front_over_ways_to_run_is_drawn_where_it_is_asked_for(option: str, other: str) -> None:
    faster = cases(**{option: other}).assign(throughput=lambda frame: frame["throughput"] * 3)
    across = ("fold",) if option == "options" else (option,)
    points = pareto(pd.concat([cases(), faster], ignore_index=True), across=across)
    assert not points[points[option] != other]["on_front"].any()
    drawing = figure.draw(points, x="throughput", y="top1", title="T", across=across)
    (axes,) = drawing.figure.axes
    texts = {text.get_text() for text in axes.texts}
    words = {"backend": ("torch_compile", "torch_eager"), "options": ("fold=true", "fold=false")}[option]
    assert {f"resnet50 ({word})" for word in words} <= texts


def test_a_network_without_a_kernel_stands_on_the_front_of_every_kernel() -> None:
    lambdas = [
        cases(options=f'{{"kernel":"{kernel}"}}').iloc[2:4].assign(throughput=rates)
        for kernel, rates in (("cpu", [50.0, 60.0]), ("conv2d", [1.0, 2.0]))
    ]
    drawing = drawn(cases().drop(index=[2, 3]), *lambdas)
    assert [axes.get_title("left") for axes in drawing.figure.axes] == ["kernel=conv2d, batch 1", "kernel=cpu, batch 1"]
    assert [len(axes.containers) for axes in drawing.figure.axes] == [len(MODELS)] * 2
    numbers = drawing.numbers
    on = numbers[numbers["on_front"]]
    assert set(on[on["model"].str.startswith("lambda")]["options"]) == {'{"kernel":"cpu"}'}
    assert len(numbers) == len(MODELS) + 2, "no point stands twice among the numbers"


def test_points_of_one_model_on_one_front_are_named_by_what_tells_them_apart() -> None:
    larger = cases(image_px=320).iloc[:1].assign(throughput=5.0, top1=82.0)
    deeper = cases(options='{"scope":7}').iloc[2:3].assign(throughput=9.0)
    (axes,) = drawn(cases(), larger, deeper).figure.axes
    texts = {text.get_text() for text in axes.texts}
    assert {"resnet50 (224 px)", "resnet50 (320 px)", "lambda_resnet50 (scope=7)", "lambda_resnet50"} <= texts
    assert "resnet101" in texts


def test_beaten_points_are_lighter() -> None:
    (axes,) = drawn(cases()).figure.axes
    lighter = [container.lines[0].get_alpha() < 1 for container in axes.containers]
    assert lighter == [not on for on in pareto(cases())["on_front"]]


def test_labels_are_clear_of_each_other_in_every_panel() -> None:
    drawing = drawn(cases(), cases(batch_size=8), notes=("a long condition, " * 30,))
    drawing.figure.draw_without_rendering()
    for axes in drawing.figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
        assert len(boxes) == len(MODELS)
        assert not any(bbox.overlaps(other) for bbox, other in itertools.combinations(boxes, 2))


def test_a_number_without_interval_is_drawn_without_bar() -> None:
    (axes,) = drawn(cases(top1_low=float("nan"), top1_high=float("nan"))).figure.axes
    assert not any(container.has_xerr or container.has_yerr for container in axes.containers)
