"""timm's lambda networks in timm's own published tables, at equal accuracy: the second witness."""

import os
from pathlib import Path

import pytest

from lambdabench.analysis.claim_witness import Table, Witnessed, tables_of, witnessed
from lambdabench.commands.claims import judge_claims
from lambdabench.facts.claims import claims
from lambdabench.facts.priors import priors

TABLES = "LAMBDABENCH_TIMM_TABLES"
"""A folder of timm's benchmark tables, https://github.com/huggingface/pytorch-image-models/tree/main/results."""
NAMES = {
    "3090": "amp-nchw-pt240-cu124-rtx3090",
    "3090n": "amp-nhwc-pt240-cu124-rtx3090",
    "5090c": "amp-nchw-pt291-cu130-5090-dynamo",
    "i9": "fp32-nchw-pt240-cpu-i9_10940x-dynamo",
}
TS, T26, RPT = "lambda_resnet50ts@256", "lambda_resnet26t@256", "lambda_resnet26rpt_256@256"
EXPECTED: dict[str, dict[str, tuple[float, float | None]]] = {
    "3090": {TS: (1.01, 0.63), T26: (0.87, 0.53), RPT: (0.61, 0.37)},
    "3090n": {RPT: (0.66, 0.41)},
    "5090c": {TS: (0.74, 0.44), T26: (0.68, 0.41), RPT: (0.90, 0.52)},
    "i9": {TS: (1.11, 0.83), T26: (1.72, None), RPT: (1.49, None)},
}
"""Over EfficientNets of the paper's recipe, over today's; None outside of their curve."""


def ratios(seen: tuple[Witnessed, ...], end: str) -> dict[str, tuple[float | None, ...]]:
    """Of the table whose name ends so: each network that it has, over each recipe."""
    mine = [item for item in seen if item.table.endswith(end) and item.reason != "not in the table"]
    return {
        name: tuple(item.value for item in mine if item.name == name)
        for name in dict.fromkeys(item.name for item in mine)
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_packages_own_tables(name: str) -> None:
    """Logarithms of three decimals: a ratio is known to 0.1 %."""
    mine = ratios(witnessed(claims(), tables_of(priors())), NAMES[name])
    assert set(mine) == set(EXPECTED[name])
    for network, expected in EXPECTED[name].items():
        assert (
            mine[network] == pytest.approx(expected, abs=0.0075) if None not in expected else mine[network][1] is None
        )
        assert mine[network][0] == pytest.approx(expected[0], abs=0.0075)


@pytest.mark.parametrize("name", NAMES)
def test_timms_tables_as_they_are_published(name: str, tmp_path: Path) -> None:
    folder = os.environ.get(TABLES)
    if not folder:
        pytest.skip(f"{TABLES} names no folder of timm's benchmark tables")
    mine = ratios(judge_claims(tmp_path / "none", tables=Path(folder)).witnesses, NAMES[name])
    assert set(mine) == set(EXPECTED[name])
    for network, expected in EXPECTED[name].items():
        for value, wanted in zip(mine[network], expected, strict=True):
            assert value == (None if wanted is None else pytest.approx(wanted, abs=0.0051))


def test_a_fault_marks_the_tables_that_ran_into_it() -> None:
    """Conv3d in torch 2.9: the two networks that are made of it, on the table of 2.9.1."""
    seen = witnessed(claims(), tables_of(priors()))
    marked = {(item.table, item.name) for item in seen if item.fault is not None}
    assert marked == {(NAMES["5090c"], TS), (NAMES["5090c"], T26)}


def test_a_table_without_efficientnets_says_nothing() -> None:
    (first, *_) = witnessed(claims(), [Table(name="own", rates={TS: 100.0})])
    assert (first.value, first.reason) == (None, "outside of their curve")
    (first, *_) = witnessed(claims(), [Table(name="own", rates={})])
    assert first.reason == "not in the table"
