"""The figures of claims, by the data of their artists."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from scripted_claims import case, records

from lambdabench import store
from lambdabench.analysis.claims import Judged
from lambdabench.commands.claims import judge_claims
from lambdabench.core.errors import NothingMeasuredError
from lambdabench.plots import claims, save


@pytest.fixture
def results(tmp_path: Path) -> Path:
    seconds = {
        case("resnet50_ccll", 224, kernel="einsum"): 0.20,
        case("resnet50_llll", 224, kernel="einsum"): 0.90,
        case("resnet50_ccll", 224, kernel="einsum", layout="channels_last"): 0.18,
        case("resnet50_llll", 224, kernel="einsum", layout="channels_last"): 0.90,
        case("resnet50_ccll", 224): 0.11,
        case("resnet50_llll", 224): 0.15,
    }
    store.write(records(seconds), tmp_path / "a.parquet")
    return tmp_path


@pytest.fixture
def item(results: Path) -> Judged:
    return judge_claims(results, ids=["place-c4c5"]).judged[0]


def lines(axes: Axes, name: str) -> Sequence[Any]:
    return [line for line in axes.get_lines() if line.get_gid() == name]


def test_every_condition_is_a_column_and_those_without_a_ratio_stand_last(item: Judged, tmp_path: Path) -> None:
    drawing = claims.curve(item, title="a claim", notes=["a note"])
    top, bottom = drawing.figure.axes
    values = [float(line.get_ydata()[0]) for line in (*lines(top, "condition"), *lines(top, "headline"))]
    places = [float(line.get_xdata()[0]) for line in (*lines(top, "condition"), *lines(top, "headline"))]
    assert sorted(places) == [0, 1, 2, 3]
    assert [value for _, value in sorted(zip(places, values, strict=True))] == sorted(values)
    assert len(lines(top, "headline")) == 2
    assert len(lines(top, "interval")) == 4
    assert lines(top, "paper")[0].get_ydata()[0] == 4.29
    marks = lines(bottom, "setting")
    assert len(marks) == 24
    assert [line.get_marker() for line in marks] == ["o"] * 4 + ["x"] * 20
    labels = [text.get_text() for text in bottom.get_yticklabels()]
    assert {"layer: einsum", "layer: ours", "layout: channels_last", "backend: jax_jit"} <= set(labels)
    assert {path.suffix for path in save(drawing, tmp_path, "claim")} == {".svg", ".png", ".csv"}


def test_the_numbers_have_every_condition(item: Judged) -> None:
    numbers = claims.curve(item, title="a claim").numbers
    assert len(numbers) == 24
    assert numbers["status"].tolist().count("ok") == 4
    assert set(numbers.loc[numbers["headline"], "verdict"]) == {"replicated", "partly"}


def test_one_figure_of_all_claims_has_published_tables_hollow(results: Path) -> None:
    result = judge_claims(results)
    drawing = claims.draw(None, title="claims", claims=result.judged, witnesses=result.witnesses)
    (axes,) = drawing.figure.axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[1:3] == ["place-c4c5 (einsum)", "place-c4c5 (ours)"]
    assert len(lines(axes, "headline")) == len(lines(axes, "paper")) == 7
    witnesses = lines(axes, "witness")
    assert len(witnesses) == 18
    assert {line.get_markerfacecolor() for line in witnesses} == {"white"}


def test_without_a_ratio_there_is_no_figure(tmp_path: Path) -> None:
    result = judge_claims(tmp_path / "none", ids=["place"])
    with pytest.raises(NothingMeasuredError, match="lambdabench run --suite claims"):
        claims.draw(None, title="claims", claims=result.judged)
    with pytest.raises(NothingMeasuredError, match="lambdabench claims says what is missing"):
        claims.curve(result.judged[0], title="a claim")
