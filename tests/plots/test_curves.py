"""Curves are tested by their artists' data: which cases are joined, holes, bars, names, and what is never on one line."""

import itertools
import json
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from lambdabench import plots, report
from lambdabench.core.errors import NothingMeasuredError
from lambdabench.plots import _style as style
from lambdabench.plots import memory, scaling
from lambdabench.plots._scales import plain_log_ticks

SAME = {
    "options": "{}",
    "backend": "torch_eager",
    "device": "cpu",
    "device_name": "a cpu",
    "devices": 1,
    "mode": "inference",
    "dtype": "float32",
    "param_dtype": "float32",
    "layout": "contiguous",
    "threads": 2,
    "fingerprint": "f00",
    "image_px": 224,
    "batch_size": 1,
    "status": "ok",
    "reason": "",
    "started_at": "2026-01-02",
    "latency_covers": "one process",
    "throughput_covers": "one process",
}


def case(model: str, **changes: Any) -> dict[str, Any]:
    row = SAME | {"model": model} | changes
    if row["status"] == "ok":
        speed = 100.0 / len(model)
        row |= {"throughput": speed, "throughput_low": speed * 0.9, "throughput_high": speed * 1.2}
        row |= {"latency": row["batch_size"] / speed, "extra_memory": 2**30 * row["batch_size"], "peak_memory": 2**31}
    return row


def batches(model: str, *sizes: int, **changes: Any) -> list[dict[str, Any]]:
    return [case(model, batch_size=size, **changes) for size in sizes]


def drawn(rows: list[dict[str, Any]], module: Any = scaling) -> plots.Drawing:
    cases = pd.DataFrame(rows)
    return module.draw(cases, title="T", notes=report.curve_notes(cases, module.METRICS))


def lines(axes: Axes, gid: str) -> list[list[list[float]]]:
    return [line.get_xydata().tolist() for line in axes.lines if line.get_gid() == gid]  # pyright: ignore[reportAttributeAccessIssue]


def names(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if isinstance(text, Annotation)]


def test_a_curve_a_model_with_units_bars_and_its_name_at_the_end() -> None:
    drawing = drawn([*batches("a" * 10, 4, 1), *batches("b" * 20, 1, 4)])
    throughput, latency = drawing.figure.axes
    assert (throughput.get_xscale(), throughput.get_yscale()) == ("log", "log")
    assert lines(throughput, "curve") == [[[1, 10], [4, 10]], [[1, 5], [4, 5]]]
    assert lines(latency, "curve") == [[[1, 100], [4, 400]], [[1, 200], [4, 800]]], "milliseconds"
    assert latency.get_ylabel() == "latency [ms]"
    assert throughput.get_title("left") == "at 224 px"
    assert names(throughput) == ["a" * 10, "b" * 20]
    bar = throughput.containers[0].lines[2][0].get_segments()[0]
    assert bar[:, 1] == pytest.approx([9, 12])
    assert list(throughput.xaxis.get_majorticklocs()) == [1, 4]
    assert "throughput_low [image/s]" in drawing.numbers
    assert len(drawing.numbers) == 4


def test_a_row_of_panels_for_each_axis_that_was_measured() -> None:
    sizes = [case("m", image_px=name, batch_size=2) for name in (160, 224, 288)]
    drawing = drawn([*sizes, *batches("m", 1, 4)])
    assert [axis.get_xlabel() for axis in drawing.figure.axes] == ["batch size [images]"] * 2 + [
        "image size [px a side]"
    ] * 2
    assert [len(lines(axis, "curve")) for axis in drawing.figure.axes] == [1, 1, 1, 1], (
        "lone points of a drawn model are left out"
    )
    assert [point[0] for point in lines(drawing.figure.axes[0], "curve")[0]] == [1, 2, 4]
    assert [axis.get_title("left") for axis in drawing.figure.axes[1:3]] == ["at 224 px", "at batch 2"]


@pytest.mark.parametrize(
    "apart", [{"fingerprint": "g11"}, {"dtype": "bfloat16"}, {"backend": "torch_compile"}, {"threads": 8}]
)
def test_cases_that_do_not_compare_are_never_one_curve_and_the_names_tell(apart: dict[str, Any]) -> None:
    drawing = drawn([*batches("m", 1, 2), *batches("m", 4, 8, **apart)])
    axes = drawing.figure.axes[0]
    assert sorted([point[0] for point in line] for line in lines(axes, "curve")) == [[1, 2], [4, 8]]
    assert len(set(names(axes))) == 2
    assert len({line.get_linestyle() for line in axes.lines if line.get_gid() == "curve"}) == 2
    if "fingerprint" in apart:
        assert names(axes) == ["m, env f00", "m, env g11"]
        assert "2 environments are shown; each has curves of its own" in drawing.figure.get_supxlabel()


def test_names_tell_options_and_the_other_axis_where_they_differ() -> None:
    rows = [*batches("m", 1, 2, options='{"scope":7}'), *batches("m", 1, 2), *batches("n", 1, 2, image_px=256)]
    assert names(drawn(rows).figure.axes[0]) == ["m, 224 px, scope=7", "m, 224 px", "n, 256 px"]


def options(**known: Any) -> str:
    return json.dumps(known, separators=(",", ":"), sort_keys=True)


def test_options_that_all_curves_have_alike_are_in_the_title_and_not_in_the_names() -> None:
    rows = [
        batch
        for scope in (7, 9)
        for batch in batches("m", 1, 2, options=options(dim=64, heads=4, kernel="conv2d", scope=scope))
    ]
    axes = drawn(rows).figure.axes[0]
    assert names(axes) == ["m, scope=7", "m, scope=9"]
    assert axes.get_title("left") == "at 224 px, dim=64 heads=4 kernel=conv2d"


