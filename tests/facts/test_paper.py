"""The paper's printed numbers are well-formed, and each that is contradicted says by what."""

import math
from collections import Counter

import pytest

from lambdabench.core.spec import MODEL_NAME
from lambdabench.facts import accuracies, paper_figures
from lambdabench.facts.paper import TABLES, UNITS, PaperFigure

UNITS_OF = {
    "parameters": {"M"},
    "flops": {"GFLOP/image", "MFLOP/image"},
    "throughput": {"image/s"},
    "latency": {"s/step"},
    "interaction_memory": {"GiB"},
    "top1": {"%"},
}
MISPRINTS = {
    ("Table 4", "interaction_memory", "120"),
    ("Table 4", "interaction_memory", "0.95"),
    ("Table 5", "parameters", "307"),
    ("Table 9", "parameters", "14.8"),
    ("Table 9", "parameters", "15.6"),
    ("Table 9", "parameters", "14.7"),
    ("Table 9", "parameters", "15.7"),
    ("Table 10", "parameters", "14.9"),
    ("Table 13", "parameters", "15.4"),
    ("Table 16", "flops", "34"),
    ("Table 17", "flops", "563"),
    ("Table 17", "flops", "603"),
}
ALL = paper_figures()


def named(one: PaperFigure) -> str:
    return f"{one.table}-{one.row}-{one.metric}"


@pytest.mark.parametrize("one", ALL, ids=named)
def test_a_figure_has_a_known_table_unit_model_and_a_number(one: PaperFigure) -> None:
    assert one.table in TABLES
    assert one.unit in UNITS
    assert one.unit in UNITS_OF.get(one.metric, {"%"} if one.metric.startswith(("box_ap", "mask_ap")) else set())
    assert one.value > 0
    assert one.row
    assert one.conditions
    assert not one.model or MODEL_NAME.fullmatch(one.model)
    assert one.image_px or not one.model
    assert not one.options or one.model


@pytest.mark.parametrize("one", [one for one in ALL if one.derived], ids=named)
def test_a_misprint_is_named_with_its_reason_and_is_one(one: PaperFigure) -> None:
    assert (one.table, one.metric, one.printed) in MISPRINTS
    assert one.note
    assert round(float(one.derived), one.decimals) != one.value


def test_every_kind_of_misprint_is_there() -> None:
    assert {(one.table, one.metric, one.printed) for one in ALL if one.derived} == MISPRINTS
    assert [one.row for one in paper_figures("Table 9") if one.derived] == [
        "k=8, h=2, u=1", "k=8, h=16, u=1", "k=2, h=4, u=1", "k=2, h=8, u=1", "k=4, h=8, u=1", "k=32, h=8, u=1",
    ]  # fmt: skip
    assert all("caption" in one.note for one in paper_figures("Table 11"))


def test_no_figure_stands_twice_and_every_table_is_there() -> None:
    keys = Counter((one.table, one.row, one.image_px, one.metric, one.conditions) for one in ALL)
    assert {key: count for key, count in keys.items() if count > 1} == {}
    assert set(TABLES) == {one.table for one in ALL}


def test_a_table_by_its_name() -> None:
    assert len(paper_figures("Table 13")) == 24
    assert {one.metric for one in paper_figures("Table 19")} == {"latency", "top1"}
    with pytest.raises(ValueError, match=r"found table 'Table 99', expected one of Table 3, .*Fig\. 4"):
        paper_figures("Table 99")


def test_printed_decimals_are_kept() -> None:
    (one,) = [one for one in paper_figures("Table 19") if one.row == "LambdaResNet-101" and one.printed == "0.20"]
    assert (one.decimals, one.value) == (2, 0.2)


def test_memory_of_table_4_is_the_formula_in_gib() -> None:
    """float32 bytes of what grows with n^2 (Table 4's caption): 128 images, 8 heads; k embeddings; 3, 4, 6, 3 layers."""
    layers, sides = (3, 4, 6, 3), (56, 28, 14, 7)
    square = sum(count * side**4 for count, side in zip(layers, sides, strict=True))
    axial = sum(count * side**3 for count, side in zip(layers, sides, strict=True))
    shared = sum(side**4 for side in sides)
    formula = {
        "global self-attention": 4 * 128 * 8 * square,
        "axial self-attention": 4 * 128 * 8 * 2 * axial,
        "lambda layer": 4 * 16 * square,
        "lambda layer (k=8)": 4 * 8 * square,
        "lambda layer (shared embeddings)": 4 * 16 * shared,
    }
    figures = {one.row: one for one in paper_figures("Table 4") if one.metric == "interaction_memory"}
    assert set(figures) == set(formula)
    for row, one in figures.items():
        text = one.derived or one.printed
        # half a unit of the last printed digit: 0.625 GiB is printed as 0.63
        assert math.isclose(formula[row] / 2**30, float(text), abs_tol=0.5001 * 10 ** -len(text.partition(".")[2])), row


def test_accuracies_that_are_joined_to_speeds_are_those_that_the_paper_prints() -> None:
    printed = {(one.table, one.model, one.image_px, one.value) for one in ALL if one.metric == "top1"}
    quoted = [one for one in accuracies() if one.source.startswith("arXiv 2102.08602, ")]
    assert len(quoted) > 30
    for one in quoted:
        table = one.source.removeprefix("arXiv 2102.08602, ")
        assert (table, one.architecture, one.eval_px, one.value) in printed
