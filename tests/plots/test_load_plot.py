"""The figure of waiting under loads, by the data of its artists."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from lambdabench.core.errors import NothingMeasuredError
from lambdabench.plots import load, save

QUANTILES = {"p50": 1.0, "p95": 1.2, "p99": 1.5}
LOADS = {"latency": 1.0, "latency_under_load_50": 1.5, "latency_under_load_90": 5.0, "latency_under_load_20_per_s": 2.0}


def cases(models: int) -> pd.DataFrame:
    """Models of 10 ms and more that serve 80 requests a second and fewer; p99 under the greatest load without a bound."""
    rows = []
    for number in range(models):
        row: dict[str, object] = {
            "model": f"net{number:02d}",
            "case_id": f"{number}",
            "batch_size": 1,
            "image_px": 224,
            "device_name": "a cpu",
            "dtype": "float32",
            "options": "{}",
            "status": "ok",
            "saturation_rate": 80.0 / (models - number),
        }
        for name, times in LOADS.items():
            row |= {name: 0.01 * times, f"{name}_calls": 480.0, f"{name}_longest": 0.1}
            for quantile, factor in QUANTILES.items():
                value = 0.01 * factor * times * (models - number)
                is_open = quantile == "p99" and name.endswith("90")
                row |= {
                    f"{name}_{quantile}": value,
                    f"{name}_{quantile}_low": 0.9 * value,
                    f"{name}_{quantile}_high": np.nan if is_open else 1.1 * value,
                    f"{name}_{quantile}_calls": 110.0,
                }
            row[name] = row[f"{name}_p50"]
        rows.append(row)
    return pd.DataFrame(rows)


def marks(axes: Axes, kind: str) -> list[tuple[float, float]]:
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if line.get_gid() == kind]


def panels(drawing: load.Drawing) -> list[Axes]:
    return [axes for axes in drawing.figure.axes if axes.get_visible()]


@pytest.mark.parametrize("models", [1, 6])
def test_a_panel_a_model_the_quickest_first_with_its_saturation(models: int) -> None:
    titles = [axes.get_title(loc="left") for axes in panels(load.draw(cases(models), title="T"))]
    assert [title.split("\n")[0] for title in titles] == [f"net{number:02d}" for number in reversed(range(models))]
    assert titles[0].endswith("at most 80.0 request/s")


def test_quantiles_stand_at_their_share_of_the_service_rate_and_at_none() -> None:
    (axes,) = panels(load.draw(cases(1), title="T"))
    assert marks(axes, "point p50") == [
        (pytest.approx(share - load.SHIFT), pytest.approx(value))
        for share, value in ((0.0, 10.0), (20 / 80, 20.0), (0.5, 15.0), (0.9, 50.0))
    ]
    assert [y for _, y in marks(axes, "point p99")] == pytest.approx([15.0, 30.0, 22.5, 75.0])


def test_a_quantile_without_a_bound_is_hollow() -> None:
    (axes,) = panels(load.draw(cases(1), title="T"))
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_gid() == "point p99"]
    assert [face == "white" for face in faces] == [False, False, False, True]


def test_without_a_load_there_is_no_figure() -> None:
    without = cases(1)[["model", "case_id", "batch_size", "image_px", "status", "latency", "latency_p50"]]
    with pytest.raises(NothingMeasuredError, match="--suite service, or --load"):
        load.draw(without, title="T")


def test_the_numbers_behind_it_have_units() -> None:
    numbers = load.draw(cases(2), title="T").numbers
    assert {"latency_under_load_90_p99 [s/step]", "latency_under_load_90_p99_calls"} <= set(numbers)
    assert list(numbers["model"]) == ["net00", "net01"]


def test_it_is_saved(tmp_path: Path) -> None:
    assert [path.suffix for path in save(load.draw(cases(3), title="T"), tmp_path, "load")] == [".svg", ".png", ".csv"]


def test_of_many_the_quickest_are_drawn_and_the_legend_covers_no_panel() -> None:
    drawing = load.draw(cases(30), title="T")
    shown = panels(drawing)
    assert len(shown) == load.MOST_PANELS
    assert f"The quickest {load.MOST_PANELS} of 30" in drawing.figure.get_supxlabel()
    assert len(drawing.numbers) == 30
    drawing.figure.draw_without_rendering()
    legend = shown[0].get_legend()
    assert legend is not None
    box = legend.get_window_extent()
    assert not any(box.overlaps(axes.get_window_extent()) for axes in shown)
    titles = [text.get_window_extent() for text in (shown[0].title, shown[0]._left_title)]  # pyright: ignore[reportAttributeAccessIssue]
    assert not any(box.overlaps(title) for title in titles if title.width > 1)
    marks = [line.get_marker() for line in legend.get_lines()][:3]
    assert len(set(marks)) == 3, "told apart in grey"