def test_long_names_are_cut_where_they_are_alike_and_stay_different() -> None:
    rows = [
        batch
        for library in ("timm", "lambda_networks")
        for scope in (7, 9, 23)
        for size in (56, 28)
        for batch in batches(
            "peer_lambda_layer", 1, 2, image_px=size, options=options(dim=3584 // size, library=library, scope=scope)
        )
    ]
    holes = [case("peer_lambda_layer", batch_size=4, image_px=28, status="oom", options=rows[6]["options"])]
    for axes in drawn(rows + holes).figure.axes:
        assert len(set(names(axes))) == 12
        assert max(map(len, names(axes))) <= 48
        assert {name.rpartition("scope=")[2].partition(";")[0] for name in names(axes)} == {"7", "9", "23"}


def test_names_that_would_be_cut_to_the_same_are_numbered() -> None:
    rows = [
        batch
        for place in (1, 2)
        for batch in batches(
            "m" * 20 + str(place) + "n" * 20, 1, 2, options=options(flavour="x" * 9 + str(place) + "y" * 40)
        )
    ]
    first, second = names(drawn(rows).figure.axes[0])
    assert (first[-4:], second[-4:]) == (" (1)", " (2)")
    assert len(first) == 48


def test_holes_are_crosses_beside_the_nearest_number_and_named_with_their_reason() -> None:
    holes = [case("m", batch_size=name, status="oom", reason="8 GiB are there") for name in (16, 32)]
    drawing = drawn([*batches("m", 1, 4), *holes])
    axes = drawing.figure.axes[0]
    assert lines(axes, "hole") == [[[16, 100]], [[32, 100]]]
    assert names(axes) == ["m; oom at 16; oom at 32"]
    assert list(axes.xaxis.get_majorticklocs()) == [1, 4, 16, 32]
    assert "Not shown: m batch 16, 32: oom: 8 GiB are there." in drawing.figure.get_supxlabel()


def test_a_model_measured_once_is_a_lone_marker_where_it_compares() -> None:
    rows = [case("m", image_px=name, batch_size=2) for name in (160, 224)]
    drawing = drawn([*rows, case("once", batch_size=2), case("other", batch_size=64)])
    axes = drawing.figure.axes[0]
    assert names(axes) == ["m", "once"]
    assert lines(axes, "curve")[1] == [[224, 25]]


def test_nothing_to_join_says_what_to_measure() -> None:
    with pytest.raises(NothingMeasuredError, match=r"no model has throughput or latency at two .*--batch-size 1,2,4,8"):
        drawn([case("m"), case("n", batch_size=8), case("m", batch_size=4, status="oom")])


def test_names_keep_clear_of_each_other_and_inside_the_figure() -> None:
    rows = [batch for place in range(13) for batch in batches(f"model_{place:02}", 1, 2)]
    figure = drawn(rows).figure
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [text.get_tightbbox() for text in axes.texts]
        texts = [super(Annotation, text).get_window_extent() for text in axes.texts if isinstance(text, Annotation)]
        assert len(texts) == 13
        assert not any(bbox.overlaps(other) for bbox, other in itertools.combinations(texts, 2))
        assert all(box is not None and box.x0 >= 0 and box.x1 <= figure.bbox.x1 + 1 for box in boxes)


def test_many_curves_are_parted_by_their_conditions() -> None:
    rows = [
        batch for place in range(8) for name in "ab" for batch in batches(f"m{place}", 1, 2, backend=f"backend_{name}")
    ]
    axes = drawn(rows).figure.axes
    assert [axis.get_title("left") for axis in axes[::2]] == ["backend_a, at 224 px", "backend_b, at 224 px"]
    assert [len(lines(axis, "curve")) for axis in axes] == [8, 8, 8, 8]


def test_one_value_without_an_interval_has_an_octave_around_it() -> None:
    """Of these matplotlib's own view is empty, and it warns."""
    axes = Figure().subplots()
    axes.set_xscale("log")
    axes.errorbar(32.0008, 80, yerr=[[1], [1]], fmt="o")
    axes.margins(x=0.18)
    plain_log_ticks(axes.xaxis)
    assert axes.get_xlim() == pytest.approx((32.0008 / 2**0.5, 32.0008 * 2**0.5))


def test_memory_beside_the_papers_formula() -> None:
    rows = [batch | {"interaction_memory": 2**29 * batch["batch_size"]} for batch in batches("lambda", 1, 2)]
    drawing = drawn([*rows, *batches("conv", 1, 2)], memory)
    extra, peak = drawing.figure.axes
    assert (extra.get_ylabel(), peak.get_ylabel()) == ("extra memory [GiB]", "peak memory [GiB]")
    assert lines(extra, "formula") == [[[1, 0.5], [2, 1.0]]]
    assert lines(peak, "formula") == []
    assert "Table 4" in drawing.figure.get_supxlabel()
    assert "Table 4" not in drawn(batches("conv", 1, 2), memory).figure.get_supxlabel()
    assert "interaction_memory [B]" in drawing.numbers


def test_models_look_different() -> None:
    looks = style.looks(f"m{place}" for place in range(56))
    assert len(set(looks.values())) == 56


def test_memory_of_several_processes_has_bars_of_their_range() -> None:
    rows = batches("m", 1, 2, extra_memory_least=2**29, extra_memory_most=2**31)
    for row in rows:
        row["extra_memory"] = 2**30
    drawing = drawn(rows, memory)
    bars = [container for container in drawing.figure.axes[0].containers if getattr(container, "has_yerr", False)]
    assert len(bars) == 2
    low, high = bars[0].lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((0.5, 2.0))
    assert "Bars: least to most of several processes." in drawing.figure.get_supxlabel()
    assert "extra_memory_most [B]" in drawing.numbers
