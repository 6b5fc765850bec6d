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


def named(paper_figure: PaperFigure) -> str:
    return f"{paper_figure.table}-{paper_figure.row}-{paper_figure.metric}"


@pytest.mark.parametrize("paper_figure", ALL, ids=named)
def test_a_figure_has_a_known_table_unit_model_and_a_number(paper_figure: PaperFigure) -> None:
    assert paper_figure.table in TABLES
    assert paper_figure.unit in UNITS
    assert paper_figure.unit in UNITS_OF.get(
        paper_figure.metric, {"%"} if paper_figure.metric.startswith(("box_ap", "mask_ap")) else set()
    )
    assert paper_figure.value > 0
    assert paper_figure.row
    assert paper_figure.conditions
    assert not paper_figure.model or MODEL_NAME.fullmatch(paper_figure.model)
    assert paper_figure.image_px or not paper_figure.model
    assert not paper_figure.options or paper_figure.model


@pytest.mark.parametrize("paper_figure", [paper_figure for paper_figure in ALL if paper_figure.derived], ids=named)
def test_a_misprint_is_named_with_its_reason_and_is_one(paper_figure: PaperFigure) -> None:
    assert (paper_figure.table, paper_figure.metric, paper_figure.printed) in MISPRINTS
    assert paper_figure.note
    assert round(float(paper_figure.derived), paper_figure.decimals) != paper_figure.value


def test_every_kind_of_misprint_is_there() -> None:
    assert {
        (paper_figure.table, paper_figure.metric, paper_figure.printed) for paper_figure in ALL if paper_figure.derived
    } == MISPRINTS
    assert [paper_figure.row for paper_figure in paper_figures("Table 9") if paper_figure.derived] == [
        "k=8, h=2, u=1", "k=8, h=16, u=1", "k=2, h=4, u=1", "k=2, h=8, u=1", "k=4, h=8, u=1", "k=32, h=8, u=1",
    ]  # fmt: skip
    assert all("caption" in paper_figure.note for paper_figure in paper_figures("Table 11"))


def test_no_figure_stands_twice_and_every_table_is_there() -> None:
    keys = Counter(
        (paper_figure.table, paper_figure.row, paper_figure.image_px, paper_figure.metric, paper_figure.conditions)
        for paper_figure in ALL
    )
    assert {key: count for key, count in keys.items() if count > 1} == {}
    assert set(TABLES) == {paper_figure.table for paper_figure in ALL}


def test_a_table_by_its_name() -> None:
    assert len(paper_figures("Table 13")) == 24
    assert {paper_figure.metric for paper_figure in paper_figures("Table 19")} == {"latency", "top1"}
    with pytest.raises(ValueError, match=r"found table 'Table 99', expected one of Table 3, .*Fig\. 4"):
        paper_figures("Table 99")


def test_printed_decimals_are_kept() -> None:
    (paper_figure,) = [
        figure for figure in paper_figures("Table 19") if figure.row == "LambdaResNet-101" and figure.printed == "0.20"
    ]
    assert (paper_figure.decimals, paper_figure.value) == (2, 0.2)


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
    figures = {
        paper_figure.row: paper_figure
        for paper_figure in paper_figures("Table 4")
        if paper_figure.metric == "interaction_memory"
    }
    assert set(figures) == set(formula)
    for row, figure in figures.items():
        text = figure.derived or figure.printed
        # half a unit of the last printed digit: 0.625 GiB is printed as 0.63
        assert math.isclose(formula[row] / 2**30, float(text), abs_tol=0.5001 * 10 ** -len(text.partition(".")[2])), row


def test_accuracies_that_are_joined_to_speeds_are_those_that_the_paper_prints() -> None:
    printed = {
        (paper_figure.table, paper_figure.model, paper_figure.image_px, paper_figure.value)
        for paper_figure in ALL
        if paper_figure.metric == "top1"
    }
    quoted = [accuracy for accuracy in accuracies() if accuracy.source.startswith("arXiv 2102.08602, ")]
    assert len(quoted) > 30
    for fact in quoted:
        table = fact.source.removeprefix("arXiv 2102.08602, ")
        assert (table, fact.architecture, fact.eval_px, fact.value) in printed
