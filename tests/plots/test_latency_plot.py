"""The figure of the slowest calls, by the data of its artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from lambdabench.core.errors import NothingMeasuredError
from lambdabench.plots import latency, save

QUANTILES = {"p50": 1.0, "p95": 1.2, "p99": 1.5}


def cases(models: int, batches: tuple[int, ...] = (1,)) -> pd.DataFrame:
    """Models of 10 ms and some, p99 without a bound of every other one."""
    rows = []
    for number in range(models):
        for batch in batches:
            row = {
                "model": f"net{number:02d}",
                "case_id": f"{number}-{batch}",
                "batch_size": batch,
                "requested_batch_size": batch,
                "image_px": 224,
                "device_name": "a cpu",
                "dtype": "float32",
                "options": "{}",
                "status": "ok",
                "latency": 0.01,
                "latency_calls": 120.0,
                "latency_visits": 59.0,
                "latency_longest": 0.02 * (models - number) * batch,
                "latency_over": 0.14,
                "latency_over_low": 0.10,
                "latency_over_high": 0.19,
            }
            for name, factor in QUANTILES.items():
                value = factor * 0.01 * (models - number) * batch
                is_open = name == "p99" and number % 2
                row |= {
                    f"latency_{name}": value,
                    f"latency_{name}_low": 0.97 * value,
                    f"latency_{name}_high": np.nan if is_open else 1.1 * value,
                    f"latency_{name}_calls": 110.0,
                }
            rows.append(row)
    return pd.DataFrame(rows)


def marks(axes: Axes, kind: str) -> list[tuple[float, float]]:
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if line.get_gid() == kind]


@pytest.mark.parametrize("models", [2, 30])
def test_a_line_a_model_with_its_quantiles_in_turn(models: int) -> None:
    drawing = latency.draw(cases(models), title="T")
    (axes,) = drawing.figure.axes
    labels = [get_yticklabel.get_text() for get_yticklabel in axes.get_yticklabels()]
    assert labels == [f"net{number:02d}" for number in reversed(range(models))], "the quickest first"
    p50, p95 = marks(axes, "point p50"), marks(axes, "point p95")
    assert len(p50) == len(p95) == models
    assert p50[0][0] == pytest.approx(10.0), "ms"
    assert p95[0][0] == pytest.approx(12.0)
    assert p50[0][1] < p95[0][1], "bars do not cover each other"
    assert drawing.figure.get_figheight() >= latency.CLOSE_INCHES * models
    assert list(axes.get_ylim()) == [models - 0.5, -0.5]


def test_what_is_not_bounded_is_open_and_has_an_arrow() -> None:
    drawing = latency.draw(cases(4), title="T")
    (axes,) = drawing.figure.axes
    assert len(marks(axes, "point p99")) == len(marks(axes, "open p99")) == 2
    assert len([text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]) == 2
    assert "not bounded" in [get_text.get_text() for get_text in drawing.figure.axes[0].get_legend().get_texts()]
    bounded = latency.draw(cases(1), title="T")
    assert "not bounded" not in [get_text.get_text() for get_text in bounded.figure.axes[0].get_legend().get_texts()]


def test_a_limit_is_a_line_with_the_share_of_calls_over_it() -> None:
    drawing = latency.draw(cases(2, (1, 4)), title="T", limit_s=0.025)
    first, second = drawing.figure.axes
    assert [axes.get_title("left") for axes in (first, second)] == ["batch 1", "batch 4"]
    (line,) = (line for line in first.lines if line.get_gid() == "limit")
    assert line.get_xdata()[0] == 25.0
    assert [text.get_text() for text in first.texts if text.get_gid() == "share"] == ["14 % [10, 19]"] * 2
    assert "over 25 ms" in [text.get_text() for text in first.texts]
    plain = latency.draw(cases(2), title="T")
    assert not [text for text in plain.figure.axes[0].texts if text.get_gid() == "share"]


def test_the_numbers_behind_it_have_units(tmp_path: object) -> None:
    numbers = latency.draw(cases(2), title="T").numbers
    assert {"latency_p95 [s/step]", "latency_p95_low [s/step]", "latency_p99_calls", "latency_over_high"} <= set(
        numbers
    )


def test_what_tells_cases_of_one_model_apart_names_its_line() -> None:
    two = pd.concat([cases(1), cases(1).assign(dtype="bfloat16", case_id="x")], ignore_index=True)
    (axes,) = latency.draw(two, title="T").figure.axes
    assert sorted(get_yticklabel.get_text() for get_yticklabel in axes.get_yticklabels()) == [
        "net00 (bfloat16)",
        "net00 (float32)",
    ]


def test_nothing_to_draw_says_what_to_run() -> None:
    empty = cases(1).drop(columns=[case for case in cases(1) if case.startswith("latency_p")])
    with pytest.raises(NothingMeasuredError, match="lambdabench run --suite quickstart --at p95"):
        latency.draw(empty, title="T")
    assert callable(save)
